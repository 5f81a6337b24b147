// Network namespaces held by file descriptors (network_namespaces(7)), never by bind mounts.
#pragma once

#include <string>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace stack::net {

// Creates an empty network namespace, which exists while a descriptor, process, or socket refers to it. `lo` is down. The
// calling thread is back in its namespace on return; other threads are not affected. Takes about 0.4 ms.
Result<Fd> make_network_namespace();

// The calling thread's own network namespace.
Result<Fd> current_network_namespace();

// /proc/<pid>/ns/net, or any path of a namespace file.
Result<Fd> open_network_namespace(const std::string& path);

// Whether two descriptors refer to the same namespace.
Result<bool> same_network_namespace(int first, int second);

// Keeps the calling thread inside another network namespace during the object's lifetime. Sockets opened meanwhile belong
// to that namespace, and so does /proc/sys/net. Do not hold it across a coroutine suspension. A failed return can only be a
// bug and aborts the process.
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

// Brings up `lo`, for namespaces without endpoints (network_mode none).
Result<> bring_up_loopback(int netns_fd);

}  // namespace stack::net
