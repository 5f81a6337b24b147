#include "orchestrator/compose/interpolate.h"

#include <algorithm>
#include <set>

namespace stack::compose {

namespace {

constexpr int kDeepestDefault = 50;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_variable_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

std::string_view take_name(std::string_view text) {
  size_t length = 0;
  if (!text.empty() && starts_name(text[0]))
    while (length < text.size() && in_variable_name(text[length])) ++length;
  return text.substr(0, length);
}

// ${name[operator word]}
struct Braced {
  std::string_view name;
  char action = 0;         // '-', '+', '?', or 0
  bool empty_too = false;  // the operator had a colon
  std::string_view word;
  size_t length = 0;  // total length from `$` to `}`
};

// `text` starts with "${". Counts all braces inside the word, so that JSON can be a default.
std::optional<Braced> take_braced(std::string_view text) {
  Braced out;
  out.name = take_name(text.substr(2));
  if (out.name.empty()) return std::nullopt;
  size_t at = 2 + out.name.size();
  if (at >= text.size()) return std::nullopt;
  if (text[at] == '}') {
    out.length = at + 1;
    return out;
  }
  if (text[at] == ':') {
    out.empty_too = true;
    ++at;
  }
  if (at >= text.size() || std::string_view("-+?").find(text[at]) == std::string_view::npos)
    return std::nullopt;
  out.action = text[at++];
  size_t start = at;
  for (int depth = 1; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) {
      out.word = text.substr(start, at - start);
      out.length = at + 1;
      return out;
    }
  }
  return std::nullopt;
}

class Expander {
 public:
  Expander(const Lookup& lookup, Expansion& result) : lookup_(lookup), result_(result) {}

  std::string run(std::string_view text, int depth) {
    std::string out;
    if (depth > kDeepestDefault) {
      result_.malformed = true;
      return out;
    }
    while (!stopped()) {
      size_t dollar = text.find('$');
      out += text.substr(0, dollar);
      if (dollar == std::string_view::npos) break;
      text.remove_prefix(dollar);
      text.remove_prefix(step(text, depth, out));
    }
    return out;
  }

 private:
  bool stopped() const { return result_.malformed || result_.missing.has_value(); }

  // `text` starts with `$`; returns the number of characters consumed.
  size_t step(std::string_view text, int depth, std::string& out) {
    char next = text.size() > 1 ? text[1] : '\0';
    if (next == '$') {
      out += '$';
      return 2;
    }
    if (next == '{') {
      std::optional<Braced> braced = take_braced(text);
      if (!braced) {
        result_.malformed = true;
        return text.size();
      }
      out += value_of(*braced, depth);
      return braced->length;
    }
    std::string_view name = take_name(text.substr(1));
    if (name.empty()) {
      out += '$';
      return 1;
    }
    out += plain(name);
    return 1 + name.size();
  }

  std::string plain(std::string_view name) {
    if (const std::string* value = lookup_(name)) {
      note(result_.used, name);
      return *value;
    }
    note(result_.unset, name);
    return {};
  }

  // Adds each name once, up to a limit.
  static void note(std::vector<std::string>& names, std::string_view name) {
    if (names.size() < 50 && std::find(names.begin(), names.end(), name) == names.end())
      names.emplace_back(name);
  }

  std::string value_of(const Braced& braced, int depth) {
    if (braced.action == 0) return plain(braced.name);
    const std::string* value = lookup_(braced.name);
    bool present = value != nullptr && !(braced.empty_too && value->empty());
    if (value != nullptr) note(result_.used, braced.name);
    if (braced.action == '+') return present ? run(braced.word, depth + 1) : std::string();
    if (present) return *value;
    std::string word = run(braced.word, depth + 1);
    if (braced.action == '-' || stopped()) return word;
    result_.missing = "required variable " + std::string(braced.name) + " is missing a value";
    if (!word.empty()) *result_.missing += ": " + word;
    return {};
  }

  const Lookup& lookup_;
  Expansion& result_;
};

void note_mentions(std::string_view text, int depth, MentionedVariables& out) {
  if (depth > kDeepestDefault) return;
  for (size_t dollar = text.find('$'); dollar != std::string_view::npos; dollar = text.find('$')) {
    text.remove_prefix(dollar);
    char next = text.size() > 1 ? text[1] : '\0';
    size_t length = next == '$' ? 2 : 1;
    if (next == '{') {
      std::optional<Braced> braced = take_braced(text);
      if (!braced) return;
      length = braced->length;
      VariableUse& use = out[std::string(braced->name)];
      use.required = use.required || braced->action == '?';
      if (braced->action == '-' && use.fallback.empty()) use.fallback = braced->word;
      if (braced->action == '+' && use.alternative.empty()) use.alternative = braced->word;
      if (braced->action != '?') note_mentions(braced->word, depth + 1, out);
    } else if (std::string_view name = take_name(text.substr(1)); !name.empty()) {
      out[std::string(name)];
      length = 1 + name.size();
    }
    text.remove_prefix(length);
  }
}

void interpolate_scalar(Node& node, const Variables& variables, Provenances& provenances) {
  if (node.text.find('$') == std::string::npos) return;
  Lookup lookup = [&](std::string_view name) -> const std::string* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : &found->second.value;
  };
  Expansion expansion = expand(node.text, lookup);
  Provenance provenance;
  if (expansion.malformed) {
    provenance.problems.push_back({true, "invalid interpolation in \"" + node.text + "\"",
                                   "write ${NAME}, ${NAME:-default}, or $$ for a literal $"});
  } else if (expansion.missing) {
    provenance.problems.push_back({true, *expansion.missing, ""});
  } else {
    for (const std::string& name : expansion.unset)
      provenance.problems.push_back({false, "variable \"" + name + "\" is not set; using an empty string",
                                     "set it, or write ${" + name + ":-default}"});
    node.text = std::move(expansion.text);
  }
  for (const std::string& name : expansion.used) {
    if (!provenance.variables.empty()) provenance.variables += ", ";
    provenance.variables += name + " from " + variables.find(name)->second.source;
  }
  node.string = true;
  if (!provenance.problems.empty() || !provenance.variables.empty())
    node.provenance = provenances.add(std::move(provenance));
}

void report_walk(const Node& node, const Provenances& provenances, std::set<std::string>& said,
                 Report& report) {
  if (node.provenance != 0) {
    for (const Provenance::Problem& problem : provenances.at(node.provenance).problems) {
      if (problem.error) {
        report.error(node.mark, problem.message, problem.hint);
      } else if (said.insert(problem.message).second) {
        report.warning(node.mark, problem.message, problem.hint);
      }
    }
  }
  for (const Entry& entry : node.entries) report_walk(entry.value, provenances, said, report);
  for (const Node& item : node.items) report_walk(item, provenances, said, report);
}

}  // namespace

Expansion expand(std::string_view text, const Lookup& lookup) {
  Expansion result;
  result.text = Expander(lookup, result).run(text, 0);
  return result;
}

void note_mentioned_variables(std::string_view text, MentionedVariables& out) { note_mentions(text, 0, out); }

void interpolate(Node& node, const Variables& variables, Provenances& provenances) {
  if (node.is_scalar()) interpolate_scalar(node, variables, provenances);
  for (Entry& entry : node.entries) interpolate(entry.value, variables, provenances);
  for (Node& item : node.items) interpolate(item, variables, provenances);
}

void report_interpolation(const Node& node, const Provenances& provenances, Report& report) {
  std::set<std::string> said;
  report_walk(node, provenances, said, report);
}

}  // namespace stack::compose
