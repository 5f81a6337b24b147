#include "orchestrator/plan/recreate_cause.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace stack::orchestrator {

namespace {

constexpr size_t kFieldsShown = 3;

std::string config_cause(const DesiredService& service, const ObservedContainer& container) {
  std::vector<std::string> fields;
  for (const FieldChange& change : changed_fields(container.config_text, service.config_text))
    fields.push_back(change.field);
  if (fields.empty()) return "config changed";
  if (fields.size() > kFieldsShown) {
    fields.resize(kFieldsShown);
    fields.emplace_back("...");
  }
  return "config changed: " + join(fields, ", ");
}

// Names and addresses are lost if the container was disconnected and reconnected without them.
std::optional<std::string> missing_on_network(const DesiredService& service, const EndpointSpec& wanted,
                                              const EndpointSpec& present) {
  const std::string where = " on network " + wanted.network;
  std::vector<std::string> names = wanted.aliases;
  names.insert(names.begin(), service.name);
  for (const std::string& alias : names)
    if (std::find(present.aliases.begin(), present.aliases.end(), alias) == present.aliases.end())
      return "name " + alias + " is missing" + where;
  auto missing = [](const auto& wish, const auto& found) { return wish && wish != found; };
  for (auto wish : {&EndpointSpec::ipv4_address, &EndpointSpec::ipv6_address})
    if (missing(wanted.*wish, present.*wish))
      return "address " + (wanted.*wish)->text() + " is missing" + where;
  if (missing(wanted.mac_address, present.mac_address))
    return "MAC address " + wanted.mac_address->text() + " is missing" + where;
  return std::nullopt;
}

std::optional<std::string> missing_attachment(const DesiredService& service,
                                              const ObservedContainer& container) {
  for (const EndpointSpec& endpoint : service.base.endpoints) {
    if (!container.networks.count(endpoint.network)) return "not connected to network " + endpoint.network;
    auto present = container.connections.find(endpoint.network);
    if (present == container.connections.end()) continue;
    if (auto cause = missing_on_network(service, endpoint, present->second)) return cause;
  }
  for (const MountSpec& mount : service.base.mounts) {
    bool named = mount.kind == MountKind::Volume && !mount.source.empty();
    if (named && !container.volumes.count(mount.source)) return "volume " + mount.source + " is not mounted";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> recreate_cause(const DesiredService& service, const ObservedContainer& container,
                                          const ObservedState& observed) {
  if (container.state == ContainerStatus::Dead) return "dead";
  if (container.state == ContainerStatus::Removing) return "being removed";
  if (container.config_hash != service.config_hash) return config_cause(service, container);
  auto image = observed.images.find(service.image);
  if (image != observed.images.end() && !container.image_id.empty() && image->second != container.image_id) {
    return "image " + service.image + " changed";
  }
  return missing_attachment(service, container);
}

}  // namespace stack::orchestrator
