#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kStopFlags[] = {
    kTimeoutFlag,
};
constexpr Example kStopExamples[] = {
    {"stack stop", "stop all services, dependents first"},
    {"stack stop -t 1 web", "stop one service; kill it after one second"},
};

Result<int> run_stop(Session& session, const Arguments& arguments) {
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
    .examples = kStopExamples,
    .flags = kStopFlags,
    .words_are_services = true,
    .run = run_stop,
};

}  // namespace stack::cli
