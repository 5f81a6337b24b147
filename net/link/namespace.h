// Network namespaces held by file descriptors (network_namespaces(7)). None is ever pinned by a bind mount.
#pragma once

#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace stack::net {

// A new, empty network namespace; it lives as long as a descriptor, process or socket refers to it. `lo` is
// down. The calling thread is back in its own namespace on return; other threads never notice. About 0.4 ms.
Result<Fd> make_network_namespace();

// The calling thread's own network namespace.
Result<Fd> current_network_namespace();

// /proc/<pid>/ns/net, or any path of a namespace file.
Result<Fd> open_network_namespace(const std::string& path);

// Whether two descriptors mean the same namespace.
Result<bool> same_network_namespace(int first, int second);

// The calling thread is inside another network namespace for the life of this object. Sockets opened
// meanwhile stay there; /proc/sys/net is that namespace's. Never hold one across a coroutine suspension. The
// way back cannot fail for any reason but a bug; if it does, the process aborts rather than run astray.
class EnteredNamespace {
 public:
  static Result<EnteredNamespace> enter(int netns_fd);
  EnteredNamespace(EnteredNamespace&&) noexcept = default;
  EnteredNamespace& operator=(EnteredNamespace&&) = delete;
  ~EnteredNamespace();

 private:
  explicit EnteredNamespace(Fd home) : home_(std::move(home)) {}
  Fd home_;
};

// Runs `function` (which returns a Result) inside the namespace, on the calling thread.
template <typename Function>
auto with_namespace(int netns_fd, Function&& function) -> decltype(function()) {
  auto entered = EnteredNamespace::enter(netns_fd);
  if (!entered) return std::move(entered).error();
  return std::forward<Function>(function)();
}

// Brings `lo` up, for namespaces that get no endpoint (network_mode none).
Result<> bring_up_loopback(int netns_fd);

}  // namespace stack::net
