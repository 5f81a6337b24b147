#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kFlags[] = {
    {'s', "signal", FlagArity::Value, "SIGNAL", "Signal to send (default: SIGKILL)"},
    kRemoveOrphansFlag,
};
constexpr Example kExamples[] = {
    {"stack kill web", "at once, without grace"},
    {"stack kill -s HUP nginx", "make a server read its configuration again"},
};

Result<int> run(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "kill", {{"signal", arguments.text("signal", "SIGKILL")}});
}

}  // namespace

const Command kKill{
    .name = "kill",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Kill containers, or send them a signal",
    .details = "",
    .examples = kExamples,
    .flags = kFlags,
    .words_are_services = true,
    .run = run,
};

}  // namespace stack::cli
