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

// Every project that is stored, or that containers speak of.
std::map<std::string, StoredProject> all_projects(Services& s) {
  std::map<std::string, StoredProject> projects;
  for (StoredProject& project : s.projects.list()) projects[project.name] = std::move(project);
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

using Change = std::function<Task<>(std::string name, Json body, Sink sink)>;

// The caller's credentials and network settings, for as long as the request runs. The body gets no more than their id.
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

Task<> plan_project(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await read_body(request, up_body());
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

Task<> change_project(Services& s, Request& request, Response& response, std::span<const MemberShape> shape,
                      Change change) {
  Result<Json> body = co_await read_body(request, shape);
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request, (*body)["options"]);
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([queue] { queue->leave(); });
  co_await queue->serve(response, change(request.param("p"), std::move(*body), queue->sink()));
}

using CancellableChange = std::function<Task<>(std::string name, Json body, Sink sink,
                                               std::shared_ptr<orchestrator::Cancellation> cancellation)>;

// Closing the connection ends it.
Task<> change_while_connected(Services& s, Request& request, Response& response,
                              std::span<const MemberShape> shape, CancellableChange change) {
  Result<Json> body = co_await read_body(request, shape);
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::unique_ptr<RegistryService::Lease> lease = lend_credentials(s, request, (*body)["options"]);
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  auto cancellation = std::make_shared<orchestrator::Cancellation>();
  request.on_client_gone([queue, cancellation] {
    queue->leave();
    cancellation->cancel("the client has gone");
  });
  co_await queue->serve(response, change(request.param("p"), std::move(*body), queue->sink(), cancellation));
}

// `stack watch`: files of the host into one container.
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
  Result<int> done = co_await sync_into(s.context, *container, std::move(sync));
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
  using Cancel = std::shared_ptr<orchestrator::Cancellation>;
  router.post("/stack/v1/projects/{p}/build", [&s](Request& q, Response& r) -> Task<> {
    co_await change_while_connected(
        s, q, r, project_build_body(), [&s](std::string n, Json b, Sink k, Cancel c) {
          return s.projects.build(std::move(n), std::move(b), std::move(k), std::move(c));
        });
  });
  router.post("/stack/v1/projects/{p}/pull", [&s](Request& q, Response& r) -> Task<> {
    co_await change_while_connected(
        s, q, r, project_pull_body(), [&s](std::string n, Json b, Sink k, Cancel c) {
          return s.projects.pull(std::move(n), std::move(b), std::move(k), std::move(c));
        });
  });
  router.post("/stack/v1/projects/{p}/up", [&s](Request& q, Response& r) -> Task<> {
    co_await change_project(s, q, r, up_body(), [&s](std::string n, Json b, Sink k) {
      return s.projects.up(std::move(n), std::move(b), std::move(k));
    });
  });
  router.post("/stack/v1/projects/{p}/down", [&s](Request& q, Response& r) -> Task<> {
    co_await change_project(s, q, r, down_body(), [&s](std::string n, Json b, Sink k) {
      return s.projects.down(std::move(n), std::move(b), std::move(k));
    });
  });
  router.post("/stack/v1/projects/{p}/run", [&s](Request& q, Response& r) -> Task<> {
    co_await change_project(s, q, r, run_body(), [&s](std::string n, Json b, Sink k) {
      return s.projects.run(std::move(n), std::move(b), std::move(k));
    });
  });
  for (const char* verb : {"start", "stop", "restart", "kill", "rm", "pause", "unpause"}) {
    router.post(std::string("/stack/v1/projects/{p}/") + verb, [&s, verb](Request& q, Response& r) -> Task<> {
      co_await change_project(s, q, r, operation_body(), [&s, verb](std::string n, Json b, Sink k) {
        return s.projects.operate(verb, std::move(n), std::move(b), std::move(k));
      });
    });
  }
}

}  // namespace stack::engine
