#include "cli/session/objects.h"

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/render/question.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "docker/filters.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

// Slashes in image names are not encoded, because the engine's routes accept them.
std::string encode_name(const std::string& name) {
  std::string out;
  for (char c : name) {
    out += c == '/' || c == ':' ? std::string(1, c) : http::percent_encode(std::string_view(&c, 1));
  }
  return out;
}

}  // namespace

Result<int> inspect_objects(Session& session, const Arguments& arguments, std::string_view go_type,
                            const std::string& prefix, const std::string& suffix) {
  std::vector<Json> found;
  int code = 0;
  for (const std::string& name : arguments.words) {
    auto object = session.call("GET", prefix + encode_name(name) + suffix);
    if (object) {
      found.push_back(std::move(*object));
    } else {
      print_message("stack: " + object.error().text());
      code = kExitError;
    }
  }
  std::string format = arguments.text("format");
  if (format.empty()) {
    print(Json(found).dump(4, ' ', false, Json::error_handler_t::replace) + "\n");
    return code;
  }
  std::vector<text_template::Inspected> objects;
  for (Json& object : found) objects.push_back({go_type, std::move(object)});
  TRY_ASSIGN(auto output, text_template::render_inspected(format, objects));
  print(output.text);
  for (const std::string& error : output.errors) print_message("stack: " + error);
  return output.errors.empty() ? code : kExitError;
}

Result<int> remove_objects(Session& session, const Arguments& arguments, const std::string& prefix,
                           const std::string& query) {
  int code = 0;
  for (const std::string& name : arguments.words) {
    auto removed = session.call("DELETE", prefix + encode_name(name) + query);
    if (removed) {
      print_line(name);
    } else if (!(arguments.is_set("force") && removed.error().kind() == ErrorKind::NotFound)) {
      print_message("stack: " + removed.error().text());
      code = kExitError;
    }
  }
  return code;
}

Result<int> prune_objects(Session& session, const Arguments& arguments, std::vector<std::string> names,
                          const std::string& prefix) {
  if (names.empty()) {
    print_message("nothing to remove");
    return 0;
  }
  if (session.globals().dry_run) {
    print("Would delete:\n" + join(names, "\n") + "\n");
    return 0;
  }
  if (!arguments.is_set("force")) {
    print_message("Going to remove " + join(names, ", "));
    TRY_ASSIGN(bool agreed, ask("Are you sure?"));
    if (!agreed) return kExitError;
  }
  Arguments chosen = arguments;
  chosen.words = std::move(names);
  return remove_objects(session, chosen, prefix);
}

Json pairs_of(const std::vector<std::string>& given) {
  Json pairs = Json::object();
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    pairs[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return pairs;
}

Result<std::string> filters_query(const std::vector<std::string>& given) {
  if (given.empty()) return std::string();
  docker::Filters filters;
  for (const std::string& text : given) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid("invalid filter \"" + text + "\": must be KEY=VALUE");
    }
    filters[text.substr(0, equals)].push_back(text.substr(equals + 1));
  }
  http::Query query;
  query.add("filters", docker::filters_text(filters));
  return query.text();
}

Result<int> print_rows(const Arguments& arguments, const std::vector<Json>& rows,
                       const std::vector<std::string>& header, const std::vector<std::string>& members,
                       const std::string& name) {
  std::string format = arguments.text("format", "table");
  std::string text;
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) text += string_or(row, name) + "\n";
  } else if (format == "table" || format == "pretty") {
    Table table(header);
    for (const Json& row : rows) {
      std::vector<std::string> cells;
      for (const std::string& key : members) cells.push_back(string_or(row, key));
      table.add(std::move(cells));
    }
    text = table.text();
  } else {
    TRY_ASSIGN(text, text_template::render_format(format, rows));
  }
  print(text);
  return 0;
}

}  // namespace stack::cli
