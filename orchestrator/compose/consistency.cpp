#include "orchestrator/compose/consistency.h"

#include "orchestrator/compose/rules/rules.h"

namespace stack::compose {

void check_consistency(const Node& tree, const Selection& selection, Session& session) {
  static constexpr rules::ServiceRule kServiceRules[] = {
      rules::image_source,    rules::image_text,
      rules::build,           rules::networks,
      rules::namespaces,      rules::files,
      rules::mounts,          rules::volume_sources,
      rules::dependencies,    rules::links,
      rules::health,          rules::scale,
      rules::container_name,  rules::deployed_limits,
      rules::numbers,         rules::restart_policy,
      rules::pull_policy,     rules::exposed_ports,
      rules::published_ports, rules::reserved_labels,
      rules::watch_rules,     rules::hooks,
      rules::device_requests, rules::ulimits,
      rules::user_namespace,  rules::runtime_and_platform,
      rules::build_context,   rules::log_driver,
      rules::stack_settings,
  };
  rules::RuleContext context(tree, selection, session);
  if (const Node* services = tree.find("services"))
    for (const Entry& entry : services->entries)
      if (entry.value.is_map())
        for (rules::ServiceRule rule : kServiceRules) rule(context, entry.key, entry.value);
  rules::required_members(context);
  rules::top_level_resources(context);
  rules::cycles(context);
}

}  // namespace stack::compose
