// Detects changes of host interfaces by other programs: rtnetlink(7) notifications of links, addresses,
// routes, and forwarding.
#pragma once

#include <set>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "net/link/host.h"

namespace stack::net {

struct LinkChanges {
  std::set<std::string> degraded;      // interfaces that were removed, are down, or lost their bridge
  bool addresses_removed = false;   // from any interface
  bool routes_removed = false;      // from the main table
  bool forwarding_changed = false;  // net.ipv4.ip_forward, net.ipv6.conf.all.forwarding
  bool lost = false;                // notifications were lost, so anything may have changed

  bool any() const {
    return !degraded.empty() || addresses_removed || routes_removed || forwarding_changed || lost;
  }
};

// Listens in the host's namespace. For an event loop: wait until fd() is readable, then call drain(). An interface during
// creation may be reported as well, because each notification contains the state at its time.
class LinkWatch {
 public:
  static Result<LinkWatch> open(Host& host);

  int fd() const { return fd_.get(); }  // non-blocking
  // Reads all pending notifications.
  Result<LinkChanges> drain();

 private:
  explicit LinkWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace stack::net
