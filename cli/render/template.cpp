#include "cli/render/template.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "cli/render/table.h"

namespace stack::cli {

namespace {

// One word of an action: a field path, a literal, a function name, or a parenthesized pipeline kept as text.
struct Word {
  enum class Kind { Path, Text, Number, Name, Group };
  Kind kind = Kind::Name;
  std::string text;
  std::string field = {};  // field taken from a group's value: ".Name" in (index .Mounts 0).Name
};
using Step = std::vector<Word>;
using Pipeline = std::vector<Step>;

Result<std::vector<Word>> words_of(std::string_view text);

Result<Word> quoted_word(std::string_view text, size_t& at) {
  char quote = text[at++];
  Word word{Word::Kind::Text, {}};
  while (at < text.size() && text[at] != quote) {
    if (quote == '"' && text[at] == '\\' && at + 1 < text.size()) {
      char escaped = text[++at];
      word.text += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
    } else {
      word.text += text[at];
    }
    ++at;
  }
  if (at >= text.size()) return invalid("template: unterminated string in {{" + std::string(text) + "}}");
  ++at;
  return word;
}

Result<Word> group_word(std::string_view text, size_t& at) {
  size_t depth = 0;
  size_t start = at + 1;
  for (; at < text.size(); ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')' && --depth == 0) {
      Word group{Word::Kind::Group, std::string(text.substr(start, at - start))};
      size_t end = std::min(text.find_first_of(" \t\n|()", ++at), text.size());
      if (at < text.size() && text[at] == '.') {
        group.field = text.substr(at, end - at);
        at = end;
      }
      return group;
    }
  }
  return invalid("template: unclosed ( in {{" + std::string(text) + "}}");
}

Result<std::vector<Word>> words_of(std::string_view text) {
  std::vector<Word> words;
  size_t at = 0;
  while (at < text.size()) {
    char c = text[at];
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (c == '"' || c == '`') {
      TRY_ASSIGN(Word word, quoted_word(text, at));
      words.push_back(std::move(word));
    } else if (c == '(') {
      TRY_ASSIGN(Word word, group_word(text, at));
      words.push_back(std::move(word));
    } else if (c == '|') {
      words.push_back(Word{Word::Kind::Name, "|"});
      ++at;
    } else {
      size_t start = at;
      while (at < text.size() && !std::isspace(static_cast<unsigned char>(text[at])) && text[at] != '|' &&
             text[at] != '(' && text[at] != ')') {
        ++at;
      }
      if (at == start) return invalid("template: unexpected ) in {{" + std::string(text) + "}}");
      std::string word(text.substr(start, at - start));
      Word::Kind kind = word[0] == '.'        ? Word::Kind::Path
                        : is_all_digits(word) ? Word::Kind::Number
                                              : Word::Kind::Name;
      words.push_back(Word{kind, std::move(word)});
    }
  }
  return words;
}

Result<Pipeline> parse_pipeline(std::string_view text) {
  TRY_ASSIGN(std::vector<Word> words, words_of(text));
  Pipeline pipeline(1);
  for (Word& word : words) {
    if (word.kind == Word::Kind::Name && word.text == "|") {
      pipeline.emplace_back();
    } else {
      pipeline.back().push_back(std::move(word));
    }
  }
  for (const Step& step : pipeline) {
    if (step.empty()) return invalid("template: missing value for {{" + std::string(text) + "}}");
  }
  return pipeline;
}

// Formats values like Go templates.
std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<no value>";
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const Json& item : value) parts.push_back(text_of(item));
    return "[" + join(parts, " ") + "]";
  }
  if (value.is_object()) {
    std::vector<std::string> parts;
    for (const auto& [key, item] : value.items()) parts.push_back(key + ":" + text_of(item));
    return "map[" + join(parts, " ") + "]";
  }
  return to_text(value);
}

bool is_true(const Json& value) {
  if (value.is_null()) return false;
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != 0;
  return !(value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty());
}

Result<Json> value_at(const Json& object, const std::string& path) {
  const Json* value = &object;
  for (const std::string& part : split(std::string_view(path).substr(1), '.')) {
    if (part.empty()) continue;
    if (!value->is_object() || !value->contains(part)) {
      return invalid("template: can't evaluate field " + part);
    }
    value = &(*value)[part];
  }
  return *value;
}

// Labels are "a=b,c=d", as Docker prints them, or an object.
Json label_of(const Json& labels, const std::string& key) {
  if (labels.is_object()) return labels.contains(key) ? labels[key] : Json("");
  if (labels.is_string()) {
    for (const std::string& label : split(labels.get_ref<const std::string&>(), ',')) {
      if (label.starts_with(key + "=")) return label.substr(key.size() + 1);
    }
  }
  return "";
}

Result<Json> evaluate(const Pipeline& pipeline, const Json& object);

Result<Json> evaluate_word(const Word& word, const Json& object) {
  switch (word.kind) {
    case Word::Kind::Path:
      return value_at(object, word.text);
    case Word::Kind::Text:
      return Json(word.text);
    case Word::Kind::Number:
      return Json(std::atoll(word.text.c_str()));
    case Word::Kind::Group: {
      TRY_ASSIGN(Pipeline pipeline, parse_pipeline(word.text));
      if (word.field.empty()) return evaluate(pipeline, object);
      TRY_ASSIGN(Json value, evaluate(pipeline, object));
      return value_at(value, word.field);
    }
    case Word::Kind::Name:
      break;
  }
  if (word.text == "true") return Json(true);
  if (word.text == "false") return Json(false);
  return invalid("template: function \"" + word.text + "\" not defined");
}

using Values = std::vector<Json>;
using Function = Result<Json> (*)(const Values& arguments);

Json changed_case(const Json& value, int (*change)(int)) {
  std::string text = text_of(value);
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

Result<Json> call_index(const Values& a) {
  const Json* value = &a[0];
  for (size_t i = 1; i < a.size(); ++i) {
    if (value->is_object() && a[i].is_string()) {
      auto found = value->find(a[i].get<std::string>());
      if (found == value->end()) return Json("");
      value = &*found;
    } else if (value->is_array() && a[i].is_number_integer() && a[i].get<int64_t>() >= 0 &&
               a[i].get<size_t>() < value->size()) {
      value = &(*value)[a[i].get<size_t>()];
    } else {
      return invalid("template: index out of range");
    }
  }
  return *value;
}

Result<Json> call_join(const Values& a) {
  std::vector<std::string> parts;
  if (!a[0].is_array()) return Json(text_of(a[0]));
  for (const Json& item : a[0]) parts.push_back(text_of(item));
  return Json(join(parts, text_of(a[1])));
}

Result<Json> call_split(const Values& a) {
  std::string text = text_of(a[0]);
  std::string separator = text_of(a[1]);
  Json parts = Json::array();
  size_t start = 0;
  for (size_t at; !separator.empty() && (at = text.find(separator, start)) != std::string::npos;
       start = at + separator.size()) {
    parts.push_back(text.substr(start, at - start));
  }
  parts.push_back(text.substr(start));
  return parts;
}

Result<Json> call_truncate(const Values& a) {
  std::string text = text_of(a[0]);
  if (a[1].is_number_integer()) text = text.substr(0, std::min<size_t>(text.size(), a[1].get<size_t>()));
  return Json(text);
}

struct NamedFunction {
  std::string_view name;
  size_t arguments;  // exact number, or the minimum if `more`
  bool more;
  Function function;
};

constexpr NamedFunction kFunctions[] = {
    {"json", 1, false, [](const Values& a) -> Result<Json> { return Json(to_text(a[0])); }},
    {"upper", 1, false, [](const Values& a) -> Result<Json> { return changed_case(a[0], std::toupper); }},
    {"lower", 1, false, [](const Values& a) -> Result<Json> { return changed_case(a[0], std::tolower); }},
    {"title", 1, false,
     [](const Values& a) -> Result<Json> {
       std::string text = text_of(a[0]);
       if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
       return Json(text);
     }},
    {"len", 1, false,
     [](const Values& a) -> Result<Json> {
       return Json(a[0].is_string() ? a[0].get_ref<const std::string&>().size() : a[0].size());
     }},
    {"println", 1, false, [](const Values& a) -> Result<Json> { return Json(text_of(a[0]) + "\n"); }},
    {"print", 1, false, [](const Values& a) -> Result<Json> { return Json(text_of(a[0])); }},
    {"not", 1, false, [](const Values& a) -> Result<Json> { return Json(!is_true(a[0])); }},
    {"eq", 2, false, [](const Values& a) -> Result<Json> { return Json(a[0] == a[1]); }},
    {"ne", 2, false, [](const Values& a) -> Result<Json> { return Json(a[0] != a[1]); }},
    {"index", 2, true, call_index},
    {"join", 2, false, call_join},
    {"split", 2, false, call_split},
    {"truncate", 2, false, call_truncate},
};

Result<Json> evaluate_step(const Step& step, const Json* piped, const Json& object) {
  const Word& head = step[0];
  if (head.kind == Word::Kind::Path && head.text == ".Label" && step.size() == 2) {
    TRY_ASSIGN(Json labels, value_at(object, ".Labels"));
    TRY_ASSIGN(Json key, evaluate_word(step[1], object));
    return label_of(labels, text_of(key));
  }
  const NamedFunction* function = nullptr;
  if (head.kind == Word::Kind::Name) {
    for (const NamedFunction& candidate : kFunctions) {
      if (candidate.name == head.text) function = &candidate;
    }
  }
  if (!function) {
    if (step.size() > 1 || piped)
      return invalid("template: can't give argument to non-function " + head.text);
    return evaluate_word(head, object);
  }
  Values arguments;
  for (size_t i = 1; i < step.size(); ++i) {
    TRY_ASSIGN(Json value, evaluate_word(step[i], object));
    arguments.push_back(std::move(value));
  }
  if (piped) arguments.push_back(*piped);
  if (arguments.size() < function->arguments || (arguments.size() > function->arguments && !function->more)) {
    return invalid("template: wrong number of arguments for " + head.text);
  }
  return function->function(arguments);
}

Result<Json> evaluate(const Pipeline& pipeline, const Json& object) {
  Json value;
  for (size_t i = 0; i < pipeline.size(); ++i) {
    TRY_ASSIGN(value, evaluate_step(pipeline[i], i == 0 ? nullptr : &value, object));
  }
  return value;
}

}  // namespace

struct Template::Node {
  enum class Kind { Literal, Value, If, Range };
  using List = std::vector<std::unique_ptr<Node>>;
  Kind kind = Kind::Literal;
  std::string text;   // Literal
  Pipeline pipeline;  // the others
  List body;
  List otherwise;

  static Result<> render(const List& nodes, const Json& object, std::string& out) {
    for (const auto& node : nodes) TRY(node->render_one(object, out));
    return {};
  }

  Result<> render_one(const Json& object, std::string& out) const {
    if (kind == Kind::Literal) {
      out += text;
      return {};
    }
    TRY_ASSIGN(Json value, evaluate(pipeline, object));
    if (kind == Kind::Value) {
      out += text_of(value);
    } else if (kind == Kind::If) {
      TRY(render(is_true(value) ? body : otherwise, object, out));
    } else if (!is_true(value)) {
      TRY(render(otherwise, object, out));
    } else {
      for (const Json& item : value) TRY(render(body, item, out));
    }
    return {};
  }
};

Template::Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view text) {
  Template result;
  std::vector<Node*> open;  // enclosing if and range nodes
  std::vector<Node::List*> target{&result.nodes_};
  bool trim_left = false;
  auto literal = [&](std::string_view piece) {
    if (piece.empty()) return;
    auto node = std::make_unique<Node>();
    node->text = piece;
    target.back()->push_back(std::move(node));
  };
  for (size_t at = 0; at < text.size();) {
    size_t begin = text.find("{{", at);
    std::string_view before = text.substr(at, begin == std::string_view::npos ? begin : begin - at);
    bool trim_right = begin != std::string_view::npos && text.substr(begin + 2).starts_with("- ");
    if (trim_left) before.remove_prefix(std::min(before.size(), before.find_first_not_of(" \t\r\n")));
    if (trim_right) before = before.substr(0, before.find_last_not_of(" \t\r\n") + 1);
    literal(before);
    if (begin == std::string_view::npos) break;
    size_t end = text.find("}}", begin);
    if (end == std::string_view::npos) return invalid("template: unclosed action");
    std::string_view action = text.substr(begin + 2, end - begin - 2);
    if (trim_right) action.remove_prefix(1);
    trim_left = action.ends_with(" -");
    if (trim_left) action.remove_suffix(1);
    action = trim(action);
    at = end + 2;

    if (action.starts_with("/*")) continue;
    if (action == "end" || action == "else") {
      if (open.empty()) return invalid("template: unexpected {{" + std::string(action) + "}}");
      target.pop_back();
      if (action == "else") {
        target.push_back(&open.back()->otherwise);
      } else {
        open.pop_back();
      }
      continue;
    }
    auto node = std::make_unique<Node>();
    node->kind = Node::Kind::Value;
    if (action.starts_with("if ")) {
      node->kind = Node::Kind::If;
      action.remove_prefix(3);
    } else if (action.starts_with("range ")) {
      node->kind = Node::Kind::Range;
      action.remove_prefix(6);
    }
    TRY_ASSIGN(node->pipeline, parse_pipeline(action));
    Node* made = node.get();
    target.back()->push_back(std::move(node));
    if (made->kind != Node::Kind::Value) {
      open.push_back(made);
      target.push_back(&made->body);
    }
  }
  if (!open.empty()) return invalid("template: unexpected end, {{end}} is missing");
  return result;
}

Result<std::string> Template::render(const Json& object) const {
  std::string out;
  TRY(Node::render(nodes_, object, out));
  return out;
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

// "RunningFor" -> "RUNNING FOR", like Docker's headers; a few have special names.
std::string header_of(std::string_view field) {
  if (field == "RunningFor") return "CREATED";
  if (field == "ID") return "CONTAINER ID";
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    bool upper = std::isupper(static_cast<unsigned char>(field[i])) != 0;
    bool after_lower = i > 0 && std::islower(static_cast<unsigned char>(field[i - 1])) != 0;
    if (upper && after_lower) out += ' ';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(field[i])));
  }
  return out;
}

// Replaces each {{...}} with the name of its first field.
std::string header_line(std::string_view text, const std::map<std::string, std::string>& titles) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t begin = text.find("{{", at);
    size_t end = begin == std::string_view::npos ? begin : text.find("}}", begin);
    if (end == std::string_view::npos) return out + std::string(text.substr(at));
    out += text.substr(at, begin - at);
    std::string_view action = text.substr(begin + 2, end - begin - 2);
    size_t dot = action.find('.');
    if (dot != std::string_view::npos) {
      size_t stop = action.find_first_of(" |)}.-", dot + 1);
      std::string field(action.substr(dot + 1, stop == std::string_view::npos ? stop : stop - dot - 1));
      auto title = titles.find(field);
      out += title == titles.end() ? header_of(field) : title->second;
    }
    at = end + 2;
  }
  return out;
}

}  // namespace

Result<std::string> render_format(std::string_view format, const std::vector<Json>& rows,
                                  const std::map<std::string, std::string>& titles) {
  std::string out;
  if (format == "json") {
    for (const Json& row : rows) out += to_text(row) + "\n";
    return out;
  }
  bool as_table = format.starts_with("table ");
  std::string text = unescaped(as_table ? trim(format.substr(6)) : format);
  TRY_ASSIGN(Template parsed, Template::parse(text));
  Table table(split(header_line(text, titles), '\t'));
  for (const Json& row : rows) {
    TRY_ASSIGN(std::string line, parsed.render(row));
    if (as_table) {
      table.add(split(line, '\t'));
    } else {
      out += line + "\n";
    }
  }
  return as_table ? table.text() : out;
}

}  // namespace stack::cli
