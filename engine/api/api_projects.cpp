#include <algorithm>

#include "docker/registry_auth.h"
#include "engine/api/api.h"
#include "engine/api/body_shape.h"
#include "engine/api/stream_queue.h"
#include "engine/container/container_sync.h"
#include "model/labels.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

// "running(2), exited(1)"
std::string status_summary(const Context& context, const std::string& project) {
  std::map<std::string, int> counts;
  for (const auto& [id, container] : context.containers)
    if (container->label(label::kProject) == project && container->label(label::kOneOff) != "True")
      ++counts[std::string(to_text(container->status()))];
  std::string text;
  for (const auto& [status, count] : counts)
    text += (text.empty() ? "" : ", ") + status + "(" + std::to_string(count) + ")";
  return text;
}

// All stored projects and those in the labels of containers.
std::map<std::string, StoredProject> all_projects(Services& s) {
  std::map<std::string, StoredProject> projects;
  for (const auto& [name, project] : s.projects.stored().all()) projects[name] = project;
  for (const auto& [id, container] : s.context.containers) {
    std::string name = container->label(label::kProject);
    if (name.empty() || projects.contains(name)) continue;
    projects[name] = {
        name, container->label(label::kWorkingDir), {container->label(label::kConfigFiles)}, Json()};
  }
  return projects;
}

Task<> list_projects(Services& s, Request&, Response& response) {
  Json rows = Json::array();
  for (const auto& [name, project] : all_projects(s)) {
    Json services =
        project.project.is_object() ? project.project.value("services", Json::object()) : Json::object();
    rows.push_back({{"name", name},
                    {"working_dir", project.working_dir},
                    {"config_files", project.config_files},
                    {"status", status_summary(s.context, name)},
                    {"services", services.size()}});
  }
  response.json(200, rows);
  co_return;
}

Task<> get_project(Services& s, Request& request, Response& response) {
  std::string name = request.param("p");
  auto projects = all_projects(s);
  auto found = projects.find(name);
  if (found == projects.end()) {
    response.error(404, "no such project: " + name);
    co_return;
  }
  std::string holder = s.projects.lock_holder(name);
  response.json(200, {{"name", name},
                      {"working_dir", found->second.working_dir},
                      {"config_files", found->second.config_files},
                      {"project", found->second.project},
                      {"status", status_summary(s.context, name)},
                      {"lock", {{"held", !holder.empty()}, {"by", holder}}}});
}

constexpr size_t kProjectLimit = size_t{256} << 20;

Task<Result<Json>> read_body(Request& request, std::span<const MemberShape> shape) {
  Result<Json> body = co_await request.body.read_object(kProjectLimit);
  if (!body) co_return body;
  co_return check_shape(std::move(*body), shape);
}

// The caller's credentials and network settings, for the duration of the request. The body contains only their ID.
std::unique_ptr<RegistryService::Lease> lend_credentials(Services& s, const Request& request, Json& options) {
  Caller caller;
  Result<RegistryKeyring> keyring = docker::read_config_header(request.headers.get("X-Registry-Config"));
  if (keyring) caller.keyring = std::move(*keyring);
  Json build_options = options.is_object() ? options.value("build_options", options) : Json();
  BuildSettings settings = build_settings_from(build_options);
  caller.proxy = settings.proxy.empty() ? own_proxy_settings() : settings.proxy;
  if (!settings.ca_bundle.empty()) caller.ca_files.push_back(settings.ca_bundle);
  std::unique_ptr<RegistryService::Lease> lease = s.registries.lend(std::move(caller));
  if (!options.is_object()) options = Json::object();
  options["caller"] = lease->id();
  if (options.contains("build_options") && options["build_options"].is_object())
    options["build_options"]["caller"] = lease->id();
  return lease;
}

// The members of a command's request body.
std::span<const MemberShape> body_of(const std::string& verb) {
  if (verb == "up") return up_body();
  if (verb == "down") return down_body();
  if (verb == "build") return project_build_body();
  if (verb == "pull") return project_pull_body();
  if (verb == "run") return run_body();
  return operation_body();
}

Task<> plan_project(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object(kProjectLimit);
  if (body) body = check_shape(std::move(*body), plan_body());
  if (body) body = check_shape(std::move(*body), body_of(body->value("command", "up")));
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request, (*body)["options"]);
  Result<OrderedJson> plan = co_await s.projects.plan(request.param("p"), std::move(*body));
  if (!plan) {
    response.error(plan.error());
    co_return;
  }
  response.body(200, "application/json", plan->dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

// Handles the requests that change a project: `verb` as for ProjectService::perform.
Task<> change_project(Services& s, Request& request, Response& response, std::string verb) {
  Result<Json> body = co_await read_body(request, body_of(verb));
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request, (*body)["options"]);
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  auto command = std::make_shared<ProjectCommand>(std::move(verb), queue->sink());
  request.on_client_gone([queue, command] {
    queue->leave();
    command->client_left();
  });
  co_await queue->serve(response, s.projects.perform(request.param("p"), std::move(*body), command));
}

// `stack watch`: copies host files into a container.
Task<> sync_container(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await read_body(request, sync_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  Result<ContainerPtr> container = s.context.require_container(request.param("id"));
  if (!container) {
    response.error(container.error());
    co_return;
  }
  SyncRequest sync;
  for (const Json& copy : body->value("copy", Json::array()))
    sync.copies.push_back({string_or(copy, "source"), string_or(copy, "target")});
  sync.removals = body->value("remove", std::vector<std::string>());
  Result<int> done = co_await sync_into(s.containers, *container, std::move(sync));
  if (!done) {
    response.error(done.error());
    co_return;
  }
  response.json(200, {{"changed", *done}});
}

}  // namespace

void add_project_routes(http::Router& router, Services& s) {
  router.get("/stack/v1/projects",
             [&s](Request& q, Response& r) -> Task<> { co_await list_projects(s, q, r); });
  router.get("/stack/v1/projects/{p}",
             [&s](Request& q, Response& r) -> Task<> { co_await get_project(s, q, r); });
  router.post("/stack/v1/containers/{id}/sync",
              [&s](Request& q, Response& r) -> Task<> { co_await sync_container(s, q, r); });
  router.post("/stack/v1/projects/{p}/plan",
              [&s](Request& q, Response& r) -> Task<> { co_await plan_project(s, q, r); });
  for (const char* verb :
       {"up", "down", "start", "stop", "restart", "kill", "rm", "pause", "unpause", "build", "pull", "run"}) {
    router.post(std::string("/stack/v1/projects/{p}/") + verb,
                [&s, verb](Request& q, Response& r) -> Task<> { co_await change_project(s, q, r, verb); });
  }
}

}  // namespace stack::engine
