// Names and labels.
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

void container_name(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* container = service.find("container_name");
  if (rules.opaque(container)) return;
  auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  const std::string& text = container->text;
  if (text.size() < 2 || text[0] == '_' || text[0] == '.' || text[0] == '-' ||
      !std::all_of(text.begin(), text.end(), good)) {
    rules.cannot_run(
        container->mark, "invalid container_name \"" + text + "\"",
        "use two or more letters, digits, \"_\", \".\", and \"-\", starting with a letter or digit");
    return;
  }
  auto [first, added] = rules.container_names.emplace(text, name);
  if (!added)
    rules.report.error(container->mark, "service " + name + ": container name \"" + text +
                                            "\" is already in use by service " + first->second);
}

void reserved_labels(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* labels = service.find("labels");
  if (labels == nullptr) return;
  for (const Entry& entry : labels->entries)
    if (entry.key.starts_with("com.docker.compose."))
      rules.report.error(entry.mark,
                         "service " + name + ": labels that begin with com.docker.compose. are reserved");
}

}  // namespace stack::compose::rules
