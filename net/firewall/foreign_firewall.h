// Other people's forward chains. In nf_tables a drop in any base chain of a hook is final, so our own accept
// is not enough where Docker, ufw, firewalld or a hand-written ruleset drops what it does not know.
#pragma once

#include <string>
#include <vector>

#include "net/link/host.h"

namespace stack::net {

// A chain that forwarded packets come to and that drops by default: a base chain by its policy, it or a chain
// that it leads to by a rule without condition.
struct ForeignChain {
  std::string family;  // "ip", "ip6", "inet"
  std::string table;
  std::string chain;
  std::string obstacle;   // "policy drop", "last rule drops"
  bool admitted = false;  // our rule stands there
  std::string problem;    // why it could not be added ("owned by another process"), "" = none
};

// What is there now; changes nothing. Tables named "stack" or "stack_..." are an engine's, and left alone.
Result<std::vector<ForeignChain>> find_dropping_chains(Host& host, const std::string& our_table);

// Puts one rule into each of them, in the place of the default (rules that drop something in particular keep
// working): packets that our forward chain admitted (kAdmittedMark) pass. Tagged "stack: <our_table>".
// Idempotent and cheap; call it after ensure(), and again now and then: owners rewrite their chains.
Result<std::vector<ForeignChain>> open_foreign_chains(Host& host, const std::string& our_table);

// Takes all rules with this tag away.
Result<> close_foreign_chains(Host& host, const std::string& our_table);

}  // namespace stack::net
