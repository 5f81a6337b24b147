// Checks x-stack, the settings of this program in a service.
#include "base/text.h"
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

void stack_settings(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* settings = service.find("x-stack");
  if (settings == nullptr || settings->is_null() || settings->is_invalid()) return;
  const std::string where = "service " + name + ": x-stack";
  if (!settings->is_map())
    return rules.report.error(settings->mark, where + ": expected a mapping, found " + describe(*settings));
  const std::vector<std::string> known{"restart_on"};
  for (const Entry& entry : settings->entries) {
    if (entry.key == "restart_on") continue;
    std::string near = nearest(entry.key, known);
    rules.report.error(entry.mark, where + ": unknown key \"" + entry.key + "\"",
                       near.empty() ? "" : "did you mean \"" + near + "\"?");
  }
  const Node* when = settings->find("restart_on");
  if (!present(when) || rules.opaque(when)) return;
  if (!when->is_scalar() || when->text != "unhealthy")
    return rules.report.error(when->mark, where + ".restart_on: must be unhealthy");
  const Node* check = service.find("healthcheck");
  const Node* disabled = check == nullptr || !check->is_map() ? nullptr : check->find("disable");
  if (present(disabled) && is_true(disabled))
    rules.report.error(when->mark, where + ".restart_on has no effect because the health check is disabled");
}

}  // namespace stack::compose::rules
