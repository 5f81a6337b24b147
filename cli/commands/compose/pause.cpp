#include "cli/flags/commands.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Example kPauseExamples[] = {
    {"stack pause db", "pause one service"},
};

Result<int> run_pause(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "pause", Json::object());
}

}  // namespace

const Command kPause{
    .name = "pause",
    .aliases = {},
    .group = Group::Project,
    .usage = "[SERVICE...]",
    .summary = "Pause all processes of containers",
    .details = "",
    .examples = kPauseExamples,
    .flags = {},
    .words_are_services = true,
    .run = run_pause,
};

}  // namespace stack::cli
