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
    {'d', "detach", FlagArity::Nothing, "", "Start in the background and return"},
    kBuildFlag,
    kNoBuildFlag,
    kForceRecreateFlag,
    kNoRecreateFlag,
    kAlwaysRecreateDepsFlag,
    kNoDepsFlag,
    {0, "no-start", FlagArity::Nothing, "", "Create containers without starting them"},
    kScaleFlag,
    {0, "wait", FlagArity::Nothing, "", "Wait until all services are running or healthy; implies -d"},
    {0, "wait-timeout", FlagArity::Value, "SECONDS", "Maximum time that --wait waits"},
    kRemoveOrphansFlag,
    {0, "no-docker-socket", FlagArity::Nothing, "", "Reject containers that mount the Docker socket"},
    kTimeoutFlag,
    kRenewVolumesFlag,
    {0, "abort-on-container-exit", FlagArity::Nothing, "", "Stop all containers when one exits"},
    {0, "abort-on-container-failure", FlagArity::Nothing, "", "Stop all containers when one fails"},
    {0, "exit-code-from", FlagArity::Value, "SERVICE",
     "Return the exit code of SERVICE; implies --abort-on-container-exit"},
    {0, "attach", FlagArity::Values, "SERVICE", "Show only the output of these services"},
    {0, "no-attach", FlagArity::Values, "SERVICE", "Do not show the output of these services"},
    {0, "attach-dependencies", FlagArity::Nothing, "", "Also show the output of dependencies"},
    kNoColorFlag,
    kNoLogPrefixFlag,
    {0, "timestamps", FlagArity::Nothing, "", "Show the time of each line"},
    kPullFlag,
    kQuietPullFlag,
    {0, "quiet-build", FlagArity::Nothing, "", "Do not show build output"},
    kYesFlag,
    {'w', "watch", FlagArity::Nothing, "", "Watch files and update containers: see `stack watch`"},
    {0, "menu", FlagArity::Nothing, "",
     "Enable keys: d detaches, w starts watching, o opens the dashboard, q stops (COMPOSE_MENU)"},
};

constexpr Example kUpExamples[] = {
    {"stack up", "start all services and follow their output; Ctrl-C stops them"},
    {"stack up -d --build", "build images, then start in the background"},
    {"stack up -d --wait web", "start web and its dependencies; return when they are healthy"},
    {"stack up -d --scale web=3", "run three containers of web"},
};

Result<> check_combination(const Arguments& arguments) {
  bool detached = arguments.is_set("detach") || arguments.is_set("wait");
  for (const char* flag :
       {"abort-on-container-exit", "abort-on-container-failure", "exit-code-from", "attach", "watch"}) {
    if (detached && (arguments.is_set(flag) || !arguments.text(flag).empty())) {
      return invalid(std::string("--") + flag +
                     " requires the foreground and cannot be used with --detach or --wait");
    }
  }
  if (arguments.given("attach") && arguments.is_set("attach-dependencies")) {
    return invalid("--attach and --attach-dependencies cannot be used together");
  }
  return {};
}

Result<int> run_in_background(Session& session, const Arguments& arguments, const Change& change,
                              const std::string& project_name) {
  ProgressStyle style = progress_style(session);
  style.quiet_build = arguments.is_set("quiet-build");
  style.quiet_pull = arguments.is_set("quiet-pull");
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
  TRY(refuse_scheduled_jobs(project));
  Change change{
      "up", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}};
  if (session.globals().dry_run) return show_plan(session, change);
  bool detached = arguments.is_set("detach") || arguments.is_set("wait") || arguments.is_set("no-start");
  if (detached) return run_in_background(session, arguments, change, project.name);
  TRY_ASSIGN(ForegroundOptions foreground, foreground_options(session, arguments, project));
  WatchOptions watch{project.name, project.project, *options, arguments.words, true, foreground.quiet_build};
  if (arguments.is_set("menu", session.variable_on("COMPOSE_MENU")) && MenuKeys::is_possible())
    foreground.menu = watch;
  if (arguments.is_set("watch")) foreground.watch = std::move(watch);
  return up_in_foreground(session, change, foreground);
}

}  // namespace

const Command kUp{
    .name = "up",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Create or update the project and start its containers",
    .details =
        "Containers are recreated only if their configuration or image changed.\n"
        "In the foreground, Ctrl-C stops the containers, and a second Ctrl-C kills them.",
    .examples = kUpExamples,
    .flags = kUpFlags,
    .words_are_services = true,
    .run = run_up,
};

}  // namespace stack::cli
