#include "cli/cluster/project_list.h"

#include <vector>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"

namespace stack::cli::cluster {

namespace {

// "running(3), exited(1)", as for local projects.
std::string status_text(const std::map<std::string, int>& states) {
  std::vector<std::string> out;
  for (const auto& [state, count] : states) out.push_back(state + "(" + std::to_string(count) + ")");
  return join(out, ", ");
}

bool is_wanted(const Arguments& arguments, const std::string& name,
               const std::map<std::string, int>& states) {
  if (!arguments.is_set("all") && !states.contains("running")) return false;
  for (const std::string& filter : arguments.all("filter"))
    if (name.find(filter.substr(filter.find('=') + 1)) == std::string::npos) return false;
  return true;
}

}  // namespace

std::optional<int> refuse_project_filters(const Session& session, const Arguments& arguments) {
  for (const std::string& filter : arguments.all("filter"))
    if (!filter.starts_with("name="))
      return session.usage_error("invalid filter \"" + filter + "\": must be name=TEXT");
  return std::nullopt;
}

Result<int> print_projects(const Arguments& arguments, const ProjectStates& projects,
                           const std::string& place_title, const std::string& place) {
  std::vector<Json> rows;
  for (const auto& [name, states] : projects)
    if (is_wanted(arguments, name, states))
      rows.push_back({{"Name", name}, {"Status", status_text(states)}, {place_title, place}});
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
  } else if (format == "json") {
    print_line(to_text(Json(rows)));
  } else if (format == "table" || format == "pretty") {
    Table table({"NAME", "STATUS", upper(place_title)}, 20);
    for (const Json& row : rows) table.add({string_or(row, "Name"), string_or(row, "Status"), place});
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return 0;
}

}  // namespace stack::cli::cluster
