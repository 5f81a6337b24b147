// Networks, addresses, published ports and names: everything between a container and the wire.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/container/container.h"
#include "engine/state/context.h"
#include "net/firewall/firewall.h"
#include "net/link/address_pool.h"
#include "net/link/bridge.h"
#include "net/link/host.h"

namespace stack::engine {

// What POST /networks/create and the planner ask for.
struct NetworkRequest {
  std::string name;
  std::string driver;  // "" = bridge
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
  bool internal = false;
  bool attachable = false;
  bool enable_ipv4 = true;
  bool enable_ipv6 = false;
  struct Pool {
    std::string subnet;
    std::string ip_range;
    std::string gateway;
    std::map<std::string, std::string> auxiliary;
  };
  std::vector<Pool> pools;
  std::string ipam_driver;
};

// Docker's default network, made when somebody wants it; pruning leaves it.
constexpr const char* kDefaultNetwork = "bridge";

struct Network {
  std::string id;
  std::string created_at;
  NetworkRequest request;
  std::string bridge;  // interface name
  std::vector<net::AddressPool> pools;
  bool ready = false;  // the bridge and the firewall stand, in this run of the engine

  const std::string& name() const { return request.name; }
  net::BridgeSpec bridge_spec() const;
};
using NetworkPtr = std::shared_ptr<Network>;

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
  // Kept before the bridge is made, so that a crash leaves nothing nameless.
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

  // Kernel objects of ours without an owner, for `doctor`; with `repair` they are removed.
  Task<std::vector<std::string>> sweep(bool repair);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::engine
