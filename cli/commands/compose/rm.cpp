#include <unistd.h>

#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/render/question.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/selected_services.h"
#include "cli/session/services_change.h"

namespace stack::cli {

namespace {

constexpr Flag kRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"},
    {'s', "stop", FlagArity::Nothing, "", "Stop the containers before removing them"},
    {'v', "volumes", FlagArity::Nothing, "", "Also remove anonymous volumes attached to the containers"},
    {'a', "all", FlagArity::Nothing, "", ""},
};
constexpr Example kRmExamples[] = {
    {"stack rm", "remove stopped containers after confirmation"},
    {"stack rm -fs web", "stop and remove the containers of one service without confirmation"},
};

Result<int> run_rm(Session& session, const Arguments& arguments) {
  if (session.globals().dry_run)
    return change_services(session, arguments, "rm",
                           {{"stop", arguments.is_set("stop")}, {"volumes", arguments.is_set("volumes")}});
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  TRY_ASSIGN(auto containers, list_containers(session, project_name, ContainerFilter::All, true));
  std::vector<std::string> names;
  for (const Container& container : selected(session, std::move(containers), arguments.words)) {
    if (arguments.is_set("stop") || !container.is_running()) names.push_back(container.name);
  }
  if (names.empty()) {
    print_message("No stopped containers");
    return 0;
  }
  if (!arguments.is_set("force")) {
    print_message("Going to remove " + join(names, ", "));
    TRY_ASSIGN(bool agreed, ask("Are you sure?"));
    if (!agreed) return kExitError;
  }
  if (arguments.is_set("stop")) {
    TRY_ASSIGN(int code, change_services(session, arguments, "stop", Json::object()));
    if (code != 0) return code;
  }
  return change_services(session, arguments, "rm",
                         {{"force", false}, {"volumes", arguments.is_set("volumes")}});
}

}  // namespace

const Command kRm{
    .name = "rm",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Remove stopped containers",
    .details = "",
    .examples = kRmExamples,
    .flags = kRmFlags,
    .words_are_services = true,
    .run = run_rm,
};

}  // namespace stack::cli
