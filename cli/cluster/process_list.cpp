#include "cli/cluster/process_list.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/units.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"

namespace stack::cli::cluster {

std::string age_text(const std::string& created) {
  auto time = parse_rfc3339(created);
  if (!time) return "";
  auto age = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *time);
  return human_duration(std::max(age, std::chrono::seconds(0))) + " ago";
}

Result<int> print_processes(const Arguments& arguments, const ProcessList& list,
                            const std::vector<std::string>& columns) {
  std::string format = arguments.text("format", "table");
  if (arguments.is_set("quiet")) {
    print(list.names);
  } else if (arguments.is_set("services")) {
    for (const std::string& service : list.services) print_line(service);
  } else if (format == "table" || format == "pretty") {
    std::vector<std::string> titles;
    for (const std::string& column : columns)
      titles.push_back(column == "RunningFor" ? "CREATED" : upper(column));
    Table table(titles);
    for (const Json& row : list.rows) {
      std::vector<std::string> cells;
      for (const std::string& column : columns) cells.push_back(string_or(row, column));
      table.add(cells);
    }
    print(table.text());
  } else {
    TRY_ASSIGN(std::string text, text_template::render_format(format, list.rows));
    print(text);
  }
  return 0;
}

Result<std::string> wanted_port(const Arguments& arguments) {
  std::string number = arguments.words[1];
  std::string protocol = lower(arguments.text("protocol", "tcp"));
  if (size_t slash = number.find('/'); slash != std::string::npos) {
    protocol = lower(number.substr(slash + 1));
    number.resize(slash);
  }
  if (!is_all_digits(number) || number.size() > 5) return invalid("\"" + number + "\" is not a port number");
  return number + "/" + protocol;
}

}  // namespace stack::cli::cluster
