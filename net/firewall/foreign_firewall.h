// Forward chains of other programs. In nf_tables, a drop in any base chain of a hook is final, so our accept is not enough
// if Docker, ufw, firewalld, or a custom ruleset drops unknown traffic.
#pragma once

#include <string>
#include <vector>

#include "net/link/host.h"

namespace stack::net {

// A chain on the forward path that drops by default: a base chain by its policy, or any reachable chain by a rule without
// a condition.
struct ForeignChain {
  std::string family;  // "ip", "ip6", "inet"
  std::string table;
  std::string chain;
  std::string obstacle;   // "policy drop", "last rule drops"
  bool admitted = false;  // our rule is present
  std::string problem;    // why it could not be added ("owned by another process"), "" = none
};

// Finds such chains without changing anything. Skips the tables "stack" and "stack_...", which belong to engines.
Result<std::vector<ForeignChain>> find_dropping_chains(Host& host, const std::string& our_table);

// Adds one rule to each chain, before its default (specific drop rules keep working), that accepts packets admitted by our
// forward chain (kAdmittedMark). The rule is tagged "stack: <our_table>". Idempotent and cheap; call it after ensure() and
// after changes, because owners rewrite their chains.
Result<std::vector<ForeignChain>> open_foreign_chains(Host& host, const std::string& our_table);

// Removes all rules with this tag.
Result<> close_foreign_chains(Host& host, const std::string& our_table);

}  // namespace stack::net
