#include "cli/cluster/swarm/swarm_project.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/files.h"
#include "base/text.h"
#include "cli/cluster/project_images.h"
#include "cli/cluster/project_load.h"
#include "cli/flags/commands.h"
#include "cli/session/credential_store.h"
#include "cli/session/member.h"
#include "docker/registry_auth.h"
#include "http/wire/query.h"
#include "model/image_reference.h"
#include "orchestrator/compose/places.h"
#include "orchestrator/targets/swarm/api/node_choice.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

namespace {

using Facts = std::map<std::string, targets::ImageFacts>;

swarm::ConvertInputs inputs_of(const compose::Loaded& loaded, Facts images) {
  swarm::ConvertInputs inputs;
  inputs.images = std::move(images);
  inputs.place = [&](const std::string& pointer) { return compose::place_of(loaded, pointer); };
  return inputs;
}

bool needs_loading(const compose::Project& project, const Arguments& arguments) {
  if (!arguments.text("push-to").empty()) return false;
  return std::any_of(project.services.begin(), project.services.end(), [&](const auto& entry) {
    return entry.second.build && !names_registry(compose::image_name(project, entry.second));
  });
}

// Streams an archive of the image from the local engine into the other one.
Result<> load_image(Session& session, swarm::DockerConnection& docker, const std::string& image) {
  TRY_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::create("/var/tmp/stack-load-"));
  TRY_ASSIGN(Fd file, open_file(folder.path() + "/image.tar", O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY_ASSIGN(http::Client engine, session.connect());
  http::ClientRequest save;
  save.target = "/images/get?names=" + http::percent_encode(image);
  Result<> written;
  TRY(engine.stream(save, [&](std::string_view bytes) {
    written = write_all(file.get(), bytes);
    return written.has_value();
  }));
  TRY(written);
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return Error::last_errno("seek");
  http::ClientRequest load;
  load.method = "POST";
  load.target = "/images/load?quiet=1";
  load.content_type = "application/x-tar";
  load.body_source = [&]() -> Result<std::string> {
    std::string piece(size_t{1} << 20, '\0');
    ssize_t size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0) return Error::last_errno("read");
    piece.resize(static_cast<size_t>(size));
    return piece;
  };
  std::string answer;
  TRY(docker.stream(std::move(load), [&](std::string_view bytes) {
    answer += bytes;
    return true;
  }));
  if (answer.find("\"errorDetail\"") != std::string::npos) return Error(answer.substr(0, answer.find('\n')));
  return {};
}

// The images have no registry: they are brought to the only node, and referred to by their ID.
Result<Facts> loaded_images(Session& session, swarm::DockerConnection& docker,
                            const compose::Project& project, const Arguments& arguments, bool transfer) {
  std::map<std::string, std::string> built;  // image -> service
  for (const auto& [name, service] : project.services)
    if (service.build) built[compose::image_name(project, service)] = name;
  if (transfer && !arguments.is_set("no-build")) {
    Arguments services;
    for (const auto& [image, service] : built) services.words.push_back(service);
    TRY_ASSIGN(int code, kBuild.run(session, services));
    if (code != 0) return already_said();
  }
  Facts facts = image_facts(session, project);
  for (const auto& [image, service] : built) {
    auto inspected = session.call("GET", "/images/" + http::percent_encode(image) + "/json");
    if (!inspected && !transfer) continue;  // not built yet
    if (!inspected) return std::move(inspected).error().in("service " + service);
    std::string id = string_or(*inspected, "Id");
    bool there = docker.call("GET", "/images/" + http::percent_encode(id) + "/json").has_value();
    if (!there && transfer)
      TRY(load_image(session, docker, image).in("service " + service + ": load " + image));
    facts[image].reference = id;
  }
  return facts;
}

}  // namespace

swarm::Conversion convert_offline(const compose::Loaded& loaded, Facts images) {
  return swarm::convert(loaded.project, inputs_of(loaded, std::move(images)));
}

swarm::Conversion convert_online(const compose::Loaded& loaded, Facts images, int api_version,
                                 const swarm::LiveProject& live, const std::vector<Json>& tasks,
                                 std::vector<std::string>& warnings) {
  swarm::ConvertInputs inputs = inputs_of(loaded, std::move(images));
  inputs.api_version = api_version;
  swarm::Conversion first = swarm::convert(loaded.project, inputs);
  if (first.local_volumes.empty()) return first;
  std::map<std::string, std::string> before = swarm::remembered_nodes(live);
  inputs.nodes = swarm::choose_nodes(first, live, tasks);
  swarm::Conversion out = swarm::convert(loaded.project, inputs);
  for (const auto& [volume, node] : inputs.nodes) {
    const swarm::SwarmNode* chosen = live.node(node);
    std::vector<std::string> users(out.local_volumes[volume].begin(), out.local_volumes[volume].end());
    std::string name = chosen == nullptr ? node : chosen->name;
    if (chosen != nullptr && !chosen->ready)
      warnings.push_back("volume " + volume + " is on node " + name +
                         ", which is down: " + join(users, ", ") + " cannot run");
    else if (live.nodes.size() > 1 && !before.contains(volume))
      warnings.push_back("volume " + volume + " is on the disk of node " + name + ", so " +
                         join(users, ", ") + (users.size() == 1 ? " runs" : " run") + " only there");
  }
  std::map<std::string, std::string> all = before;
  for (const auto& [volume, node] : inputs.nodes) all[volume] = node;
  swarm::remember_nodes(out, loaded.project.name, all);
  return out;
}

Result<Facts> swarm_images(Session& session, swarm::DockerConnection& docker, const swarm::LiveProject& live,
                           const compose::Project& project, const Arguments& arguments, bool transfer) {
  constexpr size_t kOnlyNode = 1;
  if (live.nodes.size() == kOnlyNode && needs_loading(project, arguments))
    return loaded_images(session, docker, project, arguments, transfer);
  return project_images(session, project, arguments, transfer);
}

std::map<std::string, std::string> registry_headers(const Session& session,
                                                    const std::set<std::string>& images) {
  std::vector<std::string> references(images.begin(), images.end());
  RegistryKeyring keyring = CredentialStore::open(session.environment()).keyring(references);
  std::map<std::string, std::string> out;
  for (const std::string& image : images) {
    auto reference = parse_reference(image);
    if (!reference) continue;
    const RegistryCredentials* found = find_credentials(keyring, *reference);
    if (found != nullptr) out[image] = docker::auth_header(*found, server_address(reference->domain));
  }
  return out;
}

Result<std::vector<ProjectTask>> project_tasks(swarm::DockerConnection& docker, const std::string& project,
                                               const std::vector<std::string>& services) {
  TRY_ASSIGN(swarm::LiveProject live, swarm::read_project(docker, project));
  TRY_ASSIGN(std::vector<Json> tasks, swarm::read_tasks(docker, project));
  int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::set<std::string> known;
  std::map<std::string, const Json*> by_id;
  for (const swarm::LiveObject& object : live.objects) {
    if (object.kind != swarm::ObjectKind::Service) continue;
    by_id[object.id] = &object.body;
    known.insert(swarm::task_row(Json::object(), object.body, "", now).service);
  }
  for (const std::string& service : services)
    if (!known.contains(service)) {
      std::vector<std::string> names(known.begin(), known.end());
      return not_found("no such service: " + service +
                       (names.empty() ? ": the project " + project + " has no services in this swarm"
                                      : "; the project has " + join(names, ", ")));
    }
  std::vector<ProjectTask> out;
  for (const Json& task : tasks) {
    auto service = by_id.find(string_or(task, "ServiceID"));
    if (service == by_id.end()) continue;
    const swarm::SwarmNode* node = live.node(string_or(task, "NodeID"));
    ProjectTask one{swarm::task_row(task, *service->second, node == nullptr ? "" : node->name, now),
                    string_or(task, "NodeID")};
    if (services.empty() || std::find(services.begin(), services.end(), one.row.service) != services.end())
      out.push_back(std::move(one));
  }
  std::stable_sort(out.begin(), out.end(), [](const ProjectTask& left, const ProjectTask& right) {
    return left.row.name < right.row.name;
  });
  return out;
}

}  // namespace stack::cli::cluster
