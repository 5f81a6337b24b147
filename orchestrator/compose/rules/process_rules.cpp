// Processes in containers: health checks, hooks, restarts, watch rules.
#include "base/text.h"
#include "orchestrator/compose/rules/rules.h"
#include "orchestrator/compose/values.h"

namespace stack::compose::rules {

void restart_policy(RuleContext& rules, const std::string& /*name*/, const Node& service) {
  const Node* restart = service.find("restart");
  if (rules.opaque(restart)) return;
  if (Result<RestartPolicy> policy = parse_restart(restart->text); !policy)
    rules.cannot_run(restart->mark, policy.error().text());
}

void health(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* check = service.find("healthcheck");
  if (check == nullptr || !check->is_map()) return;
  const Node* test = check->find("test");
  if (test != nullptr && test->is_list() && !test->items.empty() && !rules.opaque(&test->items[0])) {
    const std::string& kind = test->items[0].text;
    if (kind != "CMD" && kind != "CMD-SHELL" && kind != "NONE")
      rules.report.error(
          test->items[0].mark,
          "service " + name + ": a healthcheck test list must start with CMD, CMD-SHELL, or NONE",
          "write [\"CMD\", \"" + kind + "\", ...]");
  }
  if (present(check->find("start_interval")) && !present(check->find("start_period")))
    rules.cannot_run(
        check->find("start_interval")->mark,
        "service " + name + ": healthcheck.start_interval requires healthcheck.start_period to be set");
  for (const char* key : {"interval", "timeout", "start_period", "start_interval", "retries"}) {
    const Node* value = check->find(key);
    if (value != nullptr && value->is_scalar() && value->text.starts_with('-'))
      rules.report.error(value->mark, "service " + name + ": " + key + " must not be negative");
  }
}

void watch_rules(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* develop = service.find("develop");
  const Node* watch = develop == nullptr ? nullptr : develop->find("watch");
  if (watch == nullptr) return;
  for (const Node& rule : watch->items) {
    if (!rule.is_map()) continue;
    std::string_view action = rule.text_of("action");
    for (const char* key : {"path", "action"})
      if (rule.find(key) == nullptr)
        rules.report.error(rule.mark, "service " + name + ": a watch rule requires " + std::string(key));
    const Node* path = rule.find("path");
    if (path != nullptr && path->is_scalar() && path->text.empty())
      rules.report.error(path->mark, "service " + name + ": the path of a watch rule is empty");
    const Node* target = rule.find("target");
    bool no_target =
        target == nullptr || (target->is_scalar() && target->text.empty() && !rules.opaque(target));
    if (action.starts_with("sync") && no_target)
      rules.report.error(
          rule.mark, "service " + name + ": the watch action " + std::string(action) + " requires a target");
    if (action == "sync+exec" && rule.find("exec") == nullptr)
      rules.report.error(rule.mark, "service " + name + ": the watch action sync+exec requires exec");
  }
}

void hooks(RuleContext& rules, const std::string& name, const Node& service) {
  for (const char* key : {"post_start", "pre_stop"}) {
    const Node* list = service.find(key);
    if (list == nullptr) continue;
    for (const Node& hook : list->items)
      if (hook.is_map() && hook.find("command") == nullptr)
        rules.report.error(hook.mark, "service " + name + ": a " + key + " hook requires a command");
  }
  const Node* list = service.find("pre_start");
  if (list == nullptr) return;
  for (const Node& hook : list->items)
    if (hook.is_map() && is_true(hook.find("per_replica")))
      rules.report.error(
          hook.find("per_replica")->mark,
          "service " + name + ": pre_start hooks run once per service; per_replica: true is not supported");
}

void user_namespace(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* mode = service.find("userns_mode");
  if (rules.opaque(mode) || mode->text.empty() || mode->text == "host") return;
  rules.cannot_run(
      mode->mark, "service " + name + ": unknown userns_mode \"" + mode->text + "\": only host is supported");
}

}  // namespace stack::compose::rules
