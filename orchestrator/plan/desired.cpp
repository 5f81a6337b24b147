#include "orchestrator/plan/desired.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "model/docker_socket.h"
#include "model/labels.h"
#include "orchestrator/compose/service_hash.h"
#include "orchestrator/plan/pre_start.h"
#include "orchestrator/plan/service_container.h"

namespace stack::orchestrator {
namespace {

using compose::Project;
using compose::Service;
using Labels = std::map<std::string, std::string>;

constexpr std::string_view kServiceContext = "service:";

// "compose.yaml:7:9: " if the loader knows the position, otherwise "".
std::string place(const Project& project, const std::string& pointer) {
  std::string origin = origin_of(project, pointer);
  return origin.empty() ? "" : origin + ": ";
}

Error service_error(const Project& project, const std::string& service, Error error) {
  return std::move(error).in(place(project, "/services/" + service) + "service " + service);
}

uint32_t number_or_zero(const std::string& text) {
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// --- selection ---

Result<> check_known(const Project& project, const std::string& service) {
  if (project.services.count(service)) return {};
  std::vector<std::string> names;
  for (const auto& [name, unused] : project.services) names.push_back(name);
  std::string near = nearest(service, names);
  return invalid("no such service: " + service + (near.empty() ? "" : " (did you mean \"" + near + "\"?)"));
}

// The selected services and their graph.
Result<ServiceGraph> select_services(const Project& project, const DesiredOptions& options) {
  for (const std::string& name : options.services) TRY(check_known(project, name));
  for (const auto& [name, count] : options.scale) TRY(check_known(project, name));
  ServiceGraph all = service_graph(project);
  if (options.services.empty()) return all;
  std::vector<std::string> names =
      options.no_deps ? options.services : all.with_dependencies(options.services);
  ServiceGraph selected;
  for (const std::string& name : names) selected.add(name, all.dependencies(name));
  return selected;
}

// --- networks and volumes ---

Labels resource_labels(const Project& project, const Labels& own, const char* key_label,
                       const std::string& key) {
  Labels labels = own;
  labels[label::kProject] = project.name;
  labels[key_label] = key;
  labels[label::kVersion] = std::string(label::kVersionValue);
  return labels;
}

std::string resource_hash(Json json) {
  json["v"] = 1;
  return sha256_hex(stack::to_text(json));
}

DesiredNetwork desired_network(const Project& project, const std::string& key, compose::Network config) {
  DesiredNetwork network{key, std::move(config), {}, {}, 0};
  if (network.config.driver.empty()) network.config.driver = "bridge";
  if (network.config.external) return network;
  compose::Network hashed = network.config;
  hashed.extensions.clear();
  network.config_hash = resource_hash(network_to_json(hashed));
  network.labels = resource_labels(project, network.config.labels, label::kNetwork, key);
  network.labels[label::kConfigHash] = network.config_hash;
  return network;
}

DesiredVolume desired_volume(const Project& project, const std::string& key, compose::Volume config) {
  DesiredVolume volume{key, std::move(config), {}, {}};
  if (volume.config.driver.empty()) volume.config.driver = "local";
  if (volume.config.external) return volume;
  compose::Volume hashed = volume.config;
  hashed.extensions.clear();
  volume.config_hash = resource_hash(volume_to_json(hashed));
  volume.labels = resource_labels(project, volume.config.labels, label::kVolume, key);
  volume.labels[label::kConfigHash] = volume.config_hash;
  return volume;
}

struct UsedResources {
  std::set<std::string> networks;
  std::set<std::string> volumes;
};

UsedResources used_resources(const Project& project, const ServiceGraph& graph) {
  UsedResources used;
  for (const std::string& name : graph.services()) {
    const Service& service = project.services.at(name);
    for (const auto& [key, config] : service.networks) used.networks.insert(key);
    for (const compose::VolumeMount& mount : service.volumes) {
      if (mount.type == compose::MountType::Volume) used.volumes.insert(mount.source);
    }
  }
  return used;
}

// Counts the containers that join each network.
void count_containers(DesiredState& state) {
  std::map<std::string, size_t> counts;
  for (const auto& [name, service] : state.services)
    for (const EndpointSpec& endpoint : service.base.endpoints)
      counts[endpoint.network] += static_cast<size_t>(std::max(service.replicas, 0));
  for (auto& [key, network] : state.networks) network.containers = counts[network.config.name];
}

// Adds all resources of the project, or those that the selected services use.
void add_resources(const Project& project, bool everything, DesiredState& state) {
  UsedResources used = used_resources(project, state.graph);
  for (const auto& [key, config] : project.networks) {
    if (everything || used.networks.count(key))
      state.networks.emplace(key, desired_network(project, key, config));
  }
  for (const auto& [key, config] : project.volumes) {
    if (everything || used.volumes.count(key))
      state.volumes.emplace(key, desired_volume(project, key, config));
  }
}

// --- images ---

void add_unique(std::vector<std::string>& list, const std::string& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

// The service whose image is a build's base: "service:base" in additional_contexts.
const Service* build_base(const Project& project, const std::string& context) {
  if (!context.starts_with(kServiceContext)) return nullptr;
  auto service = project.services.find(context.substr(kServiceContext.size()));
  return service == project.services.end() ? nullptr : &service->second;
}

// Adds each secret under its own name and under its target's name, because Dockerfiles use either.
void add_build_secrets(const Project& project, const compose::Build& build, DesiredImage& image) {
  for (const compose::FileMount& mount : build.secrets) {
    auto object = project.secrets.find(mount.source);
    if (object == project.secrets.end()) continue;
    BuildSecretSource secret;
    secret.id = mount.source;
    secret.file = object->second.file;
    if (secret.file.empty()) secret.content = object->second.bytes;
    secret.uid = number_or_zero(mount.uid);
    secret.gid = number_or_zero(mount.gid);
    secret.mode = mount.mode;
    image.secrets.push_back(secret);
    secret.id = base_name(mount.target);
    if (!mount.target.empty() && secret.id != mount.source) image.secrets.push_back(std::move(secret));
  }
}

void add_image(const Project& project, const Service& service, DesiredState& state) {
  std::string reference = image_name(project, service);
  DesiredImage& image = state.images[reference];
  image.reference = reference;
  image.named = image.named || !service.image.empty();
  if (image.build && image.services.front() == service.name) return;
  add_unique(image.services, service.name);
  if (image.platform.empty()) image.platform = service.platform;
  if (image.pull_policy.empty()) {
    image.pull_policy = service.pull_policy;
    image.pull_refresh_after = service.pull_refresh_after;
  }
  if (!service.build) return;
  if (image.build) {
    if (*service.build != *project.services.at(image.services.front()).build) {
      state.warnings.push_back("services " + image.services.front() + " and " + service.name +
                               " build different images under the name " + reference);
    }
    return;
  }
  image.build = service.build;
  for (auto& [name, context] : image.build->additional_contexts) {
    const Service* base = build_base(project, context);
    if (base != nullptr) context = "docker-image://" + image_name(project, *base);
  }
  add_build_secrets(project, *service.build, image);
  // The service that builds the image comes first, because messages name it.
  auto builder = std::find(image.services.begin(), image.services.end(), service.name);
  std::rotate(image.services.begin(), builder, builder + 1);
  image.build->labels[label::kProject] = project.name;
  image.build->labels[label::kService] = service.name;
  image.build->labels[label::kVersion] = std::string(label::kVersionValue);
}

// A build's base may be the image of a service that is not selected.
void add_build_bases(const Project& project, const Service& service, DesiredState& state) {
  if (!service.build) return;
  for (const auto& [name, context] : service.build->additional_contexts) {
    const Service* base = build_base(project, context);
    if (base == nullptr) continue;
    DesiredImage& image = state.images[image_name(project, *base)];
    bool visited = std::exchange(image.for_builds, true);
    add_image(project, *base, state);
    if (!visited) add_build_bases(project, *base, state);
  }
}

// Images of hooks and image mounts are obtained like those of services.
void add_further_image(const std::string& reference, const Service& service, DesiredState& state) {
  DesiredImage& image = state.images[reference];
  image.reference = reference;
  image.services.push_back(service.name);
  if (image.pull_policy.empty()) {
    image.pull_policy = service.pull_policy;
    image.pull_refresh_after = service.pull_refresh_after;
  }
}

void add_further_images(const Service& service, const ContainerSpec& spec, DesiredState& state) {
  for (const compose::ServiceHook& hook : service.pre_start) {
    if (!hook.image.empty()) add_further_image(hook.image, service, state);
  }
  for (const MountSpec& mount : spec.mounts) {
    if (mount.kind == MountKind::Image) add_further_image(mount.source, service, state);
  }
}

// --- services ---

Result<> refuse_reserved_labels(const Labels& labels) {
  for (const auto& [name, value] : labels) {
    if (name.starts_with(label::kPrefix)) return invalid("label " + name + " is reserved");
  }
  return {};
}

Labels container_labels(const Project& project, const DesiredService& service, const Labels& own) {
  Labels labels = own;
  labels[label::kProject] = project.name;
  labels[label::kService] = service.name;
  labels[label::kOneOff] = "False";
  labels[label::kConfigHash] = service.config_hash;
  labels[label::kDependsOn] = depends_on_label(service.depends_on);
  labels[label::kWorkingDir] = project.working_dir;
  labels[label::kConfigFiles] = join(project.compose_files, ",");
  labels[label::kVersion] = std::string(label::kVersionValue);
  if (!project.env_files.empty()) labels[label::kEnvironmentFile] = join(project.env_files, ",");
  return labels;
}

Result<int> wanted_replicas(const Service& service, const DesiredOptions& options) {
  auto override_count = options.scale.find(service.name);
  int64_t count = override_count == options.scale.end() ? compose::replicas(service) : override_count->second;
  if (count < 0 || count > 100'000) return invalid("cannot have " + std::to_string(count) + " containers");
  if (count > 1 && !service.container_name.empty()) {
    return invalid("container_name \"" + service.container_name + "\" allows only one container, not " +
                   std::to_string(count));
  }
  return static_cast<int>(count);
}

// The label lists dependencies outside the selection as well, but the plan does not wait for them.
Result<DesiredService> desired_service(const Project& project, const Service& service,
                                       const DesiredOptions& options, const ServiceGraph& graph) {
  DesiredService desired;
  desired.name = service.name;
  desired.depends_on = graph.dependencies(service.name);
  TRY_ASSIGN(desired.replicas, wanted_replicas(service, options));
  desired.selected = options.services.empty() || std::find(options.services.begin(), options.services.end(),
                                                           service.name) != options.services.end();
  if (service.provider) return unsupported("provider \"" + service.provider->type + "\" is not supported");
  desired.image = image_name(project, service);
  desired.container_name = service.container_name;
  desired.config_text = compose::canonical_service(project, service);
  desired.config_hash = sha256_hex(desired.config_text);
  desired.shares_with = shared_services(service);
  desired.job = service.deploy && service.deploy->mode.ends_with("-job");
  desired.has_healthcheck =
      service.healthcheck && !service.healthcheck->disable && !service.healthcheck->test.empty();
  if (service.deploy && service.deploy->update_config && !desired.job)
    desired.update = update_policy(*service.deploy->update_config);
  if (options.roll_back && !desired.job) {
    if (!desired.update) desired.update = UpdatePolicy{};
    desired.update->on_failure = UpdateFailure::Rollback;
  }
  if (service.deploy && service.deploy->rollback_config)
    desired.rollback = update_policy(*service.deploy->rollback_config);
  TRY(refuse_reserved_labels(service.labels));
  TRY_ASSIGN(desired.base, service_spec(project, service));
  desired.base.labels = container_labels(project, desired, service.labels);
  desired.pre_start = pre_start_specs(project, service, desired.base);
  return desired;
}

// Access to the socket means full control of the machine, so mounting it causes a warning.
Result<> check_docker_socket(const Project& project, const DesiredService& service,
                             const DesiredOptions& options, DesiredState& state) {
  const std::vector<MountSpec>& mounts = service.base.mounts;
  bool wanted = std::any_of(mounts.begin(), mounts.end(), [](const MountSpec& mount) {
    return mount.kind == MountKind::Bind && is_docker_socket(mount.source);
  });
  if (!wanted) return {};
  if (options.no_docker_socket)
    return service_error(project, service.name,
                         invalid("the service mounts the Docker socket, which --no-docker-socket forbids"));
  state.warnings.push_back(place(project, "/services/" + service.name) + "service " + service.name +
                           ": the Docker socket is replaced with the socket of stack's API");
  return {};
}

Result<> refuse_same_names(const Project& project, const DesiredState& state) {
  std::map<std::string, std::string> owners;
  for (const auto& [name, service] : state.services) {
    for (int number = 1; number <= service.replicas; ++number) {
      auto [at, fresh] = owners.emplace(container_name(state, service, number), name);
      if (fresh) continue;
      return service_error(
          project, name,
          invalid("container name \"" + at->first + "\" is also used by service " + at->second));
    }
  }
  return {};
}

}  // namespace

Result<DesiredState> desired_state(const Project& project, const DesiredOptions& options) {
  DesiredState state;
  state.project = project.name;
  state.separator = project.separator;
  state.working_dir = project.working_dir;
  TRY_ASSIGN(state.graph, select_services(project, options));
  TRY_ASSIGN(auto order, state.graph.order());
  add_resources(project, options.services.empty(), state);
  for (const auto& [name, service] : project.services) state.known_services.insert(name);
  for (const auto& [name, service] : project.disabled_services) state.known_services.insert(name);
  for (const std::string& name : state.graph.services()) {
    const Service& service = project.services.at(name);
    auto desired = desired_service(project, service, options, state.graph);
    if (!desired) return service_error(project, name, std::move(desired).error());
    add_image(project, service, state);
    add_build_bases(project, service, state);
    add_further_images(service, desired->base, state);
    TRY(check_docker_socket(project, *desired, options, state));
    for (std::string& text : unsupported_parts(service)) {
      state.warnings.push_back(place(project, "/services/" + name) + text);
    }
    state.services.emplace(name, *std::move(desired));
  }
  TRY(refuse_same_names(project, state));
  count_containers(state);
  return state;
}

std::string container_name(const DesiredState& state, const DesiredService& service, int number) {
  if (!service.container_name.empty()) return service.container_name;
  return state.project + state.separator + service.name + state.separator + std::to_string(number);
}

ContainerSpec container_spec_of(const DesiredState& state, const DesiredService& service, int number) {
  ContainerSpec spec = service.base;
  spec.name = container_name(state, service, number);
  spec.labels[label::kContainerNumber] = std::to_string(number);
  for (EndpointSpec& endpoint : spec.endpoints) {
    std::vector<std::string> aliases{spec.name};
    add_unique(aliases, service.name);
    for (const std::string& alias : endpoint.aliases) add_unique(aliases, alias);
    endpoint.aliases = std::move(aliases);
  }
  return spec;
}

namespace {

// Whether Compose names a project in the folder like this if nobody gives it a name.
bool is_named_after(const std::string& project, const std::string& folder) {
  std::string name;
  for (char c : lower(base_name(clean_path(folder))))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || ((c == '_' || c == '-') && !name.empty()))
      name += c;
  return name == project;
}

}  // namespace

std::optional<std::string> check_identity(const std::string& project, const std::string& stored_working_dir,
                                          const std::string& working_dir) {
  if (stored_working_dir.empty() || clean_path(stored_working_dir) == clean_path(working_dir))
    return std::nullopt;
  if (!is_named_after(project, working_dir)) return std::nullopt;
  return "project \"" + project + "\" belongs to " + stored_working_dir + ", not to " + working_dir +
         "; choose another name with -p or `name:`, or take the other project down with `stack -p " +
         project + " down`";
}

}  // namespace stack::orchestrator
