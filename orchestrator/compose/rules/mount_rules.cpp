// Volumes, files, and models of services.
#include <unordered_map>
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

void files(RuleContext& rules, const std::string& name, const Node& service) {
  if (const Node* list = service.find("secrets")) rules.check_sources(name, *list, "secrets", "secret");
  if (const Node* list = service.find("configs")) rules.check_sources(name, *list, "configs", "config");
  if (const Node* map = service.find("models"))
    for (const Entry& entry : map->entries)
      if (rules.resource("models", entry.key) == nullptr && !broken(rules.tree, "models"))
        rules.undefined(entry.mark, name, "model", "models", entry.key);
}

namespace {

// `bind.recursive` is meaningless without `read_only`.
void check_recursion(RuleContext& rules, const std::string& name, const Node& mount) {
  const Node* bind = mount.find("bind");
  const Node* how = bind == nullptr ? nullptr : bind->find("recursive");
  if (rules.opaque(how) || is_true(mount.find("read_only"))) return;
  if (how->text == "writable" || how->text == "readonly")
    rules.cannot_run(how->mark,
                     "service " + name + ": bind.recursive: " + how->text + " requires read_only: true");
}

// `x-stack: {idmap: host-user}`.
void check_id_map(RuleContext& rules, const std::string& name, const Node& mount) {
  const Node* ours = mount.find("x-stack");
  const Node* map = ours == nullptr || !ours->is_map() ? nullptr : ours->find("idmap");
  const Node* type = mount.find("type");
  if (map == nullptr || rules.opaque(map) || rules.opaque(type)) return;
  const std::string where = "service " + name + ": x-stack.idmap";
  if (!map->is_scalar() || map->text != "host-user") {
    rules.report.error(map->mark, where + ": unknown value", "the only value is host-user");
  } else if (type->text != "bind") {
    rules.report.error(map->mark, where + " requires a volume of type bind, not " + type->text);
  }
}

}  // namespace

namespace {

template <typename Claim>
void check_mount(RuleContext& rules, const std::string& name, const Node& item, const Claim& claim) {
  if (!item.is_map()) return;
  const Node* type = item.find("type");
  const Node* source = item.find("source");
  const Node* target = item.find("target");
  if (type == nullptr)
    return rules.report.error(item.mark, "service " + name + ": the volume has no type",
                              "add type: bind, volume, tmpfs, or image");
  if (target == nullptr)
    return rules.report.error(item.mark, "service " + name + ": the volume has no target");
  if (rules.opaque(type) || rules.opaque(target)) return;
  claim(target->text, target->mark);
  check_recursion(rules, name, item);
  check_id_map(rules, name, item);
  if (type->text == "npipe" || type->text == "cluster")
    return rules.report.error(type->mark, "volumes of type " + type->text + " are not supported on Linux");
  bool has_source = present(source) && !(source->is_scalar() && source->text.empty());
  if (!has_source && (type->text == "bind" || type->text == "image"))
    return rules.report.error(item.mark,
                              "service " + name + ": a volume of type " + type->text + " needs a source");
  if (has_source && type->text == "tmpfs")
    return rules.report.error(source->mark, "service " + name + ": a tmpfs has no source");
  for (const char* options : {"bind", "volume", "tmpfs", "image"})
    if (present(item.find(options)) && type->text != options &&
        !(type->text == "volume" && std::string_view(options) == "bind"))
      rules.report.error(item.find(options)->mark,
                         std::string(options) + " options on a volume of type " + type->text);
  if (type->text == "volume" && has_source && !rules.opaque(source) &&
      rules.resource("volumes", source->text) == nullptr && !broken(rules.tree, "volumes"))
    rules.undefined(source->mark, name, "volume", "volumes", source->text);
}

}  // namespace

void mounts(RuleContext& rules, const std::string& name, const Node& service) {
  std::unordered_map<std::string, Mark> targets;
  auto claim = [&](const std::string& target, Mark mark) {
    auto [first, added] = targets.emplace(target, mark);
    if (!added)
      rules.report.error(mark, "service " + name + ": " + target + " is mounted twice",
                         "the first mount is at " + rules.session.sources.place(first->second));
  };
  if (const Node* list = service.find("volumes"))
    for (const Node& item : list->items) check_mount(rules, name, item, claim);
  if (const Node* list = service.find("tmpfs"))
    for (const Node& item : list->items)
      if (!rules.opaque(&item)) claim(item.text.substr(0, item.text.find(':')), item.mark);
  const Node* hooks = service.find("pre_start");
  if (hooks == nullptr) return;
  for (const Node& hook : hooks->items) {
    targets.clear();
    if (const Node* list = hook.find("volumes"))
      for (const Node& item : list->items) check_mount(rules, name, item, claim);
  }
}

void volume_sources(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* list = service.find("volumes_from");
  if (list == nullptr) return;
  for (const Node& item : list->items) {
    if (rules.opaque(&item) || item.text.starts_with("container:")) continue;
    rules.check_service(item.mark, name, item.text.substr(0, item.text.find(':')), "takes the volumes of");
  }
}

}  // namespace stack::compose::rules
