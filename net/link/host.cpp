#include "net/link/host.h"

#include <linux/netlink.h>

#include "net/link/namespace.h"

namespace stack::net {

Result<Host> Host::open() {
  TRY_ASSIGN(Fd netns, current_network_namespace());
  TRY_ASSIGN(auto route, NetlinkSocket::open(NETLINK_ROUTE));
  TRY_ASSIGN(auto netfilter, NetlinkSocket::open(NETLINK_NETFILTER));
  return Host(std::move(netns), std::move(route), std::move(netfilter));
}

Result<Host> Host::open(int netns_fd) {
  return with_namespace(netns_fd, [] { return open(); });
}

}  // namespace stack::net
