#include "net/firewall/ruleset_watch.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <vector>

#include "net/firewall/nftables.h"
#include "net/link/namespace.h"
#include "net/link/netlink.h"

namespace stack::net {
namespace {

constexpr int kBytes = 64 * 1024;

bool concerns_chains(int nft_message) {
  switch (nft_message) {
    case NFT_MSG_NEWTABLE:
    case NFT_MSG_DELTABLE:
    case NFT_MSG_NEWCHAIN:
    case NFT_MSG_DELCHAIN:
    case NFT_MSG_NEWRULE:
    case NFT_MSG_DELRULE:
      return true;
    default:
      return false;
  }
}

bool concerns_sets(int nft_message) {
  return nft_message == NFT_MSG_NEWSETELEM || nft_message == NFT_MSG_DELSETELEM || nft_message == NFT_MSG_DELSET;
}

}  // namespace

Result<RulesetWatch> RulesetWatch::open(Host& host, const std::string& our_table) {
  return with_namespace(host.netns(), [&]() -> Result<RulesetWatch> {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
    if (!fd) return Error::last_errno("open netlink socket");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1U << (NFNLGRP_NFTABLES - 1);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
      return Error::last_errno("listen to nf_tables");
    return RulesetWatch(std::move(fd), our_table, host.netfilter().port());
  });
}

void RulesetWatch::read(const nlmsghdr& header, RulesetChanges& changes) const {
  if (header.nlmsg_pid == own_port_ || header.nlmsg_type < nft::message_type(0)) return;
  const int type = header.nlmsg_type - nft::message_type(0);
  const bool chains = concerns_chains(type);
  if (!chains && !concerns_sets(type)) return;
  // The table name is the first attribute of tables, chains, rules, sets, and elements.
  static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 && NFTA_SET_TABLE == 1 &&
                NFTA_SET_ELEM_LIST_TABLE == 1);
  const auto name = text_of(parse_attributes(header, sizeof(nfgenmsg), NFTA_TABLE_NAME)[NFTA_TABLE_NAME]);
  const bool ours = name == table_ && header_of<nfgenmsg>(header).nfgen_family == NFPROTO_INET;
  if (ours) changes.own_table_changed = true;
  if (!ours && chains) changes.foreign_chains_changed = true;  // elements of others' sets change too often
}

Result<RulesetChanges> RulesetWatch::drain() {
  RulesetChanges changes;
  std::vector<char> buffer(kBytes);
  while (true) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return changes;
    if (got < 0 && errno == ENOBUFS) {
      changes = {true, true};
      continue;
    }
    if (got < 0) return Error::last_errno("listen to nf_tables");
    for_each_message({buffer.data(), static_cast<size_t>(got)},
                     [&](const nlmsghdr& header) { read(header, changes); });
  }
}

}  // namespace stack::net
