#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Example kTopExamples[] = {{"stack top", "show the processes of every running container"},
                                    {"stack top web", "show the processes of one service"}};

constexpr Flag kTopFlags[] = {
    {0, "format", FlagArity::Value, "FORMAT", "table (default) or json: one object per process"}};

// Members in the order of the columns.
void print_json(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  for (const std::vector<std::string>& row : rows) {
    OrderedJson object = OrderedJson::object();
    for (size_t i = 0; i < row.size() && i < header.size(); ++i) object[header[i]] = row[i];
    print_line(object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  }
}

Result<int> run_top(Session& session, const Arguments& arguments) {
  const std::string format = arguments.text("format", "table");
  if (format != "table" && format != "json")
    return session.usage_error("invalid value \"" + format + "\" for --format: must be table or json");
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
  if (format == "json") print_json(header, rows);
  if (header.empty() || format == "json") return 0;
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
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Show the processes of running containers",
    .details = "",
    .examples = kTopExamples,
    .flags = kTopFlags,
    .words_are_services = true,
    .run = run_top,
};

}  // namespace stack::cli
