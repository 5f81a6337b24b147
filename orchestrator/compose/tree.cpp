#include "orchestrator/compose/tree.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace stack::compose {

namespace {

bool digits_of(std::string_view text, std::string_view allowed) {
  bool any = false;
  for (char c : text) {
    if (c == '_') continue;
    if (allowed.find(c) == std::string_view::npos) return false;
    any = true;
  }
  return any;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?  or .inf, .nan
bool is_float(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return true;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  auto eat_digits = [&] {
    size_t count = 0;
    while (!rest.empty() && ((rest[0] >= '0' && rest[0] <= '9') || (count > 0 && rest[0] == '_'))) {
      rest.remove_prefix(1);
      ++count;
    }
    return count;
  };
  size_t whole = eat_digits();
  size_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = eat_digits();
  }
  if (whole + fraction == 0) return false;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (eat_digits() == 0) return false;
  }
  return rest.empty();
}

}  // namespace

bool parse_yaml_integer(std::string_view text, int64_t& value) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  std::string_view digits = text;
  auto prefixed = [&](std::string_view lower_case, std::string_view upper_case) {
    if (!text.starts_with(lower_case) && !text.starts_with(upper_case)) return false;
    digits = text.substr(2);
    return true;
  };
  if (prefixed("0x", "0X")) {
    base = 16;
  } else if (prefixed("0b", "0B")) {
    base = 2;
  } else if (prefixed("0o", "0O")) {
    base = 8;
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
    digits = text.substr(1);
  }
  std::string_view allowed = base == 16   ? "0123456789abcdefABCDEF"
                             : base == 10 ? "0123456789"
                             : base == 8  ? "01234567"
                                          : "01";
  if (digits.empty() || digits[0] == '_' || !digits_of(digits, allowed)) return false;
  std::string clean = negative ? "-" : "";
  std::copy_if(digits.begin(), digits.end(), std::back_inserter(clean), [](char c) { return c != '_'; });
  auto [end, code] = std::from_chars(clean.data(), clean.data() + clean.size(), value, base);
  return code == std::errc{} && end == clean.data() + clean.size();
}

ScalarType type_of_plain(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 6> kBool{"true", "True", "TRUE", "false", "False", "FALSE"};
  if (text.size() <= 5) {
    if (std::find(kNull.begin(), kNull.end(), text) != kNull.end()) return ScalarType::Null;
    if (std::find(kBool.begin(), kBool.end(), text) != kBool.end()) return ScalarType::Bool;
  }
  char first = text.empty() ? '\0' : text[0];
  if (first != '-' && first != '+' && first != '.' && (first < '0' || first > '9')) return ScalarType::String;
  int64_t value = 0;
  if (parse_yaml_integer(text, value)) return ScalarType::Int;
  return is_float(text) ? ScalarType::Float : ScalarType::String;
}

ScalarType Node::type() const { return string ? ScalarType::String : type_of_plain(text); }

Entry* Node::find_entry(std::string_view key) {
  for (Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

Node* Node::find(std::string_view key) {
  Entry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

Node& Node::at(std::string_view key) {
  if (Node* found = find(key)) return *found;
  Node value = null_node(mark);
  value.made = true;
  entries.push_back({std::string(key), mark, std::move(value)});
  return entries.back().value;
}

void Node::set(std::string_view key, Node value) {
  if (Entry* entry = find_entry(key)) {
    entry->value = std::move(value);
    return;
  }
  Mark key_mark = value.mark;
  entries.push_back({std::string(key), key_mark, std::move(value)});
}

void Node::erase(std::string_view key) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
}

std::string_view Node::text_of(std::string_view key) const {
  const Node* value = find(key);
  return value != nullptr && value->is_scalar() ? std::string_view(value->text) : std::string_view();
}

void Node::make_invalid() {
  kind = NodeKind::Invalid;
  entries.clear();
  items.clear();
}

KeyIndex::KeyIndex(Node& map) : map_(map) { note_all(); }

void KeyIndex::note_all() {
  if (map_.entries.size() < kSmall) return;
  for (size_t i = 0; i < map_.entries.size(); ++i) places_.emplace(map_.entries[i].key, i);
}

Entry* KeyIndex::find(const std::string& key) {
  if (places_.empty()) return map_.find_entry(key);
  auto found = places_.find(key);
  return found == places_.end() ? nullptr : &map_.entries[found->second];
}

void KeyIndex::set(const std::string& key, Node value) {
  if (Entry* entry = find(key)) {
    entry->value = std::move(value);
    return;
  }
  Mark mark = value.mark;
  map_.entries.push_back({key, mark, std::move(value)});
  if (places_.empty()) {
    note_all();
  } else {
    places_.emplace(key, map_.entries.size() - 1);
  }
}

Node scalar_node(std::string text, Mark mark) {
  Node node = plain_node(std::move(text), mark);
  node.string = true;
  return node;
}

Node plain_node(std::string text, Mark mark) {
  Node node;
  node.kind = NodeKind::Scalar;
  node.mark = mark;
  node.text = std::move(text);
  return node;
}

Node map_node(Mark mark) {
  Node node;
  node.kind = NodeKind::Map;
  node.mark = mark;
  return node;
}

Node list_node(Mark mark) {
  Node node;
  node.kind = NodeKind::List;
  node.mark = mark;
  return node;
}

Node null_node(Mark mark) {
  Node node;
  node.mark = mark;
  return node;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::Null:
      return "nothing";
    case NodeKind::Map:
      return "a mapping";
    case NodeKind::List:
      return "a list";
    case NodeKind::Invalid:
      return "an invalid value";
    case NodeKind::Scalar:
      break;
  }
  std::string shown = node.text.size() > 60 ? node.text.substr(0, 57) + "..." : node.text;
  switch (node.type()) {
    case ScalarType::Null:
      return "nothing";
    case ScalarType::Bool:
      return "the boolean " + shown;
    case ScalarType::Int:
    case ScalarType::Float:
      return "the number " + shown;
    case ScalarType::String:
      break;
  }
  return "\"" + shown + "\"";
}

bool Provenances::poisoned(const Node& node) const {
  if (node.provenance == 0) return false;
  const auto& problems = list_.at(node.provenance).problems;
  return std::any_of(problems.begin(), problems.end(), [](const auto& problem) { return problem.error; });
}

}  // namespace stack::compose
