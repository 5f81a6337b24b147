#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/render/plan_text.h"

namespace stack::cli {

namespace {

constexpr int kExitChanges = 2;

constexpr Flag kPlanFlags[] = {
    {0, "format", FlagArity::Value, "FORMAT", "text or json (actions with their causes and dependencies)"},
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
    {0, "no-docker-socket", FlagArity::Nothing, "", "Reject containers that mount the Docker socket"},
    kPullFlag,
    kRenewVolumesFlag,
    {0, "push-to", FlagArity::Value, "REGISTRY", "As for `deploy`"},
    {0, "strict", FlagArity::Nothing, "", "As for `deploy`"},
};
constexpr Example kPlanExamples[] = {
    {"stack plan", "show what `stack up` would do and why"},
    {"stack plan --format json | jq '.actions[].kind'", "process the plan in a script"},
    {"stack plan >/dev/null && echo unchanged", "exit code 0: no changes, 2: changes, 1: error"},
};

Result<int> run_plan(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", arguments.is_set("json") ? "json" : "text");
  if (format != "json" && format != "text")
    return session.usage_error("invalid value \"" + format + "\" for --format: must be text or json");
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  TRY_ASSIGN(Json plan, session.call("POST", project_path(project.name, "/plan"),
                                     {{"project", project.project}, {"options", *options}}));
  print(format == "json" ? plan.dump(2) + "\n" : plan_text(plan, project.name, session.out().color));
  return int_or(plan, "changes") > 0 ? kExitChanges : 0;
}

}  // namespace

const Command kPlan{
    .name = "plan",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Show what `up` would do and why, without changing anything",
    .details = "Exit codes: 0 no changes, 2 changes, 1 error.",
    .examples = kPlanExamples,
    .flags = kPlanFlags,
    .words_are_services = true,
    .usage_exit = kExitError,
    .run = run_plan,
};

}  // namespace stack::cli
