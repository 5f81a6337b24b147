#include "base/glob.h"

#include "base/files.h"
#include "base/text.h"

namespace stack {

namespace {

constexpr std::string_view::size_type kNone = std::string_view::npos;

// Reads one character of a class, with escapes; false if the class is malformed.
bool take_class_char(std::string_view pattern, size_t& i, char& out) {
  if (i >= pattern.size() || pattern[i] == ']' || pattern[i] == '-') return false;
  if (pattern[i] == '\\' && ++i >= pattern.size()) return false;
  out = pattern[i++];
  return i < pattern.size();
}

enum class ClassMatch { Yes, No, Malformed };

// `i` is after '[' and is moved after ']'.
ClassMatch match_class(std::string_view pattern, size_t& i, char c) {
  bool negated = i < pattern.size() && (pattern[i] == '^' || pattern[i] == '!');
  if (negated) ++i;
  bool matched = false;
  int ranges = 0;
  while (true) {
    if (i < pattern.size() && pattern[i] == ']' && ranges > 0) {
      ++i;
      break;
    }
    char low = 0;
    if (!take_class_char(pattern, i, low)) return ClassMatch::Malformed;
    char high = low;
    if (i < pattern.size() && pattern[i] == '-') {
      ++i;
      if (!take_class_char(pattern, i, high)) return ClassMatch::Malformed;
    }
    if (low <= c && c <= high) matched = true;
    ++ranges;
  }
  return matched != negated ? ClassMatch::Yes : ClassMatch::No;
}

enum class StarSyntax { Single, IgnoreFile };

// Backtracking. Patterns are short and come from the user, but the depth is limited anyway.
bool match(std::string_view pattern, std::string_view name, StarSyntax stars, int& budget) {
  if (--budget < 0) return false;
  size_t p = 0;
  size_t n = 0;
  while (p < pattern.size()) {
    char c = pattern[p];
    if (c == '*') {
      bool deep = stars == StarSyntax::IgnoreFile && p + 1 < pattern.size() && pattern[p + 1] == '*';
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (deep) {
        if (p == pattern.size()) return true;
        if (pattern[p] == '/') {  // zero or more whole directories
          std::string_view rest = pattern.substr(p + 1);
          if (match(rest, name.substr(n), stars, budget)) return true;
          for (size_t at = name.find('/', n); at != kNone; at = name.find('/', at + 1))
            if (match(rest, name.substr(at + 1), stars, budget)) return true;
          return false;
        }
        for (size_t at = n; at <= name.size(); ++at)
          if (match(pattern.substr(p), name.substr(at), stars, budget)) return true;
        return false;
      }
      for (size_t at = n; at <= name.size(); ++at) {
        if (match(pattern.substr(p), name.substr(at), stars, budget)) return true;
        if (at < name.size() && name[at] == '/') return false;
      }
      return false;
    }
    if (n == name.size()) return false;
    if (c == '?') {
      if (name[n] == '/') return false;
      ++p;
    } else if (c == '[') {
      ++p;
      if (name[n] == '/' || match_class(pattern, p, name[n]) != ClassMatch::Yes) return false;
    } else {
      if (c == '\\' && p + 1 < pattern.size()) c = pattern[++p];
      if (name[n] != c) return false;
      ++p;
    }
    ++n;
  }
  return n == name.size();
}

bool matches(std::string_view pattern, std::string_view name, StarSyntax stars) {
  int budget = 1 << 16;
  return match(pattern, name, stars, budget);
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  return matches(pattern, name, StarSyntax::Single);
}

bool deep_glob_matches(std::string_view pattern, std::string_view name) {
  return matches(pattern, name, StarSyntax::IgnoreFile);
}

bool has_wildcards(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[') {
      return true;
    }
  }
  return false;
}

Result<> check_glob(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size();) {
    char c = pattern[i++];
    bool bad = false;
    if (c == '\\') bad = i++ >= pattern.size();
    if (c == '[') bad = match_class(pattern, i, 'x') == ClassMatch::Malformed;
    if (bad) return invalid("syntax error in pattern " + std::string(pattern));
  }
  return {};
}

Result<> IgnoreRules::add(std::string_view pattern, int line) {
  Rule rule;
  rule.line = line;
  rule.negated = pattern.starts_with('!');
  if (rule.negated) {
    pattern = trim(pattern.substr(1));
    if (pattern.empty()) return invalid("illegal exclusion pattern: \"!\"");
    has_negations_ = true;
  }
  rule.pattern = clean_path(pattern);
  if (rule.pattern.size() > 1 && rule.pattern.starts_with('/')) rule.pattern.erase(0, 1);
  TRY(check_glob(rule.pattern));
  rules_.push_back(std::move(rule));
  return {};
}

Result<IgnoreRules> IgnoreRules::parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  IgnoreRules out;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;
    std::string_view pattern = trim(line);
    if (pattern.empty()) continue;
    TRY(out.add(pattern, number).in(std::to_string(number)));
  }
  return out;
}

Result<IgnoreRules> IgnoreRules::from_patterns(const std::vector<std::string>& patterns) {
  IgnoreRules out;
  for (const std::string& pattern : patterns) TRY(out.add(pattern, 0));
  return out;
}

const IgnoreRules::Rule* IgnoreRules::deciding_rule(std::string_view path) const {
  const Rule* deciding = nullptr;
  for (const Rule& rule : rules_) {
    bool undecided = (deciding == nullptr || deciding->negated) != rule.negated;
    if (!undecided) continue;  // it would have no effect
    bool matched = matches(rule.pattern, path, StarSyntax::IgnoreFile);
    for (size_t slash = path.find('/'); !matched && slash != kNone; slash = path.find('/', slash + 1))
      matched = matches(rule.pattern, path.substr(0, slash), StarSyntax::IgnoreFile);
    if (matched) deciding = &rule;
  }
  return deciding;
}

bool IgnoreRules::excluded(std::string_view path) const {
  const Rule* rule = deciding_rule(path);
  return rule != nullptr && !rule->negated;
}

int IgnoreRules::excluding_line(std::string_view path) const {
  const Rule* rule = deciding_rule(path);
  return rule != nullptr && !rule->negated ? rule->line : 0;
}

bool IgnoreRules::may_reinclude_below(std::string_view) const { return has_negations_; }

}  // namespace stack
