// Images and builds of services.
#include "orchestrator/compose/rules/rules.h"
#include "orchestrator/compose/values.h"

namespace stack::compose::rules {

void image_source(RuleContext& rules, const std::string& name, const Node& service) {
  for (const char* key : {"image", "build", "provider"})
    if (present(service.find(key))) return;
  // A misspelled key has been reported and may be the missing one.
  for (const Entry& entry : service.entries)
    if (entry.value.is_invalid()) return;
  rules.report.error(rules.mark_of(name), "service " + name + " has neither an image nor a build");
}

void image_text(RuleContext& rules, const std::string& /*name*/, const Node& service) {
  const Node* image = service.find("image");
  if (rules.opaque(image)) return;
  if (image->text.empty() && present(service.find("build"))) return;
  if (image->text.empty()) {
    rules.report.error(image->mark, "the image is empty");
  } else if (image->text.find_first_of(" \t\n") != std::string::npos) {
    rules.report.error(image->mark, "an image reference cannot contain blanks");
  }
}

void build(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* build = service.find("build");
  if (build == nullptr || !build->is_map()) return;
  const Node* inline_text = build->find("dockerfile_inline");
  const Node* dockerfile = build->find("dockerfile");
  if (present(inline_text) && present(dockerfile))
    rules.report.error(inline_text->mark,
                       "service " + name + ": dockerfile and dockerfile_inline cannot be used together");
  if (const Node* secrets = build->find("secrets")) rules.check_sources(name, *secrets, "secrets", "secret");
  const Node* contexts = build->find("additional_contexts");
  if (contexts != nullptr) {
    for (const Entry& entry : contexts->entries) {
      if (rules.opaque(&entry.value) || !entry.value.text.starts_with("service:")) continue;
      std::string target = entry.value.text.substr(8);
      rules.check_service(entry.value.mark, name, target, "builds from");
      auto found = rules.services.find(target);
      if (found != rules.services.end() && !present(found->second->find("build")))
        rules.report.error(entry.value.mark, "service " + target + ", used as a build base, has no build");
    }
  }
  const Node* platforms = build->find("platforms");
  const Node* platform = service.find("platform");
  if (platforms == nullptr || platforms->items.empty() || rules.opaque(platform)) return;
  bool listed = std::any_of(platforms->items.begin(), platforms->items.end(),
                            [&](const Node& item) { return item.text == platform->text; });
  if (!listed)
    rules.report.error(platform->mark,
                       "service " + name + ": build.platforms does not list the platform " + platform->text);
}

void pull_policy(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* policy = service.find("pull_policy");
  if (rules.opaque(policy) || is_pull_policy(policy->text)) return;
  rules.report.error(policy->mark, "service " + name + ": unknown pull_policy \"" + policy->text + "\"",
                     "expected always, never, missing, build, daily, weekly, or every_<duration>");
}

}  // namespace stack::compose::rules
