#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/render/plan_text.h"

namespace stack::cli {

namespace {

constexpr int kExitChanges = 2;

constexpr Flag kPlanFlags[] = {
    {0, "format", FlagArity::Value, "FORMAT",
     "text, or json: the actions with their causes and what they wait for"},
    {0, "json", FlagArity::Nothing, "", ""},
    kBuildFlag,
    kNoBuildFlag,
    kForceRecreateFlag,
    kNoRecreateFlag,
    kAlwaysRecreateDepsFlag,
    kNoDepsFlag,
    {0, "no-start", FlagArity::Nothing, "", "As for `up`"},
    kScaleFlag,
    {0, "wait", FlagArity::Nothing, "", "As for `up`"},
    kRemoveOrphansFlag,
    {0, "no-docker-socket", FlagArity::Nothing, "", "Refuse containers that mount Docker's socket"},
    kPullFlag,
    kRenewVolumesFlag,
};
constexpr Example kPlanExamples[] = {
    {"stack plan", "what `stack up` would do, and the cause of each step"},
    {"stack plan --format json | jq '.actions[].kind'", "the same for programs"},
    {"stack plan >/dev/null && echo unchanged", "exit code 0: nothing to do, 2: changes, 1: error"},
};

Result<int> run_plan(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", arguments.on("json") ? "json" : "text");
  if (format != "json" && format != "text")
    return session.usage_error("invalid value \"" + format + "\" for --format: it is text or json");
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  TRY_ASSIGN(Json plan, session.call("POST", project_path(project.name, "/plan"),
                                     {{"project", project.project}, {"options", *options}}));
  print(format == "json" ? plan.dump(2) + "\n" : plan_text(plan, project.name, session.out().colour));
  return int_or(plan, "changes") > 0 ? kExitChanges : 0;
}

}  // namespace

const Command kPlan{
    .name = "plan",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Show what `up` would do and why, and change nothing",
    .details = "Exit code 0: nothing to do; 2: there are changes; 1: error.",
    .examples = kPlanExamples,
    .flags = kPlanFlags,
    .words_are_services = true,
    .usage_exit = kExitError,
    .run = run_plan,
};

}  // namespace stack::cli
