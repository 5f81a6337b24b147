#include "cli/commands/compose/up_foreground.h"
#include "cli/commands/compose/up_menu.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/render/plan_text.h"
#include "cli/session/change.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kUpFlags[] = {
    {'d', "detach", FlagArity::Nothing, "", "Return once everything runs, without following logs"},
    kBuildFlag,
    kNoBuildFlag,
    kForceRecreateFlag,
    kNoRecreateFlag,
    kAlwaysRecreateDepsFlag,
    kNoDepsFlag,
    {0, "no-start", FlagArity::Nothing, "", "Create, but do not start"},
    kScaleFlag,
    {0, "wait", FlagArity::Nothing, "", "Return once everything is running or healthy; implies -d"},
    {0, "wait-timeout", FlagArity::Value, "SECONDS", "Longest time for --wait"},
    kRemoveOrphansFlag,
    {0, "no-docker-socket", FlagArity::Nothing, "", "Refuse containers that mount Docker's socket"},
    kTimeoutFlag,
    kRenewVolumesFlag,
    {0, "abort-on-container-exit", FlagArity::Nothing, "", "Stop everything when one container exits"},
    {0, "abort-on-container-failure", FlagArity::Nothing, "", "Stop everything when one container fails"},
    {0, "exit-code-from", FlagArity::Value, "SERVICE",
     "Exit with this service's code; implies --abort-on-container-exit"},
    {0, "attach", FlagArity::Values, "SERVICE", "Show the output of these services only"},
    {0, "no-attach", FlagArity::Values, "SERVICE", "Do not show the output of these services"},
    {0, "attach-dependencies", FlagArity::Nothing, "", "Show the output of dependencies too"},
    kNoColorFlag,
    kNoLogPrefixFlag,
    {0, "timestamps", FlagArity::Nothing, "", "Show when each line was written"},
    kPullFlag,
    kQuietPullFlag,
    {0, "quiet-build", FlagArity::Nothing, "", "No output of builds"},
    kYesFlag,
    {'w', "watch", FlagArity::Nothing, "", "Bring changed files into the containers: see `stack watch`"},
    {0, "menu", FlagArity::Nothing, "", "Keys: d detaches, w begins to watch (COMPOSE_MENU)"},
};

constexpr Example kUpExamples[] = {
    {"stack up", "start everything and follow its output; Ctrl-C stops it"},
    {"stack up -d --build", "build, then start in the background"},
    {"stack up -d --wait web", "one service with its dependencies; return when healthy"},
    {"stack up -d --scale web=3", "three containers of web"},
};

Result<> check_combination(const Arguments& arguments) {
  bool detached = arguments.on("detach") || arguments.on("wait");
  for (const char* flag :
       {"abort-on-container-exit", "abort-on-container-failure", "exit-code-from", "attach", "watch"}) {
    if (detached && (arguments.on(flag) || !arguments.text(flag).empty())) {
      return invalid(std::string("--") + flag + " needs the foreground: it excludes --detach and --wait");
    }
  }
  if (arguments.given("attach") && arguments.on("attach-dependencies")) {
    return invalid("--attach and --attach-dependencies cannot be used together");
  }
  return {};
}

Result<int> run_in_background(Session& session, const Arguments& arguments, const Change& change,
                              const std::string& project_name) {
  ProgressStyle style = progress_style(session);
  style.quiet_build = arguments.on("quiet-build");
  style.quiet_pull = arguments.on("quiet-pull");
  auto progress = make_progress(style, change.title);
  InterruptNotice notice(false);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  bool quiet = session.globals().progress == ProgressMode::Quiet ||
               session.globals().progress == ProgressMode::JsonLines;
  if (result.ok && result.changed == 0 && !quiet) {
    progress->write(style.fd, " Project " + project_name + "  Up to date\n");
  }
  return say_result(session, result);
}

Result<int> run_up(Session& session, const Arguments& arguments) {
  auto combination = check_combination(arguments);
  if (!combination) return session.usage_error(combination.error().text());
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  Change change{
      "up", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}};
  if (session.globals().dry_run) return show_plan(session, change);
  bool detached = arguments.on("detach") || arguments.on("wait") || arguments.on("no-start");
  if (detached) return run_in_background(session, arguments, change, project.name);
  TRY_ASSIGN(ForegroundOptions foreground, foreground_options(session, arguments, project));
  WatchOptions watch{project.name, project.project, *options, arguments.words, true, foreground.quiet_build};
  if (arguments.on("menu", session.variable_on("COMPOSE_MENU")) && MenuKeys::is_possible())
    foreground.menu = watch;
  if (arguments.on("watch")) foreground.watch = std::move(watch);
  return up_in_foreground(session, change, foreground);
}

}  // namespace

const Command kUp{
    .name = "up",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Build, create, start and update the project's containers",
    .details =
        "Containers whose configuration or image changed are recreated; the others are left alone.\n"
        "In the foreground, Ctrl-C stops what was started, and a second one kills it.",
    .examples = kUpExamples,
    .flags = kUpFlags,
    .words_are_services = true,
    .run = run_up,
};

}  // namespace stack::cli
