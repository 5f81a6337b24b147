#include "cli/flags/commands.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Example kExamples[] = {
    {"stack unpause db", "let it go on"},
};

Result<int> run(Session& session, const Arguments& arguments) {
  return change_services(session, arguments, "unpause", Json::object());
}

}  // namespace

const Command kUnpause{
    .name = "unpause",
    .aliases = {},
    .group = Group::Project,
    .usage = "[SERVICE...]",
    .summary = "Let paused containers go on",
    .details = "",
    .examples = kExamples,
    .flags = {},
    .words_are_services = true,
    .run = run,
};

}  // namespace stack::cli
