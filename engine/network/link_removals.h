// Internal to engine/network: removes interfaces of the host. Those requested meanwhile are removed together, because
// each removal alone holds the kernel's lock for 30 ms.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/network/network_state.h"

namespace stack::engine {

class LinkRemovals {
 public:
  explicit LinkRemovals(NetworkState& state) : state_(state) {}

  // Missing interfaces are no error. Requires the host.
  Task<Result<>> remove(std::vector<std::string> links);

 private:
  struct Batch {
    explicit Batch(asio::io_context& io) : ended(io) {}
    std::vector<std::string> links;
    std::optional<Result<>> outcome;
    Signal ended;
  };
  Task<> run();

  NetworkState& state_;
  std::shared_ptr<Batch> next_;  // collects interfaces while another batch is removed
  bool running_ = false;
};

}  // namespace stack::engine
