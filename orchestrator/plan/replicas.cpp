#include "orchestrator/plan/replicas.h"

#include <algorithm>

#include "base/text.h"
#include "model/labels.h"

namespace stack::orchestrator {
namespace {

constexpr size_t kShortId = 12;
constexpr size_t kFieldsShown = 3;

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool replaces(const ObservedContainer& candidate, const ObservedContainer& old) {
  auto by_label = candidate.labels.find(label::kReplace);
  if (by_label != candidate.labels.end()) return by_label->second == old.id;
  return candidate.name.starts_with(old.id.substr(0, kShortId) + "_");
}

// Prefers a final name over a temporary one, and a running container over a stopped one.
bool counts_more(const ObservedContainer* a, const ObservedContainer* b) {
  bool a_final = !is_temporary_name(a->name);
  bool b_final = !is_temporary_name(b->name);
  if (a_final != b_final) return a_final;
  if (a->alive() != b->alive()) return a->alive();
  return a->name != b->name ? a->name < b->name : a->id < b->id;
}

Replica choose(int number, std::vector<const ObservedContainer*> candidates, const std::string& config_hash,
               std::vector<const ObservedContainer*>& leftovers) {
  std::sort(candidates.begin(), candidates.end(), counts_more);
  Replica replica{number, candidates.front(), nullptr};
  for (size_t i = 1; i < candidates.size(); ++i) {
    const ObservedContainer* other = candidates[i];
    bool usable = replica.replacement == nullptr && is_temporary_name(other->name) &&
                  replaces(*other, *replica.current) && other->config_hash == config_hash;
    if (usable) {
      replica.replacement = other;
    } else {
      leftovers.push_back(other);
    }
  }
  return replica;
}

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
  using Wish = std::string EndpointSpec::*;
  for (auto [wish, what] : {std::pair<Wish, const char*>{&EndpointSpec::ipv4_address, "address "},
                            {&EndpointSpec::ipv6_address, "address "},
                            {&EndpointSpec::mac_address, "MAC address "}})
    if (!(wanted.*wish).empty() && wanted.*wish != present.*wish)
      return what + wanted.*wish + " is missing" + where;
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

std::string temporary_name(const std::string& old_id, const std::string& final_name) {
  return old_id.substr(0, kShortId) + "_" + final_name;
}

bool is_temporary_name(const std::string& name) {
  return name.size() > kShortId + 1 && name[kShortId] == '_' && is_hexadecimal(name.substr(0, kShortId));
}

ReplicaMatch match_replicas(const DesiredService& service, const ObservedState& observed) {
  std::map<int, std::vector<const ObservedContainer*>> by_number;
  for (const ObservedContainer& container : observed.containers) {
    if (container.service != service.name || container.oneoff || container.number < 1) continue;
    by_number[container.number].push_back(&container);
  }
  ReplicaMatch match;
  for (auto& [number, candidates] : by_number) {
    match.replicas.push_back(choose(number, std::move(candidates), service.config_hash, match.leftovers));
  }
  return match;
}

std::optional<std::string> divergence(const DesiredService& service, const ObservedContainer& container,
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
