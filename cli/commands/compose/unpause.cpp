#include "cli/flags/commands.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Example kUnpauseExamples[] = {
    {"stack unpause db", "resume one service"},
};

Result<int> run_unpause(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "unpause", Json::object());
}

}  // namespace

const Command kUnpause{
    .name = "unpause",
    .aliases = {},
    .group = Group::Project,
    .usage = "[SERVICE...]",
    .summary = "Resume paused containers",
    .details = "",
    .examples = kUnpauseExamples,
    .flags = {},
    .words_are_services = true,
    .run = run_unpause,
};

}  // namespace stack::cli
