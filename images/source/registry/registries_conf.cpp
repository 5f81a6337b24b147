#include "images/source/registry/registries_conf.h"

#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <variant>

namespace stack::images::registry {

namespace {

constexpr int kDeepest = 16;

struct TomlValue;
using TomlTable = std::map<std::string, TomlValue>;

// A value of the file; other types (numbers, dates) are kept as text.
struct TomlValue {
  std::variant<std::string, bool, std::vector<TomlValue>, std::shared_ptr<TomlTable>> data;
};

const std::string* text_of(const TomlTable& table, const char* key) {
  auto found = table.find(key);
  return found == table.end() ? nullptr : std::get_if<std::string>(&found->second.data);
}

bool flag_of(const TomlTable& table, const char* key) {
  auto found = table.find(key);
  const bool* flag = found == table.end() ? nullptr : std::get_if<bool>(&found->second.data);
  return flag != nullptr && *flag;
}

std::vector<std::shared_ptr<TomlTable>> tables_of(const TomlTable& table, const char* key) {
  std::vector<std::shared_ptr<TomlTable>> out;
  auto found = table.find(key);
  if (found == table.end()) return out;
  if (const auto* list = std::get_if<std::vector<TomlValue>>(&found->second.data))
    for (const TomlValue& item : *list)
      if (const auto* one = std::get_if<std::shared_ptr<TomlTable>>(&item.data)) out.push_back(*one);
  return out;
}

class TomlReader {
 public:
  explicit TomlReader(std::string_view text) : text_(text) {}

  Result<TomlTable> read() {
    auto root = std::make_shared<TomlTable>();
    std::shared_ptr<TomlTable> current = root;
    for (;;) {
      skip_space(true);
      if (at_end()) return std::move(*root);
      if (peek() == '[') {
        TRY_ASSIGN(current, header(root));
      } else {
        TRY(pair(*current, 0));
      }
      TRY(end_of_line());
    }
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  Error error(const std::string& what) const {
    return invalid("line " + std::to_string(line_) + ": " + what);
  }

  void advance() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }

  // Blanks and comments; `lines`: line ends too.
  void skip_space(bool lines) {
    while (!at_end()) {
      char c = peek();
      if (c == '#') {
        while (!at_end() && peek() != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
        advance();
      } else {
        return;
      }
    }
  }

  Result<> end_of_line() {
    skip_space(false);
    if (!at_end() && peek() != '\n') return error("unexpected text");
    return {};
  }

  Result<> expect(char c) {
    if (peek() != c) return error(std::string("expected ") + c);
    ++at_;
    return {};
  }

  Result<std::string> key_part() {
    skip_space(false);
    if (peek() == '"' || peek() == '\'') return quoted();
    size_t start = at_;
    while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '-' || peek() == '_') ++at_;
    if (start == at_) return error("expected a name");
    return std::string(text_.substr(start, at_ - start));
  }

  Result<std::vector<std::string>> key() {
    std::vector<std::string> parts;
    for (;;) {
      TRY_ASSIGN(std::string part, key_part());
      parts.push_back(std::move(part));
      skip_space(false);
      if (peek() != '.') return parts;
      ++at_;
    }
  }

  // [a.b] or [[a.b]]: the table that follows.
  Result<std::shared_ptr<TomlTable>> header(const std::shared_ptr<TomlTable>& root) {
    bool array = peek(1) == '[';
    at_ += array ? 2 : 1;
    TRY_ASSIGN(std::vector<std::string> parts, key());
    TRY(expect(']'));
    if (array) TRY(expect(']'));
    std::shared_ptr<TomlTable> table = root;
    for (size_t i = 0; i < parts.size(); ++i) {
      bool is_new = array && i + 1 == parts.size();
      TRY_ASSIGN(table, is_new ? append_table(*table, parts[i]) : enter_table(*table, parts[i]));
    }
    return table;
  }

  Result<std::shared_ptr<TomlTable>> append_table(TomlTable& table, const std::string& name) {
    auto [place, is_new] = table.try_emplace(name, TomlValue{std::vector<TomlValue>()});
    auto* list = std::get_if<std::vector<TomlValue>>(&place->second.data);
    if (list == nullptr) return error(name + " is not an array of tables");
    auto made = std::make_shared<TomlTable>();
    list->push_back(TomlValue{made});
    return made;
  }

  Result<std::shared_ptr<TomlTable>> enter_table(TomlTable& table, const std::string& name) {
    auto [place, is_new] = table.try_emplace(name, TomlValue{std::make_shared<TomlTable>()});
    TomlValue* value = &place->second;
    if (auto* list = std::get_if<std::vector<TomlValue>>(&value->data); list != nullptr && !list->empty())
      value = &list->back();
    auto* inner = std::get_if<std::shared_ptr<TomlTable>>(&value->data);
    if (inner == nullptr) return error(name + " is not a table");
    return *inner;
  }

  Result<> pair(TomlTable& table, int depth) {
    TRY_ASSIGN(std::vector<std::string> parts, key());
    TRY(expect('='));
    skip_space(false);
    TRY_ASSIGN(TomlValue read, value(depth));
    if (parts.size() == 1) {
      table[parts[0]] = std::move(read);
      return {};
    }
    TRY_ASSIGN(std::shared_ptr<TomlTable> inner, enter_table(table, parts[0]));
    for (size_t i = 1; i + 1 < parts.size(); ++i) {
      TRY_ASSIGN(inner, enter_table(*inner, parts[i]));
    }
    (*inner)[parts.back()] = std::move(read);
    return {};
  }

  Result<TomlValue> value(int depth) {
    if (depth > kDeepest) return error("too deeply nested");
    char c = peek();
    if (c == '"' || c == '\'') {
      TRY_ASSIGN(std::string text, quoted());
      return TomlValue{std::move(text)};
    }
    if (c == '[') return array(depth);
    if (c == '{') return inline_table(depth);
    size_t start = at_;
    while (!at_end() && std::string_view(",]}#\n\r \t").find(peek()) == std::string_view::npos) ++at_;
    std::string word(text_.substr(start, at_ - start));
    if (word.empty()) return error("expected a value");
    if (word == "true" || word == "false") return TomlValue{word == "true"};
    return TomlValue{std::move(word)};
  }

  Result<TomlValue> array(int depth) {
    ++at_;
    std::vector<TomlValue> items;
    for (;;) {
      skip_space(true);
      if (peek() == ']') break;
      TRY_ASSIGN(TomlValue item, value(depth + 1));
      items.push_back(std::move(item));
      skip_space(true);
      if (peek() == ',')
        ++at_;
      else if (peek() != ']')
        return error("expected , or ]");
    }
    ++at_;
    return TomlValue{std::move(items)};
  }

  Result<TomlValue> inline_table(int depth) {
    ++at_;
    auto table = std::make_shared<TomlTable>();
    skip_space(false);
    while (peek() != '}') {
      TRY(pair(*table, depth + 1));
      skip_space(false);
      if (peek() == ',')
        ++at_;
      else if (peek() != '}')
        return error("expected , or }");
      skip_space(false);
    }
    ++at_;
    return TomlValue{std::move(table)};
  }

  Result<std::string> quoted() {
    char quote = peek();
    if (peek(1) == quote && peek(2) == quote) return error("multi-line strings are not supported");
    ++at_;
    std::string out;
    while (peek() != quote) {
      if (at_end() || peek() == '\n') return error("unterminated string");
      if (peek() == '\\' && quote == '"') {
        TRY(escape(out));
      } else {
        out += peek();
        ++at_;
      }
    }
    ++at_;
    return out;
  }

  Result<> escape(std::string& out) {
    char c = peek(1);
    at_ += 2;
    switch (c) {
      case 'n':
        out += '\n';
        return {};
      case 't':
        out += '\t';
        return {};
      case 'r':
        out += '\r';
        return {};
      case '"':
      case '\\':
        out += c;
        return {};
      default:
        return error("unknown escape");
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
};

MirrorRule mirror_from(const TomlTable& table) {
  MirrorRule out;
  if (const std::string* location = text_of(table, "location")) out.location = *location;
  out.insecure = flag_of(table, "insecure");
  if (const std::string* use = text_of(table, "pull-from-mirror")) {
    if (*use == "digest-only") out.use = MirrorUse::DigestOnly;
    if (*use == "tag-only") out.use = MirrorUse::TagOnly;
  }
  return out;
}

RegistryRule rule_from(const TomlTable& table) {
  RegistryRule out;
  if (const std::string* prefix = text_of(table, "prefix")) out.prefix = *prefix;
  if (const std::string* location = text_of(table, "location")) out.location = *location;
  if (out.prefix.empty()) out.prefix = out.location;
  out.insecure = flag_of(table, "insecure");
  out.blocked = flag_of(table, "blocked");
  out.digest_only = flag_of(table, "mirror-by-digest-only");
  for (const auto& mirror : tables_of(table, "mirror")) out.mirrors.push_back(mirror_from(*mirror));
  std::erase_if(out.mirrors, [](const MirrorRule& mirror) { return mirror.location.empty(); });
  return out;
}

// The number of characters of the reference that the prefix covers; nullopt if it does not match.
std::optional<size_t> covered(std::string_view prefix, std::string_view reference) {
  if (prefix.starts_with("*.")) {
    std::string_view host = reference.substr(0, reference.find('/'));
    std::string_view bare = host.substr(0, host.find(':'));
    return bare.ends_with(prefix.substr(1)) ? std::optional(host.size()) : std::nullopt;
  }
  if (!reference.starts_with(prefix)) return std::nullopt;
  bool whole = reference.size() == prefix.size() ||
               std::string_view("/:@").find(reference[prefix.size()]) != std::string_view::npos;
  return whole ? std::optional(prefix.size()) : std::nullopt;
}

}  // namespace

Result<std::vector<RegistryRule>> parse_registries_conf(std::string_view text) {
  TRY_ASSIGN(TomlTable root, TomlReader(text).read());
  std::vector<RegistryRule> out;
  for (const auto& table : tables_of(root, "registry")) {
    RegistryRule rule = rule_from(*table);
    if (!rule.prefix.empty()) out.push_back(std::move(rule));
  }
  return out;
}

const RegistryRule* find_rule(const std::vector<RegistryRule>& rules, std::string_view reference) {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : rules)
    if (covered(rule.prefix, reference) && (best == nullptr || rule.prefix.size() > best->prefix.size()))
      best = &rule;
  return best;
}

std::string relocate(std::string_view name, const RegistryRule& rule, std::string_view location) {
  if (location.empty()) return std::string(name);
  size_t length = covered(rule.prefix, name).value_or(0);
  return std::string(location).append(name.substr(length));
}

}  // namespace stack::images::registry
