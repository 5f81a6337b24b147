// Walks a document along the table of attributes.
#include <array>
#include <charconv>
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "orchestrator/compose/attributes.h"

namespace stack::compose {

std::string path_text(std::span<const std::string_view> path) {
  std::string out;
  for (std::string_view step : path) {
    if (!out.empty()) out += '.';
    out += step;
  }
  return out;
}

namespace {

using Cursor = AttributeTable::Cursor;

std::string forms_text(uint16_t forms, Meaning meaning) {
  std::vector<std::string> words;
  if (meaning == Meaning::Boolean) {
    words = {"true or false"};
  } else if (meaning == Meaning::Integer) {
    words = {"a whole number"};
  } else if (meaning == Meaning::Number) {
    words = {"a number"};
  } else if (meaning == Meaning::Bytes) {
    words = {"a size such as 64m"};
  } else if (meaning == Meaning::Duration) {
    words = {"a duration such as 1m30s"};
  } else if (meaning == Meaning::FileMode || meaning == Meaning::TmpfsMode) {
    words = {"a file mode such as 0440"};
  } else {
    if (forms & kString) words.emplace_back("a string");
    if (forms & kNumber) words.emplace_back("a number");
    if (forms & kBoolean) words.emplace_back("true or false");
  }
  if (forms & kList) words.emplace_back("a list");
  if (forms & kMap) words.emplace_back("a mapping");
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

uint16_t form_of(const Node& node) {
  switch (node.kind) {
    case NodeKind::Null:
      return kNull;
    case NodeKind::Map:
      return kMap;
    case NodeKind::List:
      return kList;
    case NodeKind::Invalid:
      return kAnything;
    case NodeKind::Scalar:
      break;
  }
  switch (node.type()) {
    case ScalarType::Null:
      return kNull;
    case ScalarType::Bool:
      return kBoolean;
    case ScalarType::Int:
    case ScalarType::Float:
      return kNumber;
    case ScalarType::String:
      break;
  }
  return kString;
}

// The shortest decimal text that parses to the same single-precision number, in Go's format.
std::string number_text(double value) {
  std::array<char, 64> text{};
  double size = std::abs(value);
  bool fixed = size == 0 || (size >= 1e-4 && size < 1e21);
  auto [end, code] = std::to_chars(text.data(), text.data() + text.size(), static_cast<float>(value),
                                   fixed ? std::chars_format::fixed : std::chars_format::scientific);
  return code == std::errc{} ? std::string(text.data(), end) : std::string("0");
}

class Checker {
 public:
  Checker(const CheckOptions& options, const Provenances& provenances, Report& report)
      : options_(options), provenances_(provenances), report_(report) {}

  void walk(Node& node, const Cursor& at) {
    if (node.is_invalid()) return;
    const Attribute* attribute = at.rule();
    if (attribute != nullptr && !takes(node, *attribute, attribute->forms)) return;
    static constexpr Attribute kAny{};
    const Attribute& here = attribute == nullptr ? kAny : *attribute;
    if (node.is_map()) walk_map(node, at, here);
    if (node.is_list()) walk_list(node, at, here);
  }

 private:
  bool raw(const Node& node) const {
    if (!node.is_scalar()) return false;
    return provenances_.poisoned(node) || (!options_.normalize && node.text.find('$') != std::string::npos);
  }

  // Checks a node's form; reports a mismatch and makes the node Invalid.
  bool takes(Node& node, const Attribute& attribute, uint16_t forms) {
    if (raw(node)) return true;
    uint16_t form = form_of(node);
    if (form == kNull || form == kAnything) return true;
    if ((forms & form) == 0) {
      wrong(node, "expected " + forms_text(forms, attribute.meaning) + ", found " + describe(node),
            hint_for(node, form, forms, attribute.meaning));
      return false;
    }
    if (!node.is_scalar()) return true;
    if (attribute.choices != nullptr && !check_choice(node, attribute.choices, attribute.open_choices))
      return false;
    return check_meaning(node, attribute.meaning);
  }

  static std::string hint_for(const Node& node, uint16_t form, uint16_t forms, Meaning meaning) {
    if ((form != kNumber && form != kBoolean) || (forms & kString) == 0) return {};
    if (meaning == Meaning::Duration) return "add a unit: " + node.text + "s";
    return "quote it: \"" + node.text + "\"";
  }

  bool check_choice(Node& node, const char* choices, bool open) {
    std::vector<std::string> allowed = split(choices, '|');
    if (std::find(allowed.begin(), allowed.end(), node.text) != allowed.end()) return true;
    std::string near = nearest(node.text, allowed);
    std::string text = "expected one of " + join(allowed, ", ") + "; found " + describe(node);
    std::string hint = near.empty() ? "" : "did you mean \"" + near + "\"?";
    if (open && (node.text.empty() || !options_.refuse)) {
      if (!node.text.empty()) report_.warning(node.mark, path_text(path_) + ": " + text, hint);
      return true;
    }
    wrong(node, text, hint);
    return false;
  }

  bool check_meaning(Node& node, Meaning meaning) {
    switch (meaning) {
      case Meaning::Text:
        return true;
      case Meaning::Boolean:
        return check_boolean(node);
      case Meaning::Integer:
        return check_integer(node);
      case Meaning::Number:
        return check_number(node);
      case Meaning::Bytes:
        return check_bytes(node);
      case Meaning::Duration:
        return check_duration(node);
      case Meaning::FileMode:
        return check_mode(node, true);
      case Meaning::TmpfsMode:
        return check_mode(node, false);
    }
    return true;
  }

  void rewrite(Node& node, std::string text, bool string) {
    if (!options_.normalize) return;
    node.text = std::move(text);
    node.string = string;
  }

  bool check_boolean(Node& node) {
    std::string word = lower(node.text);
    bool yes = word == "true" || word == "y" || word == "yes" || word == "on";
    bool no = word == "false" || word == "n" || word == "no" || word == "off";
    if (!yes && !no) {
      wrong(node, "expected true or false, found " + describe(node));
      return false;
    }
    if (word != "true" && word != "false")
      report_.warning(node.mark, path_text(path_) + ": \"" + node.text + "\" is not a YAML 1.2 boolean",
                      std::string("write ") + (yes ? "true" : "false"));
    rewrite(node, yes ? "true" : "false", false);
    return true;
  }

  bool check_integer(Node& node) {
    int64_t value = 0;
    double number = 0;
    std::string_view text = trim(node.text);
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool decimal = code == std::errc{} && end == text.data() + text.size() && std::abs(number) < 9e15;
    // In a quoted number, a leading zero does not mean octal.
    bool quoted_digits =
        node.string && decimal && is_all_digits(text.starts_with('-') ? text.substr(1) : text);
    if (quoted_digits || !parse_yaml_integer(text, value)) {
      // "2.0" also counts as a whole number.
      if (!decimal || std::trunc(number) != number) {
        wrong(node, "expected a whole number, found " + describe(node));
        return false;
      }
      value = static_cast<int64_t>(number);
    }
    rewrite(node, std::to_string(value), false);
    return true;
  }

  bool check_number(Node& node) {
    double number = 0;
    std::string_view text = trim(node.text);
    int64_t whole = 0;
    if (!node.string && parse_yaml_integer(text, whole)) {
      rewrite(node, number_text(static_cast<double>(whole)), false);
      return true;
    }
    if (text.starts_with('+')) text.remove_prefix(1);
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) {
      wrong(node, "expected a number, found " + describe(node));
      return false;
    }
    rewrite(node, number_text(number), false);
    return true;
  }

  bool check_bytes(Node& node) {
    int64_t whole = 0;
    if (!node.string && parse_yaml_integer(node.text, whole)) {
      rewrite(node, std::to_string(whole), true);
      return true;
    }
    Result<ByteSize> size = parse_byte_size(node.text);
    if (!size) {
      wrong(node, size.error().text());
      return false;
    }
    rewrite(node, std::to_string(size->bytes), true);
    return true;
  }

  bool check_duration(Node& node) {
    Result<Nanoseconds> duration = parse_duration(node.text);
    if (!duration) {
      wrong(node, duration.error().text());
      return false;
    }
    rewrite(node, go_duration(*duration), true);
    return true;
  }

  bool check_mode(Node& node, bool octal_output) {
    int64_t value = 0;
    bool good = false;
    if (node.type() == ScalarType::Int) {
      good = parse_yaml_integer(node.text, value);
    } else {
      std::string_view text = node.text;
      if (text.starts_with("0o")) text.remove_prefix(2);
      auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
      good = code == std::errc{} && end == text.data() + text.size();
    }
    if (!good || value < 0 || value > 07777) {
      wrong(node, "expected a file mode such as 0440, found " + describe(node));
      return false;
    }
    std::array<char, 16> text{};
    auto [end, code] = std::to_chars(text.data(), text.data() + text.size(), value, octal_output ? 8 : 10);
    std::string digits(text.data(), end);
    rewrite(node, octal_output ? "0" + digits : digits, octal_output);
    return code == std::errc{};
  }

  void walk_map(Node& map, const Cursor& at, const Attribute& attribute) {
    bool free_keys = at.has_any() || attribute.items != 0;
    for (Entry& entry : map.entries) {
      path_.push_back(entry.key);
      if (at.has_names() || !free_keys) {
        walk_named(entry, at, map);
      } else {
        if (path_.size() == 2) check_name(entry);
        walk_value(entry.value, at, attribute, attribute.items);
      }
      path_.pop_back();
    }
  }

  void walk_value(Node& value, const Cursor& at, const Attribute& attribute, uint16_t item_forms) {
    if (at.has_any()) {
      walk(value, at.any());
    } else if (item_forms != 0) {
      if (!takes(value, {}, item_forms)) return;
      for (Node& item : value.items) takes(item, {}, item_forms & ~kList);
    }
    (void)attribute;
  }

  void walk_named(Entry& entry, const Cursor& at, const Node& map) {
    Cursor child = at.child(entry.key);
    if (!child.none()) {
      walk(entry.value, child);
      return;
    }
    if (entry.key.starts_with("x-")) return;
    std::span<const std::string_view> parent(path_.data(), path_.size() - 1);
    std::string near = report_.full() ? std::string() : missing_name(entry.key, at, map);
    report_.error(entry.mark,
                  "unknown key \"" + entry.key + "\" " +
                      (parent.empty() ? "at the top level" : "in " + path_text(parent)),
                  near.empty() ? "" : "did you mean \"" + near + "\"?");
    entry.value.make_invalid();
  }

  // The closest known name to a key, among those not yet in the mapping.
  static std::string missing_name(const std::string& key, const Cursor& at, const Node& map) {
    std::vector<std::string> names = at.names();
    for (int tries = 0; tries < 3; ++tries) {
      std::string near = nearest(key, names);
      if (near.empty() || map.find(near) == nullptr) return near;
      std::erase(names, near);
    }
    return {};
  }

  // Keys of services, networks, volumes, ...
  void check_name(const Entry& entry) {
    bool good = !entry.key.empty() && std::all_of(entry.key.begin(), entry.key.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
             c == '_' || c == '-';
    });
    if (!good)
      report_.error(entry.mark, "\"" + entry.key + "\" is not a valid name in " + std::string(path_[0]),
                    "use letters, digits, \".\", \"_\", and \"-\"");
  }

  void walk_list(Node& list, const Cursor& at, const Attribute& attribute) {
    bool map_too = (attribute.forms & kMap) != 0;
    uint16_t item_forms = map_too ? uint16_t{kString} : attribute.items;
    for (size_t i = 0; i < list.items.size(); ++i) {
      std::string index = std::to_string(i);
      path_.push_back(index);
      Node& item = list.items[i];
      if (item.is_null()) {
        wrong(item, "empty list item", "add a value or remove the item");
      } else if (map_too || !at.has_any()) {
        takes(item, {}, item_forms);
      } else {
        walk(item, at.any());
      }
      path_.pop_back();
    }
    if (attribute.unique) check_unique(list);
  }

  void check_unique(Node& list) {
    std::vector<const Node*> sorted;
    for (const Node& item : list.items)
      if (item.is_scalar()) sorted.push_back(&item);
    std::sort(sorted.begin(), sorted.end(), [](const Node* a, const Node* b) {
      return std::tie(a->text, a->mark) < std::tie(b->text, b->mark);
    });
    for (size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i]->text == sorted[i - 1]->text && !raw(*sorted[i]))
        report_.error(sorted[i]->mark, path_text(path_) + ": \"" + sorted[i]->text + "\" is listed twice");
  }

  void wrong(Node& node, const std::string& what, std::string hint = {}) {
    report_.error(node.mark, path_text(path_) + ": " + what, std::move(hint));
    node.make_invalid();
  }

  const CheckOptions& options_;
  const Provenances& provenances_;
  Report& report_;
  std::vector<std::string_view> path_;
};

// Walks all nodes that have a row, without changing them.
class NullChecker {
 public:
  explicit NullChecker(Report& report) : report_(report) {}

  void walk(Node& node, const Cursor& at, uint16_t forms) {
    if (node.is_null()) {
      if ((forms & kNull) != 0) return;
      report_.error(node.mark,
                    path_text(path_) + ": expected " + forms_text(forms, Meaning::Text) + ", found nothing",
                    "add a value or remove the key");
      node.make_invalid();
      return;
    }
    const Attribute* rule = at.rule();
    uint16_t items = rule == nullptr ? kAnything | kNull : rule->items;
    for (Entry& entry : node.entries) {
      if (entry.key.starts_with("x-") && at.has_names()) continue;
      Cursor child = at.child(entry.key);
      path_.push_back(entry.key);
      if (const Attribute* known = child.rule()) {
        walk(entry.value, child, known->forms);
      } else if (!at.has_names() && items != 0) {
        walk(entry.value, {}, items);
      }
      path_.pop_back();
    }
    for (Node& item : node.items)
      if (!item.is_null()) walk(item, at.any(), kAnything | kNull);
  }

 private:
  Report& report_;
  std::vector<std::string_view> path_;
};

class SupportReporter {
 public:
  SupportReporter(const SupportOptions& options, Report& report) : options_(options), report_(report) {}

  void walk(const Node& node, const Cursor& at) {
    for (const Entry& entry : node.entries) {
      Cursor child = at.child(entry.key);
      if (child.none() || entry.value.is_null() || entry.value.made) continue;
      path_.push_back(entry.key);
      const Attribute* rule = child.rule();
      if (rule == nullptr || rule->support == Support::CarriedOut || says_nothing(entry.value, *rule)) {
        walk(entry.value, child);
      } else {
        speak(entry, *rule);
      }
      path_.pop_back();
    }
    for (const Node& item : node.items) walk(item, at.any());
  }

 private:
  static bool says_nothing(const Node& node, const Attribute& rule) {
    return node.is_scalar() && (node.text == "false" || (rule.usual != nullptr && node.text == rule.usual));
  }

  void speak(const Entry& entry, const Attribute& rule) {
    bool refused = rule.support == Support::Refused;
    bool error = refused ? options_.refuse : options_.strict;
    std::string text = path_text(path_) + (refused ? " is not supported: " : " is ignored: ") + rule.note;
    if (error) {
      report_.error(entry.mark, std::move(text));
    } else {
      report_.warning(entry.mark, std::move(text));
    }
  }

  SupportOptions options_;
  Report& report_;
  std::vector<std::string_view> path_;
};

}  // namespace

void check_attributes(Node& document, const CheckOptions& options, const Provenances& provenances,
                      Report& report) {
  if (!document.is_map()) {
    report.error(document.mark, "expected a mapping at the top level, found " + describe(document));
    document.make_invalid();
    return;
  }
  Checker(options, provenances, report).walk(document, attributes().root());
}

void check_nulls(Node& document, Report& report) {
  NullChecker(report).walk(document, attributes().root(), kMap);
}

void report_support(const Node& document, const SupportOptions& options, Report& report) {
  SupportReporter(options, report).walk(document, attributes().root());
}

}  // namespace stack::compose
