#include "cli/ui/ui.h"
#include "cli/flags/commands.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Example kUiExamples[] = {{"stack ui", "watch and control the project in this terminal"},
                                   {"stack -p shop ui", "the same for a project by name"}};

Result<int> run_ui_command(Session& session, const Arguments&) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  return run_ui(session, project_name);
}

}  // namespace

const Command kUi{
    .name = "ui",
    .aliases = {},
    .group = Group::Project,
    .usage = "",
    .summary = "Show services, logs, processes, and plan in a full screen, and control services by keys",
    .details =
        "Keys: up and down select a service; l logs, t processes, p plan, c configuration, / search, r "
        "restart,\n"
        "s stop or start, b rebuild, x shell, ? help, q quit. The containers keep running.",
    .examples = kUiExamples,
    .flags = {},
    .most_words = 0,
    .run = run_ui_command,
};

}  // namespace stack::cli
