#include "engine/project/project_observer.h"

#include <sys/sysinfo.h>

#include <algorithm>

#include "base/files.h"
#include "engine/api/docker_view.h"
#include "engine/container/spec_check.h"
#include "model/labels.h"
#include "orchestrator/plan/pull.h"

namespace stack::engine {

using orchestrator::DesiredState;
using orchestrator::ObservedState;

namespace {

constexpr std::string_view kContainerPrefix = "container ";

void observe_containers(const ProjectParts& parts, const DesiredState* desired, ObservedState& observed) {
  for (const auto& [id, container] : parts.engine.containers) {
    if (!container->exists()) continue;
    std::string owner = container->label(label::kProject);
    if (owner != observed.project) {
      observed.other_names[container->spec.name] =
          owner.empty() ? "container " + container->short_id() : "project " + owner;
      continue;
    }
    observed.containers.push_back(observed_container(*container, parts.networks));
    if (desired != nullptr) continue;
    if (auto image = parts.containers.parts().images.find(container->spec.image))
      observed.images[container->spec.image] = image->id;
  }
}

// Time since the image was last pulled or tagged.
std::chrono::seconds age_of(const images::Image& image) {
  Result<WallTime> tagged = parse_rfc3339(image.last_tag_time);
  if (!tagged) return {};
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *tagged);
}

}  // namespace

ObservedState observe(const ProjectParts& parts, const std::string& project, const DesiredState* desired) {
  ObservedState observed;
  observed.project = project;
  observe_containers(parts, desired, observed);
  for (const NetworkPtr& network : parts.networks.list())
    observed.networks.push_back({network->id, network->name(), network->request.labels,
                                 parts.networks.fault_of(network->id), network->capacity()});
  for (const volumes::Volume& volume : parts.containers.parts().volumes.list())
    observed.volumes.push_back({volume.name, volume.labels});
  if (desired == nullptr) return observed;
  for (const auto& [reference, wanted] : desired->images) {
    auto image = parts.containers.parts().images.find(reference);
    if (!image) continue;
    observed.images[reference] = image->id;
    if (orchestrator::refresh_interval(wanted.pull_policy, wanted.pull_refresh_after))
      observed.image_ages[reference] = age_of(*image);
  }
  return observed;
}

namespace {

struct BuildQuestion {
  std::string reference;
  compose::Build build;
  std::optional<BuildRecord> known;
};

std::vector<BuildQuestion> build_questions(const ProjectParts& parts, const DesiredState& desired,
                                           const ObservedState& observed) {
  std::vector<BuildQuestion> questions;
  for (const auto& [reference, image] : desired.images) {
    if (!image.build) continue;
    auto present = observed.images.find(reference);
    std::optional<BuildRecord> known;
    if (present != observed.images.end()) known = parts.builds.records().find(reference, present->second);
    questions.push_back({reference, *image.build, std::move(known)});
  }
  return questions;
}

std::vector<BuildInspection> answers(const std::vector<BuildQuestion>& questions) {
  std::vector<BuildInspection> looks;
  for (const BuildQuestion& question : questions)
    looks.push_back(inspect_build(question.build, question.known));
  return looks;
}

std::set<std::string> changed_bases(const std::optional<BuildRecord>& known, const ObservedState& observed) {
  std::set<std::string> changed;
  if (!known) return changed;
  for (const auto& [reference, id] : known->bases) {
    auto present = observed.images.find(reference);
    if (present != observed.images.end() && present->second != id) changed.insert(reference);
  }
  return changed;
}

}  // namespace

Task<ObservedState> observe_builds(ProjectParts parts, const DesiredState& desired, ObservedState observed) {
  std::vector<BuildQuestion> questions = build_questions(parts, desired, observed);
  if (questions.empty()) co_return observed;
  auto work = [&questions] { return answers(questions); };
  std::vector<BuildInspection> looks = co_await offload(parts.engine.pool, work);
  for (size_t i = 0; i < questions.size(); ++i) {
    BuildInspection& look = looks[i];
    const std::optional<BuildRecord>& known = questions[i].known;
    parts.builds.records().note(look);
    observed.builds[questions[i].reference] = {look.content, known ? known->content : "",
                                               std::move(look.bases), changed_bases(known, observed)};
  }
  co_return observed;
}

void keep_only(ObservedState& observed, const std::vector<std::string>& services,
               const std::vector<std::string>& ids) {
  auto contains = [](const std::vector<std::string>& list, const std::string& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  };
  std::erase_if(observed.containers, [&](const orchestrator::ObservedContainer& container) {
    if (contains(ids, container.id.text()) || container.alive()) return false;
    bool completed = container.state == ContainerStatus::Exited && container.exit_code == 0;
    return contains(services, container.service) || !completed;
  });
}

bool has_containers(const ProjectParts& parts, const std::string& project) {
  const auto& containers = parts.engine.containers;
  return std::any_of(containers.begin(), containers.end(),
                     [&](const auto& entry) { return entry.second->label(label::kProject) == project; });
}

bool has_anything(const ProjectParts& parts, const std::string& project) {
  if (has_containers(parts, project)) return true;
  std::vector<NetworkPtr> networks = parts.networks.list();
  return std::any_of(networks.begin(), networks.end(), [&](const NetworkPtr& network) {
    auto owner = network->request.labels.find(label::kProject);
    return owner != network->request.labels.end() && owner->second == project;
  });
}

Result<> check_identity(const ProjectParts& parts, const StoredProjects& stored,
                        const compose::Project& project) {
  std::optional<StoredProject> known = stored.find(project.name);
  if (!known || !has_containers(parts, project.name)) return {};
  // The folder was moved.
  if (!path_exists(known->working_dir)) return {};
  if (auto refusal = orchestrator::check_identity(project.name, known->working_dir, project.working_dir))
    return conflict(*refusal);
  return {};
}

namespace {

std::vector<orchestrator::HeldPort> held_ports(const ProjectParts& parts, const std::string& project) {
  std::vector<orchestrator::HeldPort> held;
  for (const auto& [id, container] : parts.engine.containers) {
    if (!container->run || container->label(label::kProject) != project) continue;
    for (const PublishedPort& port : container->published) {
      PortSpec spec;
      spec.container_port = port.container_port;
      spec.protocol = port.protocol;
      spec.host_ip = port.host_ip;
      spec.host_port = port.host_port;
      held.push_back({id, spec});
    }
  }
  return held;
}

bool holder_is_of(const ProjectParts& parts, const std::string& project, const std::string& holder) {
  if (!holder.starts_with(kContainerPrefix)) return false;
  ContainerPtr container = parts.engine.find_container(holder.substr(kContainerPrefix.size()));
  return container && container->label(label::kProject) == project;
}

}  // namespace

std::vector<orchestrator::Problem> preflight(const ProjectParts& parts, const LoadedProject& loaded,
                                             const orchestrator::Plan& plan, const ObservedState& observed) {
  const std::string& project = loaded.project.name;
  orchestrator::HostFacts facts;
  facts.port_taken = [&](const std::optional<IpAddress>& ip, uint16_t port,
                         Protocol protocol) -> std::optional<std::string> {
    auto holder = parts.networks.port_holder(ip, port, protocol);
    if (holder && holder_is_of(parts, project, *holder)) return std::nullopt;
    return holder;
  };
  facts.path_exists = [](const std::string& path) { return path_exists(path); };
  facts.can_pull = [](const std::string& reference) { return parse_reference(reference).has_value(); };
  facts.container_known = [&](const std::string& name) {
    return parts.engine.find_container(name) != nullptr;
  };
  facts.fault_of = [](const ContainerSpec& spec) -> std::optional<std::pair<std::string, std::string>> {
    std::optional<SpecFault> fault = find_fault(spec, static_cast<unsigned>(::get_nprocs_conf()));
    if (!fault) return std::nullopt;
    return std::pair(fault->attribute, fault->text);
  };
  return orchestrator::preflight(loaded.project, loaded.desired, plan, observed, facts,
                                 held_ports(parts, project));
}

}  // namespace stack::engine
