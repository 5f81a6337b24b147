// Networks, addresses, published ports, and names of containers.
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

  // Reads the stored networks. Does not change the kernel.
  Result<> load();
  // Adopts the networks of running containers: ensures bridges, sets the firewall to the stored state, and resumes DNS and
  // proxy sockets. Call once at start, after all ContainerRuns are adopted.
  Result<> adopt(const std::vector<ContainerPtr>& running);

  std::vector<NetworkPtr> list() const;
  // Finds a network by name, ID, or unique ID prefix.
  NetworkPtr find(const std::string& name_or_id) const;
  // Stores the record before creating the bridge, so that a crash leaves no bridge without a record.
  Task<Result<NetworkPtr>> create(NetworkRequest request);
  // Conflict while containers are attached.
  Task<Result<>> remove(std::string name_or_id);

  // Sets up namespace, interfaces, DNS, and published ports before a container's process starts. Sets run->netns,
  // run->held, endpoints, and published. Undoes its work on failure.
  Task<Result<>> connect(ContainerPtr container);
  // After the final stop. Continues after failures, which are logged. Endpoints keep their addresses as preferences.
  Task<> disconnect(ContainerPtr container);

  // Connects and disconnects single networks, whether the container runs or not.
  Task<Result<>> attach_network(ContainerPtr container, EndpointSpec spec);
  Task<Result<>> detach_network(ContainerPtr container, std::string name_or_id);

  // The container is being removed: removes its names.
  void forget(const Container& container);
  // Updates names after a rename.
  void refresh_names(const Container& container);

  // The owner of this host port: a container or a host process; nullopt if it is free.
  std::optional<std::string> port_holder(const std::optional<IpAddress>& host_ip, uint16_t port,
                                         Protocol protocol);

  // The contents of the files bind-mounted into the container; call after connect.
  std::string hosts_file(const Container& container) const;
  std::string resolv_conf(const Container& container) const;

  // The last call before the engine exits. If no container runs, also removes bridges and the firewall, so that nothing
  // remains in the kernel; the stored state suffices to create them again.
  void leave();

  // Looks for chains of other programs that drop container packets, and opens them. iptables-legacy reports no changes.
  void open_foreign_chains();
  // Faults that could not be repaired, one sentence each, for `doctor` and plans.
  std::vector<std::string> faults() const;
  // The first fault of this network; "" = none.
  std::string fault_of(const std::string& network_id) const;

  // Our kernel objects without an owner, for `doctor`; `repair` removes them.
  Task<std::vector<std::string>> sweep(bool repair);

 private:
  struct Parts;
  Task<Result<>> remove_now(NetworkPtr network);

  std::unique_ptr<Parts> parts_;
};

}  // namespace stack::engine
