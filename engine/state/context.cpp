#include "engine/state/context.h"

#include "base/log.h"

namespace stack::engine {

ContainerPtr Context::find_container(const std::string& name_or_id) const {
  std::string_view wanted = name_or_id;
  if (wanted.starts_with('/')) wanted.remove_prefix(1);
  if (wanted.empty()) return nullptr;
  if (ContainerPtr exact = find_container(ContainerId(std::string(wanted)))) return exact;
  for (const auto& [id, container] : containers)
    if (container->spec.name == wanted) return container;
  ContainerPtr found;
  for (auto it = containers.lower_bound(ContainerId(std::string(wanted)));
       it != containers.end() && it->first.text().starts_with(wanted); ++it) {
    if (found) return nullptr;
    found = it->second;
  }
  return found;
}

ContainerPtr Context::find_container(const ContainerId& id) const {
  auto found = containers.find(id);
  return found == containers.end() ? nullptr : found->second;
}

namespace {

Result<ContainerPtr> required(ContainerPtr found, const std::string& wanted) {
  if (!found || !found->exists()) return not_found("No such container: " + wanted);
  return found;
}

}  // namespace

Result<ContainerPtr> Context::require_container(const std::string& name_or_id) const {
  return required(find_container(name_or_id), name_or_id);
}

Result<ContainerPtr> Context::require_container(const ContainerId& id) const {
  return required(find_container(id), id.text());
}

Result<> Context::save(const Container& container) {
  // A late save must not recreate the record of a removed container.
  if (!containers.contains(container.id)) return {};
  bool is_new = container.phase == Phase::Making;
  Result<> saved = store.put(Table::Containers, container.id.text(), record_of(container),
                             is_new ? Space::Ordinary : Space::Reserved);
  if (!saved) log_error("container " + container.spec.name + ": " + saved.error().text());
  // A power cut ends the others for good.
  if (!container.spec.auto_remove) note_record(Table::Containers, container.id.text());
  return saved;
}

void Context::note_record(Table table, const std::string& key) {
  for (std::string& path : store.places_of(table, key)) disk_sync.note(std::move(path));
}

void Context::publish(const Container& container, const std::string& action,
                      std::map<std::string, std::string> extra) {
  std::map<std::string, std::string> attributes = container.spec.labels;
  attributes["name"] = container.spec.name;
  attributes["image"] = container.spec.image;
  attributes.merge(extra);
  events.publish("container", action, container.id.text(), std::move(attributes));
}

}  // namespace stack::engine
