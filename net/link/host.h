// The network namespace with bridges, routes, and the firewall: usually the engine's own, in tests a private one.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "net/link/netlink.h"

namespace stack::net {

// Netlink sockets opened in one namespace. Calls block until the kernel answers (microseconds to milliseconds). Not
// thread-safe; a second Host for the same namespace costs about 20 us.
class Host {
 public:
  static Result<Host> open();              // the calling thread's namespace
  static Result<Host> open(int netns_fd);  // the descriptor is duplicated
  // Another Host for the same namespace, for use on another thread.
  Result<Host> another() const { return open(netns_.get()); }

  int netns() const { return netns_.get(); }
  NetlinkSocket& route() { return route_; }          // NETLINK_ROUTE
  NetlinkSocket& netfilter() { return netfilter_; }  // NETLINK_NETFILTER

 private:
  Host(Fd netns, NetlinkSocket route, NetlinkSocket netfilter)
      : netns_(std::move(netns)), route_(std::move(route)), netfilter_(std::move(netfilter)) {}
  Fd netns_;
  NetlinkSocket route_;
  NetlinkSocket netfilter_;
};

}  // namespace stack::net
