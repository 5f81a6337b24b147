#include "cli/render/template/format.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "cli/render/table.h"
#include "cli/render/template/json_text.h"
#include "cli/render/template/lexer.h"
#include "cli/render/template/parser.h"

namespace stack::text_template {

Result<Template> Template::parse(std::string text, std::string name) {
  Template made;
  TRY_ASSIGN(made.templates_, parse_templates(text, name));
  made.text_ = std::move(text);
  made.name_ = std::move(name);
  return made;
}

Result<> Template::render(const Value& dot, std::string& out, Evaluation evaluation) const {
  evaluation.name = name_;
  return evaluate(templates_, text_, dot, evaluation, out);
}

Result<std::string> Template::render(const Value& dot) const {
  std::string out;
  TRY(render(dot, out));
  return out;
}

std::vector<std::string> Template::fields() const {
  std::vector<std::string> names;
  for (const Token& token : tokens_of(text_))
    if (token.kind == Token::Kind::Field) names.push_back(token.text.substr(1));
  return names;
}

namespace {

std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n')) {
      out += text[++i] == 't' ? '\t' : '\n';
    } else {
      out += text[i];
    }
  }
  return out;
}

// "RunningFor" -> "RUNNING FOR"
std::string header_of(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    bool upper = std::isupper(static_cast<unsigned char>(field[i])) != 0;
    bool after_lower = i > 0 && std::islower(static_cast<unsigned char>(field[i - 1])) != 0;
    if (upper && after_lower) out += ' ';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(field[i])));
  }
  return out;
}

std::string header_line(const Template& parsed, const Json& titles) {
  std::string out;
  // Docker prints the header as far as it goes.
  static_cast<void>(
      parsed.render(Value(type_of("formatter.SubHeaderContext"), titles), out, {.header = true}));
  return out;
}

struct Rows {
  const std::vector<Json>& rows;
  const Type& type;
  Evaluation evaluation;
};

Error parsing_error(const Error& error) { return invalid("template parsing error: " + error.text()); }

// `titles_of` returns the titles of a table by field.
template <typename TitlesOf>
Result<std::string> render_all(std::string_view format, const Rows& rows, const TitlesOf& titles_of) {
  bool as_table = format.starts_with("table");
  std::string text(format == "json" ? "{{json .}}" : as_table ? format.substr(5) : format);
  size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text = unescaped(std::string_view(text).substr(begin, text.find_last_not_of(' ') + 1 - begin));
  auto parsed = Template::parse(text);
  if (!parsed) return parsing_error(parsed.error());
  std::string out;
  std::vector<std::string> lines;
  for (const Json& row : rows.rows) {
    std::string line;
    auto rendered = parsed->render(Value(rows.type, row), line, rows.evaluation);
    if (!rendered) return parsing_error(rendered.error());
    out += line + "\n";
    lines.push_back(std::move(line));
  }
  if (!as_table) return out;
  cli::Table table(split(header_line(*parsed, titles_of(*parsed)), '\t'));
  for (const std::string& line : lines) table.add(split(line, '\t'));
  return table.text();
}

}  // namespace

Result<std::string> render_rows(std::string_view format, const std::vector<Json>& rows,
                                std::string_view row_type) {
  const Type& type = type_of(row_type);
  return render_all(format, {rows, type, {}}, [&](const Template&) {
    Json titles = Json::object();
    for (const Field& field : type.fields)
      if (!field.title.empty()) titles[field.name] = field.title;
    return titles;
  });
}

Result<std::string> render_format(std::string_view format, const std::vector<Json>& rows,
                                  const std::map<std::string, std::string>& titles) {
  return render_all(format, {rows, any_type(), {.missing_keys_are_errors = true}},
                    [&](const Template& parsed) {
                      Json all = Json::object();
                      for (const std::string& name : parsed.fields()) all[name] = header_of(name);
                      for (const auto& [name, title] : titles) all[name] = title;
                      return all;
                    });
}

Result<InspectOutput> render_inspected(const std::string& format, const std::vector<Inspected>& objects) {
  InspectOutput output;
  if (format == "json") {
    for (const Inspected& each : objects)
      output.text += (output.text.empty() ? "" : ",") + json_text(Value(raw_type(), each.object));
    output.text = "[" + output.text + "]\n";
    return output;
  }
  auto parsed = Template::parse(format);
  if (!parsed) return parsing_error(parsed.error());
  Evaluation evaluation;
  for (const Inspected& each : objects) {
    std::string line;
    auto rendered = parsed->render(Value(type_of(each.type), each.object), line, evaluation);
    if (!rendered && each.has_json) {
      line.clear();
      // Docker's option stays set for the objects after this one.
      evaluation.missing_keys_are_errors = true;
      rendered = parsed->render(Value(raw_type(), each.object).concrete(), line, evaluation);
    }
    if (rendered) {
      output.text += line + "\n";
    } else {
      output.errors.push_back(parsing_error(rendered.error()).text());
    }
  }
  if (output.text.empty()) output.text = "\n";
  return output;
}

}  // namespace stack::text_template
