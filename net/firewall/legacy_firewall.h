// Forward chains of iptables-legacy, which nf_tables neither shows nor reports. Like foreign_firewall.h, for these chains.
#pragma once

#include <string>
#include <vector>

#include "model/address.h"
#include "net/firewall/foreign_firewall.h"
#include "net/link/host.h"

namespace stack::net {

// Whether the table "filter" of iptables-legacy (ip6tables-legacy) exists and its FORWARD chain drops by policy.
Result<bool> legacy_forward_drops(Host& host, Family family);

// Admits our packets in both families' FORWARD chains by the programs iptables-legacy and ip6tables-legacy. Idempotent.
Result<std::vector<ForeignChain>> open_legacy_chains(Host& host, const std::string& our_table);
Result<> close_legacy_chains(Host& host, const std::string& our_table);

}  // namespace stack::net
