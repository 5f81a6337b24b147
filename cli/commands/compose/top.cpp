#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Example kTopExamples[] = {{"stack top", "show the processes of every running container"},
                                    {"stack top web", "show the processes of one service"}};

Result<int> run_top(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  TRY_ASSIGN(auto containers, list_containers(session, project_name, ContainerFilter::Running, true));
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header;
  for (const Container& container : of_services(std::move(containers), arguments.words)) {
    auto answer = session.call("GET", "/containers/" + container.id + "/top");
    // The container may have exited since it was listed.
    if (!answer &&
        (answer.error().kind() == ErrorKind::NotFound || answer.error().kind() == ErrorKind::Conflict))
      continue;
    if (!answer) return std::move(answer).error();
    if (header.empty()) {
      header = {"SERVICE", "#"};
      for (const std::string& title : strings_of(member(*answer, "Titles"))) header.push_back(title);
    }
    for (const Json& process : items_of(member(*answer, "Processes"))) {
      std::vector<std::string> row{container.service, std::to_string(container.number)};
      for (const std::string& cell : strings_of(process)) row.push_back(cell);
      rows.push_back(std::move(row));
    }
  }
  if (header.empty()) return 0;
  Table table(std::move(header), 0);
  for (auto& row : rows) table.add(std::move(row));
  print(table.text());
  return 0;
}

}  // namespace

const Command kTop{
    .name = "top",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[SERVICE...]",
    .summary = "Show the processes of running containers",
    .details = "",
    .examples = kTopExamples,
    .flags = {},
    .words_are_services = true,
    .run = run_top,
};

}  // namespace stack::cli
