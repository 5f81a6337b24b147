#include "net/link/link_watch.h"

#include <linux/if_link.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <vector>

#include "net/link/namespace.h"
#include "net/link/netlink.h"

namespace stack::net {
namespace {

constexpr int kLinkBytes = 64 * 1024;

void read_link_state(const nlmsghdr& header, LinkChanges& changes) {
  const auto& info = header_of<ifinfomsg>(header);
  const auto attributes = parse_attributes(header, sizeof(ifinfomsg), IFLA_MASTER);
  const bool up = (info.ifi_flags & IFF_UP) != 0;
  // Messages of the bridge family concern ports: a port that leaves its bridge is reported as deleted.
  const bool removed = header.nlmsg_type == RTM_DELLINK;
  const bool has_master = attributes[IFLA_MASTER] != nullptr;
  if (removed || !up || !has_master) changes.degraded.emplace(text_of(attributes[IFLA_IFNAME]));
}

void read_link_change(const nlmsghdr& header, LinkChanges& changes) {
  switch (header.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return read_link_state(header, changes);
    case RTM_DELADDR:
      changes.addresses_removed = true;
      return;
    case RTM_DELROUTE:
      if (header_of<rtmsg>(header).rtm_table == RT_TABLE_MAIN) changes.routes_removed = true;
      return;
    case RTM_NEWNETCONF:
      changes.forwarding_changed = true;
      return;
    default:
      return;
  }
}

}  // namespace

Result<LinkWatch> LinkWatch::open(Host& host) {
  return with_namespace(host.netns(), [&]() -> Result<LinkWatch> {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!fd) return Error::last_errno("open netlink socket");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    for (const int group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                            RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF})
      address.nl_groups |= 1U << (group - 1);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
      return Error::last_errno("listen to interfaces");
    return LinkWatch(std::move(fd));
  });
}

Result<LinkChanges> LinkWatch::drain() {
  LinkChanges changes;
  std::vector<char> buffer(kLinkBytes);
  while (true) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return changes;
    if (got < 0 && errno == ENOBUFS) {
      changes.lost = true;
      continue;
    }
    if (got < 0) return Error::last_errno("listen to interfaces");
    for_each_message({buffer.data(), static_cast<size_t>(got)},
                     [&](const nlmsghdr& header) { read_link_change(header, changes); });
  }
}

}  // namespace stack::net
