#include "net/link/rtnetlink.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

namespace stack::net {
namespace {

unsigned char number_of(Family family) { return family == Family::V4 ? AF_INET : AF_INET6; }

Message address_message(int type, int flags, uint32_t link_index, const Cidr& address) {
  Message message(type, flags, 256);
  ifaddrmsg header{};
  header.ifa_family = number_of(address.family());
  header.ifa_prefixlen = address.prefix;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = link_index;
  message.header(header);
  const auto bytes = address.address.bytes();
  message.put(IFA_LOCAL, bytes.data(), bytes.size()).put(IFA_ADDRESS, bytes.data(), bytes.size());
  return message;
}

rtmsg route_header(Family family, uint8_t prefix) {
  rtmsg header{};
  header.rtm_family = number_of(family);
  header.rtm_dst_len = prefix;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  return header;
}

}  // namespace

Message new_address(uint32_t link_index, const Cidr& address) {
  Message message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, link_index, address);
  message.put_u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_PERMANENT);
  if (address.address.is_v4() && address.prefix <= 30) {
    const IpAddress broadcast = address.last();
    message.put(IFA_BROADCAST, broadcast.bytes().data(), broadcast.bytes().size());
  }
  return message;
}

Message delete_address(uint32_t link_index, const Cidr& address) {
  return address_message(RTM_DELADDR, 0, link_index, address);
}

Message new_route(const Cidr& destination, const IpAddress& gateway, uint32_t link_index, bool replace) {
  Message message(RTM_NEWROUTE, NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL), 256);
  message.header(route_header(destination.family(), destination.prefix));
  const IpAddress network = destination.first();
  if (destination.prefix > 0) message.put(RTA_DST, network.bytes().data(), network.bytes().size());
  message.put(RTA_GATEWAY, gateway.bytes().data(), gateway.bytes().size());
  if (link_index != 0) message.put_u32(RTA_OIF, link_index);
  return message;
}

Message new_default_route(const IpAddress& gateway, uint32_t link_index, bool replace) {
  const IpAddress any = gateway.is_v4() ? IpAddress() : IpAddress::v6({});
  return new_route({any, 0}, gateway, link_index, replace);
}

Message delete_default_route(Family family) {
  Message message(RTM_DELROUTE, 0, 256);
  rtmsg header = route_header(family, 0);
  header.rtm_scope = RT_SCOPE_NOWHERE;
  header.rtm_protocol = RTPROT_UNSPEC;
  message.header(header);
  return message;
}

Message set_link_up(uint32_t link_index) {
  Message message(RTM_NEWLINK, 0, 256);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link_index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.header(header);
  return message;
}

}  // namespace stack::net
