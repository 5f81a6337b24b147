#include "cli/flags/build_options.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/session/change.h"

namespace stack::cli {

namespace {

constexpr Flag kPullFlags[] = {
    {'q', "quiet", FlagArity::Nothing, "", "Print only errors"},
    {0, "include-deps", FlagArity::Nothing, "", "Also pull the images of dependencies"},
    {0, "ignore-buildable", FlagArity::Nothing, "", "Skip services that have `build`"},
    {0, "ignore-pull-failures", FlagArity::Nothing, "",
     "Continue after failures and report them as warnings"},
    {0, "policy", FlagArity::Value, "POLICY", "Override each service's pull_policy: missing or always"},
    {0, "parallel", FlagArity::Nothing, "", ""},
    {0, "no-parallel", FlagArity::Nothing, "", ""},
};
constexpr Example kPullExamples[] = {
    {"stack pull", "pull the images of all services"},
    {"stack pull --policy missing web", "pull the image of one service unless it is present"},
};

Result<int> run_pull(Session& session, const Arguments& arguments) {
  std::string policy = arguments.text("policy");
  if (!policy.empty() && policy != "missing" && policy != "always")
    return session.usage_error("invalid value \"" + policy + "\" for --policy: must be missing or always");
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  Json options{{"services", arguments.words},
               {"no_deps", !arguments.is_set("include-deps")},
               {"policy", policy},
               {"ignore_buildable", arguments.is_set("ignore-buildable")},
               {"ignore_failures", arguments.is_set("ignore-pull-failures")},
               {"build_options", build_options(session.environment(), session.current_directory())}};
  Change change{"pull",
                project_path(project.name, "/pull"),
                {{"project", project.project}, {"options", options}},
                true};
  if (session.globals().dry_run) return show_plan(session, change);
  ProgressStyle style = progress_style(session);
  if (arguments.is_set("quiet")) style.mode = ProgressMode::Quiet;
  InterruptNotice notice(true);
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  return say_result(session, result);
}

}  // namespace

const Command kPull{
    .name = "pull",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Pull service images",
    .details =
        "Credentials come from Docker's config.json and its helpers, or podman's auth files (`stack "
        "login`).\n"
        "The next pull resumes an interrupted one.",
    .examples = kPullExamples,
    .flags = kPullFlags,
    .words_are_services = true,
    .run = run_pull,
};

}  // namespace stack::cli
