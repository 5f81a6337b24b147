#include "engine/network/network_state.h"

#include <unistd.h>

namespace stack::engine {

Result<> NetworkState::open_host() {
  if (host) return {};
  TRY_ASSIGN(net::Host opened, net::Host::open());
  host = std::make_unique<net::Host>(std::move(opened));
  return {};
}

NetworkPtr NetworkState::by_id(const std::string& id) const {
  auto found = networks.find(id);
  return found == networks.end() ? nullptr : found->second;
}

std::vector<std::string> NetworkState::users_of(const Network& network) const {
  std::vector<std::string> users;
  for (const auto& [id, present] : containers) {
    if (!present.leases.contains(network.id)) continue;
    ContainerPtr container = context.find_container(id);
    users.push_back(container ? container->spec.name : "a build step");
  }
  return users;
}

int NetworkState::netns_of(const Container& container) const {
  if (container.run && container.run->netns) return container.run->netns.get();
  auto found = kept.find(container.id);
  return found == kept.end() ? -1 : found->second.netns.get();
}

std::vector<runtime::OwnedNamedFd>& NetworkState::held_of(Container& container) {
  return container.run ? container.run->held : kept[container.id].held;
}

std::vector<ContainerPtr> NetworkState::sharers_of(const Container& container) const {
  std::vector<ContainerPtr> sharers;
  for (const auto& [id, other] : context.containers) {
    if (!shares_namespace(*other) || !other->run || !other->run->netns) continue;
    if (owner_of(*other).get() == &container) sharers.push_back(other);
  }
  return sharers;
}

ContainerPtr NetworkState::owner_of(const Container& sharer) const {
  constexpr int kDeepest = 16;
  ContainerPtr owner = context.find_container(sharer.spec.network_mode.substr(10));
  for (int depth = 0; owner && shares_namespace(*owner); ++depth) {
    if (depth == kDeepest) return nullptr;
    owner = context.find_container(owner->spec.network_mode.substr(10));
  }
  return owner;
}

bool shares_namespace(const Container& container) {
  return container.spec.network_mode.starts_with("container:");
}

std::string host_interface(const Endpoint& endpoint) { return "v" + endpoint.endpoint_id.substr(0, 12); }

bool has_ipv6() {
  static const bool present = ::access("/proc/net/if_inet6", F_OK) == 0;
  return present;
}

}  // namespace stack::engine
