#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/flags/up_options.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/watch/watcher.h"

namespace stack::cli {

namespace {

constexpr Flag kWatchFlags[] = {
    {0, "no-up", FlagArity::Nothing, "", "Do not build and start the services first"},
    {0, "prune", FlagArity::Nothing, "", "Remove images replaced by a rebuild (default: true)"},
    {0, "quiet", FlagArity::Nothing, "", "Do not show build output"},
};

constexpr Example kWatchExamples[] = {
    {"stack watch", "start all services and apply file changes until Ctrl-C"},
    {"stack watch --no-up web", "watch the files of web only, without starting it"},
};

// SIGINT and SIGTERM as a descriptor. Call before starting any thread.
Result<Fd> interrupts() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd) return Error::last_errno("signalfd");
  return fd;
}

Result<int> run_watch(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  auto options = up_options(session, arguments, arguments.words);
  if (!options) return session.usage_error(options.error().text());
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  WatchOptions watch{
      project.name,         project.project, *options, arguments.words, arguments.is_set("prune", true),
      arguments.is_set("quiet")};
  Watcher watcher(session, std::move(watch),
                  [](int fd, std::string_view text) { static_cast<void>(write_all(fd, text).has_value()); });
  // Must precede the start, so that no change is missed during it.
  TRY(watcher.prepare());
  if (!arguments.is_set("no-up")) {
    (*options)["build"] = true;
    Change change{
        "up", project_path(project.name, "/up"), {{"project", project.project}, {"options", *options}}};
    ProgressStyle style = progress_style(session);
    style.quiet_build = arguments.is_set("quiet");
    auto progress = make_progress(style, change.title);
    InterruptNotice notice(false);
    TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
    if (!result.ok) return say_result(session, result);
  }
  TRY_ASSIGN(Fd stop, interrupts());
  TRY(watcher.run(stop.get()));
  return kExitInterrupted;
}

}  // namespace

const Command kWatch{
    .name = "watch",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Watch files and update containers according to develop.watch",
    .details =
        "Builds and starts the services first, unless --no-up is given. sync copies changed files into every "
        "replica\n"
        "and removes deleted ones; restart and exec follow a sync; rebuild builds that service alone and "
        "recreates it.\n"
        "Ctrl-C stops watching; the containers keep running.",
    .examples = kWatchExamples,
    .flags = kWatchFlags,
    .words_are_services = true,
    .run = run_watch,
};

}  // namespace stack::cli
