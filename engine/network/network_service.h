// Networks, addresses, published ports and names: everything between a container and the wire.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/container.h"
#include "engine/network/network.h"
#include "engine/state/context.h"

namespace stack::engine {

class NetworkService {
 public:
  explicit NetworkService(Context& context);
  ~NetworkService();
  NetworkService(const NetworkService&) = delete;
  NetworkService& operator=(const NetworkService&) = delete;

  // Reads the networks that are kept. Touches nothing in the kernel.
  Result<> load();
  // Takes over the networks of containers that run: bridges ensured, the firewall set to exactly what is
  // kept, DNS and proxy sockets put to work again. Once, at start, after every ContainerRun was adopted.
  Result<> adopt(const std::vector<ContainerPtr>& running);

  std::vector<NetworkPtr> list() const;
  // By name, id, or unique id prefix.
  NetworkPtr find(const std::string& name_or_id) const;
  // Stored before the bridge is made, so that a crash leaves no bridge without a record.
  Task<Result<NetworkPtr>> create(NetworkRequest request);
  // Conflict while containers are attached.
  Task<Result<>> remove(std::string name_or_id);

  // Before a container's process starts: namespace, interfaces, DNS, published ports. Fills run->netns,
  // run->held, endpoints and published. Undone by itself on failure.
  Task<Result<>> connect(ContainerPtr container);
  // After its final stop. Goes on after failures (logged). Endpoints keep their address as a wish.
  Task<> disconnect(ContainerPtr container);

  // Network connect and disconnect of single networks, running or not.
  Task<Result<>> attach_network(ContainerPtr container, EndpointSpec spec);
  Task<Result<>> detach_network(ContainerPtr container, std::string name_or_id);

  // The container is removed: its names go.
  void forget(const Container& container);
  // The names changed (rename).
  void refresh_names(const Container& container);

  // Who holds this host port: a container of ours, or a process of the host. nullopt: it is free.
  std::optional<std::string> port_holder(const std::string& host_ip, uint16_t port,
                                         const std::string& protocol);

  // The files bound into the container; call after connect.
  std::string hosts_file(const Container& container) const;
  std::string resolv_conf(const Container& container) const;

  // The last call before the engine ends. Where no container runs, bridges and firewall go as well, so that
  // an engine that is not there leaves nothing in the kernel; what is kept is enough to make them again.
  void leave();

  // What is broken and could not be repaired, for `doctor` and plans: a sentence each.
  std::vector<std::string> faults() const;
  // The first one of this network; "" = none.
  std::string fault_of(const std::string& network_id) const;

  // Kernel objects of ours without an owner, for `doctor`; with `repair` they are removed.
  Task<std::vector<std::string>> sweep(bool repair);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::engine
