#include "net/firewall/conntrack.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <vector>

namespace stack::net {
namespace {

// Bits of CTA_FILTER_ORIG_FLAGS, which the kernel does not export (nf_conntrack_netlink.c).
constexpr uint32_t kFilterProtocol = 1U << 3;
constexpr uint32_t kFilterDestinationPort = 1U << 5;

struct Flow {
  std::vector<uint8_t> original;  // contents of CTA_TUPLE_ORIG
  std::vector<uint8_t> id;
};

Message conntrack_message(int type, int flags, Family family, size_t capacity) {
  Message message(NFNL_SUBSYS_CTNETLINK << 8 | type, flags, capacity);
  const uint8_t number = family == Family::V4 ? AF_INET : AF_INET6;
  message.header(nfgenmsg{number, NFNETLINK_V0, 0});
  return message;
}

Message list_message(Family family, const std::set<uint16_t>& ports, bool filtered) {
  Message message = conntrack_message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, family, 512);
  if (!filtered) return message;
  const bool one_port = ports.size() == 1;
  message.nest(
      CTA_TUPLE_ORIG,
      [&] {
        message.nest(
            CTA_TUPLE_PROTO,
            [&] {
              message.put_u8(CTA_PROTO_NUM, IPPROTO_UDP);
              if (one_port) message.put_be16(CTA_PROTO_DST_PORT, *ports.begin());
            },
            true);
      },
      true);
  message.nest(
      CTA_FILTER,
      [&] {
        message.put_u32(CTA_FILTER_ORIG_FLAGS, kFilterProtocol | (one_port ? kFilterDestinationPort : 0));
        message.put_u32(CTA_FILTER_REPLY_FLAGS, 0);
      },
      true);
  return message;
}

bool is_wanted(const std::vector<const nlattr*>& attributes, const std::set<uint16_t>& ports) {
  const auto original = parse_nested(attributes[CTA_TUPLE_ORIG], CTA_TUPLE_PROTO);
  const auto protocol = parse_nested(original[CTA_TUPLE_PROTO], CTA_PROTO_DST_PORT);
  const auto number = bytes_of(protocol[CTA_PROTO_NUM]);
  const auto port = bytes_of(protocol[CTA_PROTO_DST_PORT]);
  if (number.size() != 1 || number[0] != IPPROTO_UDP || port.size() != 2) return false;
  const uint32_t status = be32_of(attributes[CTA_STATUS]);
  if ((status & IPS_SRC_NAT) != 0 && (status & IPS_DST_NAT) == 0) return false;
  return ports.contains(static_cast<uint16_t>(port[0] << 8 | port[1]));
}

Result<std::vector<Flow>> find_flows(Host& host, Family family, const std::set<uint16_t>& ports,
                                     bool filtered) {
  std::vector<Flow> flows;
  Message message = list_message(family, ports, filtered);
  TRY(host.netfilter().query(message, "list tracked connections", [&](const nlmsghdr& header) {
    const auto attributes = parse_attributes(header, sizeof(nfgenmsg), CTA_ID);
    if (!is_wanted(attributes, ports)) return;
    const auto original = bytes_of(attributes[CTA_TUPLE_ORIG]);
    const auto id = bytes_of(attributes[CTA_ID]);
    flows.push_back({{original.begin(), original.end()}, {id.begin(), id.end()}});
  }));
  return flows;
}

}  // namespace

Result<> forget_udp_flows(Host& host, Family family, const std::set<uint16_t>& host_ports) {
  if (host_ports.empty()) return {};
  auto flows = find_flows(host, family, host_ports, true);
  // Kernels before 5.8 do not support the filter.
  if (!flows) flows = find_flows(host, family, host_ports, false);
  // Without ctnetlink, flows cannot be listed; nfnetlink returns EINVAL for a missing subsystem.
  if (!flows && (flows.error().code() == EINVAL || flows.error().code() == EOPNOTSUPP)) return {};
  if (!flows) return std::move(flows).error();
  for (const Flow& flow : *flows) {
    Message message = conntrack_message(IPCTNL_MSG_CT_DELETE, 0, family, 512);
    message.put(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.original.data(), flow.original.size());
    message.put(CTA_ID, flow.id.data(), flow.id.size());
    auto deleted = host.netfilter().request(message, "forget a tracked connection");
    if (!deleted && deleted.error().code() != ENOENT) return deleted;
  }
  return {};
}

}  // namespace stack::net
