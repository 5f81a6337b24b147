#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kRestartFlags[] = {
    kTimeoutFlag,
    {0, "no-deps", FlagArity::Nothing, "", "Do not restart dependent services"},
};
constexpr Example kRestartExamples[] = {
    {"stack restart web", "restart one service"},
};

Result<int> run_restart(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "restart", {{"no_deps", arguments.is_set("no-deps")}});
}

}  // namespace

const Command kRestart{
    .name = "restart",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Restart containers",
    .details = "Changes of the Compose file are not applied; use `stack up`.",
    .examples = kRestartExamples,
    .flags = kRestartFlags,
    .words_are_services = true,
    .run = run_restart,
};

}  // namespace stack::cli
