#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kFlags[] = {
    kTimeoutFlag,
};
constexpr Example kExamples[] = {
    {"stack stop", "everything, dependents first"},
    {"stack stop -t 1 web", "one service, killed after a second"},
};

Result<int> run(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "stop", Json::object());
}

}  // namespace

const Command kStop{
    .name = "stop",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Stop containers without removing them",
    .details = "",
    .examples = kExamples,
    .flags = kFlags,
    .words_are_services = true,
    .run = run,
};

}  // namespace stack::cli
