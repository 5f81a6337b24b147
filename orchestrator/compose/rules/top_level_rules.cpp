// Networks, volumes, configs, and secrets; required members.
#include "orchestrator/compose/rule_table.h"
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

namespace {

// Required members. Ports, volumes, and others have more specific messages of their own.
using RequiredTable = RuleTable<const char*>;
constexpr RequiredTable::Row kRequired[] = {
    {"services.*.build.secrets.*", "source"},
    {"services.*.deploy.resources.reservations.devices.*", "capabilities"},
    {"services.*.develop.watch.*.exec", "command"},
    {"services.*.devices.*", "source"},
    {"services.*.env_file.*", "path"},
    {"services.*.provider", "type"},
    {"models.*", "model"},
};

void find_missing(RuleContext& rules, const Node& node, const RequiredTable::Cursor& at, Mark mark,
                  const std::string& path) {
  if (at.none()) return;
  if (const char* const* member = at.rule();
      member != nullptr && node.is_map() && node.find(*member) == nullptr)
    rules.report.error(mark, path + " has no " + *member);
  for (const Entry& entry : node.entries)
    find_missing(rules, entry.value, at.child(entry.key), entry.mark,
                 path + (path.empty() ? "" : ".") + entry.key);
  for (size_t i = 0; i < node.items.size(); ++i)
    find_missing(rules, node.items[i], at.any(), node.items[i].mark, path + "." + std::to_string(i));
}

}  // namespace

void required_members(RuleContext& rules) {
  static const RequiredTable table(kRequired);
  find_missing(rules, rules.tree, table.root(), rules.tree.mark, "");
}

namespace {

void check_external(RuleContext& rules, const char* section, const Entry& entry) {
  if (!is_true(entry.value.find("external"))) return;
  for (const Entry& other : entry.value.entries) {
    bool allowed = other.key == "external" || other.key == "name" || other.key.starts_with("x-") ||
                   other.value.is_null();
    if (!allowed)
      rules.report.error(other.mark, std::string(section) + "." + entry.key + " is external, so " +
                                         other.key + " cannot be set");
  }
}

}  // namespace

namespace {

void check_content(RuleContext& rules, const char* section, const Entry& entry) {
  bool secret = std::string_view(section) == "secrets";
  const Node& object = entry.value;
  if (is_true(object.find("external")) || present(object.find("driver"))) return;
  int sources = 0;
  for (const char* key : {"file", "environment", "content"})
    if (const Node* source = object.find(key); source != nullptr)
      if (std::string_view(key) != "environment" || source->is_null() || !source->text.empty()) ++sources;
  std::string expected = secret ? "file or environment" : "file, environment, or content";
  if (sources == 0)
    rules.report.error(entry.mark, std::string(section) + "." + entry.key + " has no " + expected);
  if (sources > 1)
    rules.report.error(entry.mark,
                       std::string(section) + "." + entry.key + " must have exactly one of " + expected);
}

}  // namespace

void top_level_resources(RuleContext& rules) {
  for (const char* section : {"networks", "volumes", "secrets", "configs"}) {
    const Node* resources = rules.tree.find(section);
    if (resources == nullptr) continue;
    for (const Entry& entry : resources->entries) {
      if (!entry.value.is_map() || entry.key.starts_with("x-")) continue;
      check_external(rules, section, entry);
      resource_driver(rules, section, entry);
      if (std::string_view(section) == "secrets" || std::string_view(section) == "configs")
        check_content(rules, section, entry);
      if (std::string_view(section) == "networks") address_pools(rules, entry);
    }
  }
}

}  // namespace stack::compose::rules
