#include "engine/state/context.h"

#include "base/log.h"

namespace stack::engine {

ContainerPtr Context::find_container(const std::string& name_or_id) const {
  std::string_view wanted = name_or_id;
  if (wanted.starts_with('/')) wanted.remove_prefix(1);
  if (wanted.empty()) return nullptr;
  if (auto exact = containers.find(std::string(wanted)); exact != containers.end()) return exact->second;
  for (const auto& [id, container] : containers)
    if (container->spec.name == wanted) return container;
  ContainerPtr found;
  for (auto it = containers.lower_bound(std::string(wanted));
       it != containers.end() && it->first.starts_with(wanted); ++it) {
    if (found) return nullptr;
    found = it->second;
  }
  return found;
}

Result<ContainerPtr> Context::require_container(const std::string& name_or_id) const {
  ContainerPtr found = find_container(name_or_id);
  if (!found || !found->exists()) return not_found("No such container: " + name_or_id);
  return found;
}

Result<> Context::save(const Container& container) {
  // A late save must not recreate the record of a removed container.
  if (!containers.contains(container.id)) return {};
  bool is_new = container.phase == Phase::Making;
  Result<> saved = store.put(Table::Containers, container.id, record_of(container),
                             is_new ? Space::Ordinary : Space::Reserved);
  if (!saved) log_error("container " + container.spec.name + ": " + saved.error().text());
  return saved;
}

void Context::publish(const Container& container, const std::string& action,
                      std::map<std::string, std::string> extra) {
  std::map<std::string, std::string> attributes = container.spec.labels;
  attributes["name"] = container.spec.name;
  attributes["image"] = container.spec.image;
  attributes.merge(extra);
  events.publish("container", action, container.id, std::move(attributes));
}

}  // namespace stack::engine
