#include "cli/flags/up_options.h"

#include "base/text.h"
#include "cli/flags/build_options.h"
#include "cli/session/member.h"
#include "cli/session/selected_services.h"
#include "orchestrator/compose/config_output.h"
#include "orchestrator/compose/project.h"

namespace stack::cli {

Result<Json> parse_scale(const std::vector<std::string>& given) {
  Json scale = Json::object();
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    std::string count = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (equals == 0 || !is_all_digits(count) || count.size() > 6) {
      return invalid("invalid scale \"" + text + "\": must be SERVICE=NUMBER");
    }
    scale[text.substr(0, equals)] = std::stoi(count);
  }
  return scale;
}

Result<Json> up_options(const Session& session, const Arguments& arguments,
                        const std::vector<std::string>& services) {
  TRY_ASSIGN(Json scale, parse_scale(arguments.all("scale")));
  TRY_ASSIGN(auto timeout, arguments.number("timeout", -1));
  TRY_ASSIGN(auto wait_timeout, arguments.number("wait-timeout"));
  if (arguments.is_set("force-recreate") && arguments.is_set("no-recreate")) {
    return invalid("--force-recreate and --no-recreate cannot be used together");
  }
  if (arguments.is_set("remove-orphans") && session.variable_on("COMPOSE_IGNORE_ORPHANS"))
    return invalid("COMPOSE_IGNORE_ORPHANS and --remove-orphans cannot be combined.");
  if (arguments.is_set("build") && arguments.is_set("no-build"))
    return invalid("--build and --no-build cannot be used together");
  if (arguments.is_set("always-recreate-deps") && arguments.is_set("no-recreate")) {
    return invalid("--always-recreate-deps and --no-recreate cannot be used together");
  }
  std::string pull = arguments.text("pull");
  if (!pull.empty() && pull != "always" && pull != "missing" && pull != "never" && pull != "build" &&
      pull != "policy") {
    return invalid("invalid value \"" + pull + "\" for --pull: must be always, missing, or never");
  }
  Json options{
      {"services", services},
      {"build", arguments.is_set("build") || pull == "build"},
      {"no_build", arguments.is_set("no-build")},
      {"force_recreate", arguments.is_set("force-recreate")},
      {"no_recreate", arguments.is_set("no-recreate")},
      {"no_deps", arguments.is_set("no-deps")},
      {"no_start", arguments.is_set("no-start")},
      {"no_docker_socket", arguments.is_set("no-docker-socket")},
      {"remove_orphans", arguments.is_set("remove-orphans", session.variable_on("COMPOSE_REMOVE_ORPHANS"))},
      {"scale", scale},
      {"wait", arguments.is_set("wait")},
      {"renew_anon_volumes", arguments.is_set("renew-anon-volumes")},
      {"always_recreate_deps", arguments.is_set("always-recreate-deps")},
      {"build_options", build_options(session.environment(), session.current_directory())}};
  if (pull == "always" || pull == "missing" || pull == "never") options["pull"] = pull;
  if (timeout) options["timeout"] = *timeout;
  if (wait_timeout) options["wait_timeout"] = *wait_timeout;
  return options;
}

namespace {

ResolvedProject resolved(const compose::Loaded& loaded) {
  return {loaded.project.name, compose::project_to_json(loaded.project), compose::list_environment(loaded)};
}

std::vector<std::string> names_of(const compose::Project& project) {
  std::vector<std::string> names;
  for (const auto& [name, service] : project.services) names.push_back(name);
  for (const auto& [name, service] : project.disabled_services) names.push_back(name);
  return names;
}

}  // namespace

Result<ResolvedProject> load_for(Session& session, const std::vector<std::string>& services,
                                 Contents contents, Jobs jobs) {
  compose::LoadOptions options = session.load_options();
  options.run_jobs = jobs == Jobs::Run;
  options.load_contents = contents == Contents::Read;
  auto whole = compose::load(options);
  if (!whole && !services.empty()) {
    // Faults of services that are not meant do not matter.
    options.services = services;
    whole = compose::load(options);
  }
  TRY_ASSIGN(compose::Loaded loaded, session.show(std::move(whole)));
  if (!options.services.empty()) return resolved(loaded);
  bool again = false;
  for (const std::string& name : services) {
    if (loaded.project.services.contains(name)) continue;
    auto disabled = loaded.project.disabled_services.find(name);
    if (disabled != loaded.project.disabled_services.end() && !options.run_jobs &&
        disabled->second.reason == compose::DisabledReason::Job)
      return only_run(session, name);
    if (disabled == loaded.project.disabled_services.end())
      return no_such_service(name, names_of(loaded.project));
    // Naming a service activates its profiles.
    again = true;
    options.also_services.push_back(name);
  }
  if (again) {
    TRY_ASSIGN(loaded, session.load(options));
  }
  return resolved(loaded);
}

Result<> refuse_scheduled_jobs(const ResolvedProject& project) {
  std::vector<std::string> scheduled;
  for (const auto& [name, service] : member(project.project, "disabled_services").items())
    if (bool_or(service, "scheduled")) scheduled.push_back(name);
  if (scheduled.empty()) return {};
  return unsupported("scheduled jobs are not supported in this version: " + join(scheduled, ", "));
}

Result<ResolvedProject> load_or_stored(Session& session, const std::vector<std::string>& services) {
  const Globals& globals = session.globals();
  std::optional<std::string> named = session.named_project();
  if (!named || !globals.files.empty()) return load_for(session, services);
  TRY(session.require_services(*named, services));
  TRY_ASSIGN(Json stored, session.call("GET", project_path(*named)));
  return ResolvedProject{*named, member(stored, "project"), {}};
}

}  // namespace stack::cli
