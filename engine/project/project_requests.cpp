#include "engine/project/project_requests.h"

#include "base/identity.h"

namespace stack::engine {

namespace {

constexpr int kParallelBuilds = 2;

const Json* member_of(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::chrono::seconds> timeout_of(const Json& options) {
  const Json* timeout = member_of(options, "timeout");
  if (timeout == nullptr || !timeout->is_number()) return std::nullopt;
  return std::chrono::seconds(int_or(options, "timeout"));
}

std::optional<std::vector<std::string>> optional_list(const Json& options, const char* key) {
  const Json* list = member_of(options, key);
  if (list == nullptr || !list->is_array()) return std::nullopt;
  return strings_of(options, key);
}

}  // namespace

std::vector<std::string> strings_of(const Json& object, const char* key) {
  std::vector<std::string> strings;
  const Json* list = member_of(object, key);
  if (list == nullptr || !list->is_array()) return strings;
  for (const Json& item : *list)
    if (item.is_string()) strings.push_back(item.get<std::string>());
  return strings;
}

Json options_of(const Json& body) {
  const Json* options = member_of(body, "options");
  return options != nullptr && options->is_object() ? *options : Json::object();
}

orchestrator::ReconcileOptions reconcile_options(const Json& options) {
  orchestrator::ReconcileOptions reconcile;
  reconcile.force_recreate = bool_or(options, "force_recreate");
  reconcile.no_recreate = bool_or(options, "no_recreate");
  reconcile.always_recreate_deps = bool_or(options, "always_recreate_deps");
  reconcile.renew_anon_volumes = bool_or(options, "renew_anon_volumes");
  reconcile.remove_orphans = bool_or(options, "remove_orphans");
  reconcile.ignore_orphans = bool_or(options, "ignore_orphans");
  reconcile.build = bool_or(options, "build");
  reconcile.no_build = bool_or(options, "no_build");
  reconcile.pull = string_or(options, "pull");
  reconcile.no_start = bool_or(options, "no_start");
  reconcile.wait = bool_or(options, "wait");
  reconcile.rerun_completed = !bool_or(options, "resumed");
  reconcile.timeout = timeout_of(options);
  return reconcile;
}

orchestrator::DesiredOptions desired_options(const Json& options) {
  orchestrator::DesiredOptions desired;
  desired.services = strings_of(options, "services");
  desired.no_deps = bool_or(options, "no_deps");
  desired.no_docker_socket = bool_or(options, "no_docker_socket");
  desired.roll_back = bool_or(options, "roll_back");
  const Json* scale = member_of(options, "scale");
  if (scale == nullptr || !scale->is_object()) return desired;
  for (const auto& [service, count] : scale->items())
    if (count.is_number_integer()) desired.scale[service] = count.get<int>();
  return desired;
}

orchestrator::DownOptions down_options(const Json& options) {
  orchestrator::DownOptions down;
  down.services = strings_of(options, "services");
  down.volumes = bool_or(options, "volumes");
  down.rmi = string_or(options, "rmi");
  down.remove_orphans = bool_or(options, "remove_orphans");
  down.timeout = timeout_of(options);
  return down;
}

orchestrator::OperationOptions operation_options(const Json& body) {
  orchestrator::OperationOptions options;
  options.services = strings_of(body, "services");
  options.timeout = timeout_of(body);
  options.signal = string_or(body, "signal");
  options.no_deps = bool_or(body, "no_deps");
  options.stop = bool_or(body, "stop") || bool_or(body, "force");
  options.volumes = bool_or(body, "volumes");
  options.wait = bool_or(body, "wait");
  return options;
}

orchestrator::RunOptions run_options(const Json& options) {
  orchestrator::RunOptions run;
  run.command = optional_list(options, "command");
  run.entrypoint = optional_list(options, "entrypoint");
  run.env = strings_of(options, "env");
  run.labels = strings_of(options, "labels");
  run.user = string_or(options, "user");
  run.workdir = string_or(options, "workdir");
  run.name = string_or(options, "name");
  run.slug = random_hex(6);
  run.tty = bool_or(options, "tty");
  run.interactive = bool_or(options, "interactive");
  run.detach = bool_or(options, "detach");
  run.remove = bool_or(options, "rm");
  run.service_ports = bool_or(options, "service_ports");
  run.publish = strings_of(options, "publish");
  run.volumes = strings_of(options, "volumes");
  run.use_aliases = bool_or(options, "use_aliases");
  run.cap_add = strings_of(options, "cap_add");
  run.cap_drop = strings_of(options, "cap_drop");
  return run;
}

orchestrator::PullOptions pull_options(const Json& options) {
  orchestrator::PullOptions pull;
  pull.policy = string_or(options, "policy");
  pull.ignore_buildable = bool_or(options, "ignore_buildable");
  pull.ignore_failures = bool_or(options, "ignore_failures");
  return pull;
}

orchestrator::ExecuteOptions execute_options(const Json& options) {
  orchestrator::ExecuteOptions execute;
  if (int64_t limit = int_or(options, "wait_timeout"); limit > 0)
    execute.wait_timeout = std::chrono::seconds(limit);
  execute.parallel_builds = kParallelBuilds;
  return execute;
}

Result<LoadedProject> load_project(const std::string& name, const Json& body,
                                   const orchestrator::DesiredOptions& options) {
  const Json* project = member_of(body, "project");
  if (project == nullptr || !project->is_object()) return invalid("the request does not contain a project");
  LoadedProject loaded;
  TRY_ASSIGN(loaded.project, compose::project_from_json(*project));
  if (loaded.project.name != name)
    return invalid("the request contains another project: " + loaded.project.name);
  TRY_ASSIGN(loaded.desired, orchestrator::desired_state(loaded.project, options));
  return loaded;
}

}  // namespace stack::engine
