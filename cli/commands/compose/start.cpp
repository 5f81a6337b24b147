#include "cli/flags/commands.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kStartFlags[] = {
    {0, "wait", FlagArity::Nothing, "", "Wait until all services are running or healthy"},
    {0, "wait-timeout", FlagArity::Value, "SECONDS", "Maximum time that --wait waits"},
};
constexpr Example kStartExamples[] = {
    {"stack start", "start all existing containers"},
    {"stack start --wait web", "start one service and wait until it is healthy"},
};

// Implemented as an `up` that neither creates nor recreates containers.
Result<int> start_and_wait(Session& session, const Arguments& arguments) {
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  (*options)["no_recreate"] = true;
  (*options)["no_build"] = true;
  TRY_ASSIGN(ResolvedProject project, load_or_stored(session, arguments.words));
  return run_change(
      session,
      {"start", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}});
}

Result<int> run_start(Session& session, const Arguments& arguments) {
  if (arguments.is_set("wait")) return start_and_wait(session, arguments);
  return change_services(session, arguments, "start", Json::object());
}

}  // namespace

const Command kStart{
    .name = "start",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Start existing containers",
    .details = "",
    .examples = kStartExamples,
    .flags = kStartFlags,
    .words_are_services = true,
    .run = run_start,
};

}  // namespace stack::cli
