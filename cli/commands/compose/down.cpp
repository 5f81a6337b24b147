#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"
#include "cli/session/selected_services.h"
#include "orchestrator/compose/project.h"

namespace stack::cli {

namespace {

constexpr Flag kDownFlags[] = {
    {'v', "volumes", FlagArity::Nothing, "", "Also remove the project's named and anonymous volumes"},
    {0, "rmi", FlagArity::Value, "TYPE",
     "Also remove images: local (only those without a custom tag) or all"},
    kTimeoutFlag,
    kRemoveOrphansFlag,
};
constexpr Example kDownExamples[] = {
    {"stack down", "stop and remove containers and networks; keep volumes"},
    {"stack down -v", "remove the volumes and their data as well"},
    {"stack -p shop down", "take a project down without its Compose file"},
};

Result<int> run_down(Session& session, const Arguments& arguments) {
  auto timeout = arguments.number("timeout", -1);
  if (!timeout) return session.usage_error(timeout.error().text());
  std::string rmi = arguments.text("rmi");
  if (!rmi.empty() && rmi != "local" && rmi != "all") {
    return session.usage_error("invalid value \"" + rmi + "\" for --rmi: must be local or all");
  }
  Json options{
      {"services", arguments.words},
      {"volumes", arguments.is_set("volumes")},
      {"rmi", rmi},
      {"remove_orphans", arguments.is_set("remove-orphans", session.variable_on("COMPOSE_REMOVE_ORPHANS"))}};
  if (*timeout) options["timeout"] = **timeout;
  const Globals& globals = session.globals();
  std::optional<std::string> named = session.named_project();
  ResolvedProject project{named.value_or(""), nullptr, {}};
  if (!named || !globals.files.empty()) {
    // Removal needs only names. Files and variables of secrets and environments may no longer exist, and what this engine
    // cannot run was never started.
    compose::LoadOptions lenient = session.load_options();
    lenient.load_contents = false;
    lenient.no_env_resolution = true;
    lenient.refuse = false;
    TRY_ASSIGN(compose::Loaded loaded, session.load(lenient));
    for (const std::string& name : arguments.words) {
      auto found = loaded.project.disabled_services.find(name);
      if (found != loaded.project.disabled_services.end() &&
          found->second.reason == compose::DisabledReason::Job)
        return only_run(session, name);
    }
    project = {loaded.project.name, compose::project_to_json(loaded.project), {}};
  }
  return run_change(
      session,
      {"down", project_path(project.name, "/down"), {{"project", project.project}, {"options", options}}});
}

}  // namespace

const Command kDown{
    .name = "down",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Stop and remove the project's containers and networks",
    .details = "External networks and volumes are not removed.",
    .examples = kDownExamples,
    .flags = kDownFlags,
    .words_are_services = true,
    .run = run_down,
};

}  // namespace stack::cli
