#include "orchestrator/compose/rules/rules.h"

#include "base/text.h"

namespace stack::compose::rules {

bool present(const Node* node) { return node != nullptr && !node->is_null(); }

bool broken(const Node& map, std::string_view key) {
  const Node* node = map.find(key);
  return node != nullptr && node->is_invalid();
}

bool is_true(const Node* node) { return node != nullptr && node->is_scalar() && node->text == "true"; }

std::optional<double> number(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  char* end = nullptr;
  double value = std::strtod(node->text.c_str(), &end);
  return end == node->text.c_str() || *end != '\0' ? std::nullopt : std::optional(value);
}

RuleContext::RuleContext(const Node& merged, const Selection& selected, Session& of)
    : tree(merged), selection(selected), session(of), report(of.report) {
  const Node* enabled = tree.find("services");
  if (enabled == nullptr) return;
  for (const Entry& entry : enabled->entries) {
    services.emplace(entry.key, &entry.value);
    marks_.emplace(entry.key, entry.mark);
  }
}

bool RuleContext::opaque(const Node* node) const {
  if (node == nullptr || node->is_null() || node->is_invalid()) return true;
  if (!node->is_scalar()) return false;
  return session.provenances.poisoned(*node) ||
         (session.options.no_interpolate && node->text.find('$') != std::string::npos);
}

const Node* RuleContext::resource(const char* section, std::string_view name) const {
  const Node* resources = tree.find(section);
  return resources == nullptr ? nullptr : resources->find(name);
}

std::vector<std::string> RuleContext::names_in(const char* section) const {
  std::vector<std::string> out;
  if (const Node* resources = tree.find(section))
    for (const Entry& entry : resources->entries) out.push_back(entry.key);
  return out;
}

void RuleContext::cannot_run(Mark mark, std::string message, std::string hint) {
  if (session.options.refuse) {
    report.error(mark, std::move(message), std::move(hint));
  } else {
    report.warning(mark, std::move(message), std::move(hint));
  }
}

namespace {

std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
  std::string near = nearest(word, names);
  return near.empty() ? std::string() : "did you mean \"" + near + "\"?";
}

}  // namespace

void RuleContext::undefined(Mark mark, const std::string& service, const char* kind, const char* section,
                            std::string_view name) {
  std::string hint = suggestion(name, names_in(section));
  if (hint.empty()) hint = "define it under the top-level key " + std::string(section);
  report.error(mark, "service " + service + " refers to undefined " + kind + " \"" + std::string(name) + "\"",
               hint);
}

void RuleContext::check_service(Mark mark, const std::string& service, std::string_view target,
                                const std::string& what) {
  std::string name(target);
  if (services.contains(name)) return;
  if (selection.disabled.contains(name)) {
    report.error(mark, "service " + service + " " + what + " " + name + ", which is disabled",
                 how_to_enable(name));
    return;
  }
  report.error(mark, "service " + service + " " + what + " undefined service \"" + name + "\"",
               suggestion(name, names_in("services")));
}

std::string RuleContext::how_to_enable(const std::string& name) const {
  const DisabledService& disabled = selection.disabled.at(name);
  if (disabled.reason == DisabledReason::NotSelected || disabled.profiles.empty()) return "";
  return "activate its profile: --profile " + disabled.profiles[0];
}

void RuleContext::check_sources(const std::string& name, const Node& list, const char* section,
                                const char* kind) {
  for (const Node& item : list.items) {
    if (!item.is_map()) continue;
    const Node* source = item.find("source");
    if (source == nullptr) {
      report.error(item.mark, "service " + name + ": the " + kind + " has no source");
    } else if (!opaque(source) && resource(section, source->text) == nullptr && !broken(tree, section)) {
      undefined(source->mark, name, kind, section, source->text);
    }
  }
}

}  // namespace stack::compose::rules
