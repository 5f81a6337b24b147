#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/member.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kLsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Include projects without running containers"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only names"},
    {0, "filter", FlagArity::Values, "name=TEXT", "Show only projects whose names contain TEXT"},
    kFormatFlag,
};
constexpr Example kLsExamples[] = {{"stack ls", "list running projects"},
                                   {"stack ls -a", "include stopped projects"}};

// Without --all, "running(2), exited(1)" is "running(2)": containers that do not run are not counted.
std::string shown_status(const Json& project, const Arguments& arguments) {
  std::string status = string_or(project, "status");
  if (arguments.is_set("all")) return status;
  std::vector<std::string> parts;
  for (const std::string& part : split(status, ',')) {
    std::string_view text = trim(part);
    if (text.starts_with("running(") || text.starts_with("paused(") || text.starts_with("restarting("))
      parts.emplace_back(text);
  }
  return join(parts, ", ");
}

bool is_wanted(const Json& project, const Arguments& arguments) {
  if (!arguments.is_set("all") && shown_status(project, arguments).empty()) return false;
  std::string name = string_or(project, "name");
  for (const std::string& filter : arguments.all("filter")) {
    if (name.find(filter.substr(filter.find('=') + 1)) == std::string::npos) return false;
  }
  return true;
}

Result<int> run_ls(Session& session, const Arguments& arguments) {
  for (const std::string& filter : arguments.all("filter")) {
    if (!filter.starts_with("name="))
      return session.usage_error("invalid filter \"" + filter + "\": must be name=TEXT");
  }
  TRY_ASSIGN(Json projects, session.call("GET", "/stack/v1/projects"));
  std::vector<Json> rows;
  for (const Json& project : items_of(projects)) {
    if (!is_wanted(project, arguments)) continue;
    rows.push_back({{"Name", string_or(project, "name")},
                    {"Status", shown_status(project, arguments)},
                    {"ConfigFiles", join(strings_of(member(project, "config_files")), ",")}});
  }
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
  } else if (format == "json") {
    // One array, like `docker compose ls`.
    print_line(to_text(rows));
  } else if (format == "table" || format == "pretty") {
    Table table({"NAME", "STATUS", "CONFIG FILES"}, 20);
    for (const Json& row : rows)
      table.add({string_or(row, "Name"), string_or(row, "Status"), string_or(row, "ConfigFiles")});
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, rows));
    print(text);
  }
  return 0;
}

}  // namespace

const Command kLs{
    .name = "ls",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS]",
    .summary = "List projects",
    .details = "",
    .examples = kLsExamples,
    .flags = kLsFlags,
    .most_words = 0,
    .run = run_ls,
};

}  // namespace stack::cli
