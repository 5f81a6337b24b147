#include "net/firewall/dns_redirect.h"

#include <linux/netlink.h>
#include <netinet/in.h>

#include "net/firewall/nftables.h"
#include "net/link/namespace.h"

namespace stack::net {
namespace {

constexpr uint32_t kServerAddress = 0x7f00000b;  // 127.0.0.11

Message redirect_rule(const nft::Table& table, uint8_t protocol, uint16_t port) {
  const nft::Bytes server = nft::address_bytes(IpAddress::v4(kServerAddress));
  const nft::Bytes dns_port = nft::port_bytes(53);
  const nft::Bytes own_port = nft::port_bytes(port);
  nft::Rule rule(table, "output");
  rule.destination_address(Family::V4, nft::reg(0)).equal(nft::reg(0), server);
  rule.protocol_is(protocol);
  rule.destination_port(nft::reg(0)).equal(nft::reg(0), std::span(dns_port).first(2));
  rule.load(nft::reg(0), server).load(nft::reg(1), std::span(own_port).first(2));
  rule.dnat(Family::V4, nft::reg(0), nft::reg(1));
  return rule.finish();
}

// Deletion waits for readers of the rules (about 15 ms), so a table is replaced only if it exists.
std::vector<Message> table_messages(const nft::Table& table, uint16_t udp_port, uint16_t tcp_port,
                                    bool replace) {
  std::vector<Message> batch;
  if (replace) {
    batch.push_back(nft::delete_table(table));
  }
  batch.push_back(nft::new_table(table, true));
  // Connection tracking restores the source of answers, so the other direction needs no rule.
  batch.push_back(nft::new_base_chain(table, "output", "nat", nft::Hook::Output, nft::kDestinationNat));
  batch.push_back(redirect_rule(table, IPPROTO_UDP, udp_port));
  batch.push_back(redirect_rule(table, IPPROTO_TCP, tcp_port));
  return batch;
}

constexpr std::string_view kWhat = "redirect DNS in the container";

}  // namespace

Result<> install_dns_redirect(int netns_fd, uint16_t udp_port, uint16_t tcp_port) {
  auto entered = EnteredNamespace::enter(netns_fd);
  if (!entered) return std::move(entered).error();
  TRY_ASSIGN(auto socket, NetlinkSocket::open(NETLINK_NETFILTER));
  const nft::Table table{nft::TableFamily::Ip, "stack_dns"};
  auto done = socket.transaction(table_messages(table, udp_port, tcp_port, false), kWhat);
  if (!done && done.error().code() == EEXIST)
    done = socket.transaction(table_messages(table, udp_port, tcp_port, true), kWhat);
  return done;
}

}  // namespace stack::net
