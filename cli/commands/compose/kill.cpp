#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kKillFlags[] = {
    {'s', "signal", FlagArity::Value, "SIGNAL", "Signal to send (default: SIGKILL)"},
    kRemoveOrphansFlag,
};
constexpr Example kKillExamples[] = {
    {"stack kill web", "kill immediately"},
    {"stack kill -s HUP nginx", "make a server reload its configuration"},
};

Result<int> run_kill(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "kill", {{"signal", arguments.text("signal", "SIGKILL")}});
}

}  // namespace

const Command kKill{
    .name = "kill",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Kill containers or send them a signal",
    .details = "",
    .examples = kKillExamples,
    .flags = kKillFlags,
    .words_are_services = true,
    .run = run_kill,
};

}  // namespace stack::cli
