#include "net/firewall/foreign_firewall.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "net/firewall/firewall.h"
#include "net/firewall/nftables.h"

namespace stack::net {
namespace {

struct BaseChain {
  nft::TableFamily family = nft::TableFamily::Inet;
  std::string table;
  std::string name;
  int priority = 0;
  bool policy_drops = false;
};

struct ForeignRule {
  std::string chain;
  uint64_t handle = 0;
  bool drops_everything = false;
  std::string leads_to;  // chain it jumps or goes to
  bool ours = false;
};

// A chain reachable from the forward hook.
struct ReachedChain {
  nft::TableFamily family = nft::TableFamily::Inet;
  std::string table;
  std::string name;
  int priority = 0;           // of its base chain
  bool policy_drops = false;  // it is the base chain
  std::vector<ForeignRule> rules;
};

std::string name_of(nft::TableFamily family) {
  switch (family) {
    case nft::TableFamily::Inet:
      return "inet";
    case nft::TableFamily::Ip:
      return "ip";
    case nft::TableFamily::Ip6:
      return "ip6";
  }
  return "?";
}

std::string tag_of(const std::string& our_table) { return "stack: " + our_table; }

// Tables of this and other engines, which leave foreign bridges alone.
bool is_of_an_engine(const BaseChain& chain) {
  return chain.family == nft::TableFamily::Inet &&
         (chain.table == "stack" || chain.table.starts_with("stack_"));
}

// ---- read rulesets

Result<std::vector<BaseChain>> foreign_forward_chains(Host& host) {
  std::vector<BaseChain> chains;
  for (const nft::TableFamily family :
       {nft::TableFamily::Inet, nft::TableFamily::Ip, nft::TableFamily::Ip6}) {
    Message message = nft::message(family, NFT_MSG_GETCHAIN, NLM_F_DUMP);
    TRY(host.netfilter().query(message, "list nf_tables chains", [&](const nlmsghdr& header) {
      const auto attributes = parse_attributes(header, sizeof(nfgenmsg), NFTA_CHAIN_TYPE);
      if (attributes[NFTA_CHAIN_HOOK] == nullptr || text_of(attributes[NFTA_CHAIN_TYPE]) != "filter") return;
      const auto hook = parse_nested(attributes[NFTA_CHAIN_HOOK], NFTA_HOOK_PRIORITY);
      if (be32_of(hook[NFTA_HOOK_HOOKNUM]) != NF_INET_FORWARD) return;
      BaseChain chain{family, std::string(text_of(attributes[NFTA_CHAIN_TABLE])),
                      std::string(text_of(attributes[NFTA_CHAIN_NAME])),
                      static_cast<int>(be32_of(hook[NFTA_HOOK_PRIORITY])),
                      be32_of(attributes[NFTA_CHAIN_POLICY]) == NF_DROP};
      if (!is_of_an_engine(chain)) chains.push_back(std::move(chain));
    }));
  }
  return chains;
}

struct Verdict {
  bool drop = false;
  std::string chain;
};

Verdict verdict_of(const nlattr* data) {
  const auto immediate = parse_nested(data, NFTA_IMMEDIATE_DATA);
  const auto value = parse_nested(immediate[NFTA_IMMEDIATE_DATA], NFTA_DATA_VERDICT);
  if (value[NFTA_DATA_VERDICT] == nullptr) return {};
  const auto verdict = parse_nested(value[NFTA_DATA_VERDICT], NFTA_VERDICT_CHAIN);
  return {be32_of(verdict[NFTA_VERDICT_CODE]) == NF_DROP, std::string(text_of(verdict[NFTA_VERDICT_CHAIN]))};
}

std::string_view xtables_name(const nlattr* data) {
  static_assert(NFTA_MATCH_NAME == 1 && NFTA_TARGET_NAME == 1);
  return text_of(parse_nested(data, NFTA_TARGET_NAME)[NFTA_TARGET_NAME]);
}

// A rule drops everything if it has no condition and a drop verdict. Jumps count with or without a condition.
void read_expressions(const nlattr* expressions, ForeignRule& rule) {
  bool refuses = false;
  bool conditional = false;
  for_each_nested(expressions, [&](const nlattr* item) {
    const auto attributes = parse_nested(item, NFTA_EXPR_DATA);
    const std::string_view name = text_of(attributes[NFTA_EXPR_NAME]);
    const nlattr* data = attributes[NFTA_EXPR_DATA];
    if (name == "counter" || name == "log" || (name == "match" && xtables_name(data) == "comment")) return;
    const Verdict verdict = name == "immediate" ? verdict_of(data) : Verdict{};
    if (!verdict.chain.empty()) rule.leads_to = verdict.chain;
    if (name == "reject" || verdict.drop || (name == "target" && xtables_name(data) == "REJECT"))
      refuses = true;
    else
      conditional = true;
  });
  rule.drops_everything = refuses && !conditional;
}

Result<std::vector<ForeignRule>> list_rules(Host& host, nft::TableFamily family, const std::string& table,
                                            const std::string& tag) {
  std::vector<ForeignRule> rules;
  Message message = nft::message(family, NFT_MSG_GETRULE, NLM_F_DUMP);
  message.put_text(NFTA_RULE_TABLE, table);
  TRY(host.netfilter().query(message, "list nf_tables rules", [&](const nlmsghdr& header) {
    const auto attributes = parse_attributes(header, sizeof(nfgenmsg), NFTA_RULE_USERDATA);
    if (text_of(attributes[NFTA_RULE_TABLE]) != table) return;
    ForeignRule rule;
    rule.chain = text_of(attributes[NFTA_RULE_CHAIN]);
    rule.handle = be64_of(attributes[NFTA_RULE_HANDLE]);
    read_expressions(attributes[NFTA_RULE_EXPRESSIONS], rule);
    rule.ours = nft::comment_of(attributes[NFTA_RULE_USERDATA]) == tag;
    rules.push_back(std::move(rule));
  }));
  return rules;
}

// The base chain and all chains that it reaches by jump or goto. Does not follow verdict maps, because their users
// (Docker's nf_tables backend, netavark) send only their own interfaces through them.
std::vector<ReachedChain> reached_from(const BaseChain& base, const std::vector<ForeignRule>& rules) {
  std::vector<ReachedChain> reached{
      {base.family, base.table, base.name, base.priority, base.policy_drops, {}}};
  std::set<std::string> seen{base.name};
  for (size_t i = 0; i < reached.size(); ++i) {
    std::vector<ForeignRule> own;
    std::copy_if(rules.begin(), rules.end(), std::back_inserter(own),
                 [&](const ForeignRule& rule) { return rule.chain == reached[i].name; });
    for (const ForeignRule& rule : own)
      if (!rule.leads_to.empty() && seen.insert(rule.leads_to).second)
        reached.push_back({base.family, base.table, rule.leads_to, base.priority, false, {}});
    reached[i].rules = std::move(own);
  }
  return reached;
}

// ---- find drops

// The position of a chain's default: the first rule that drops everything, or the end.
size_t default_position(const std::vector<ForeignRule>& rules) {
  const auto last =
      std::find_if(rules.begin(), rules.end(), [](const ForeignRule& rule) { return rule.drops_everything; });
  return static_cast<size_t>(last - rules.begin());
}

std::optional<ForeignChain> judge(const ReachedChain& chain) {
  ForeignChain found{name_of(chain.family), chain.table, chain.name, "", false, ""};
  const size_t end = default_position(chain.rules);
  if (end < chain.rules.size())
    found.obstacle = "last rule drops";
  else if (chain.policy_drops)
    found.obstacle = "policy drop";
  else
    return std::nullopt;
  found.admitted = std::any_of(chain.rules.begin(), chain.rules.begin() + static_cast<std::ptrdiff_t>(end),
                               [](const ForeignRule& rule) { return rule.ours; });
  if (chain.priority <= kForwardPriority) found.problem = "its chain runs before the engine's";
  return found;
}

Result<> insert_rule(Host& host, const ReachedChain& chain, const std::string& tag) {
  std::vector<Message> batch;
  // Our rule has no effect if it is now after the default.
  for (const ForeignRule& rule : chain.rules)
    if (rule.ours) batch.push_back(nft::delete_rule(chain.family, chain.table, chain.name, rule.handle));
  const size_t end = default_position(chain.rules);
  nft::Rule rule({chain.family, chain.table}, chain.name,
                 end < chain.rules.size() ? chain.rules[end].handle : 0);
  batch.push_back(rule.mark_has(kAdmittedMark).counter().accept().finish(tag));
  return host.netfilter().transaction(batch, "admit containers' traffic");
}

template <typename Action>
Result<std::vector<ForeignChain>> for_each_obstacle(Host& host, const std::string& our_table,
                                                    Action&& action) {
  std::vector<ForeignChain> obstacles;
  std::set<std::tuple<nft::TableFamily, std::string, std::string>> seen;
  TRY_ASSIGN(const auto bases, foreign_forward_chains(host));
  for (const BaseChain& base : bases) {
    const auto rules = list_rules(host, base.family, base.table, tag_of(our_table));
    // The owner may have removed the table meanwhile.
    if (!rules) continue;
    for (const ReachedChain& chain : reached_from(base, *rules)) {
      auto obstacle = judge(chain);
      if (!obstacle || !seen.insert({chain.family, chain.table, chain.name}).second) continue;
      action(chain, *obstacle);
      obstacles.push_back(std::move(*obstacle));
    }
  }
  return obstacles;
}

}  // namespace

Result<std::vector<ForeignChain>> find_dropping_chains(Host& host, const std::string& our_table) {
  return for_each_obstacle(host, our_table, [](const auto&, const auto&) {});
}

Result<std::vector<ForeignChain>> open_foreign_chains(Host& host, const std::string& our_table) {
  return for_each_obstacle(host, our_table, [&](const ReachedChain& chain, ForeignChain& obstacle) {
    if (obstacle.admitted || !obstacle.problem.empty()) return;
    const auto inserted = insert_rule(host, chain, tag_of(our_table));
    obstacle.admitted = inserted.has_value();
    if (inserted) return;
    const bool owned = inserted.error().code() == EPERM;
    obstacle.problem = owned ? "the table belongs to another process" : inserted.error().text();
  });
}

Result<> close_foreign_chains(Host& host, const std::string& our_table) {
  TRY_ASSIGN(const auto chains, foreign_forward_chains(host));
  for (const BaseChain& chain : chains) {
    const auto rules = list_rules(host, chain.family, chain.table, tag_of(our_table));
    if (!rules) continue;
    for (const ForeignRule& rule : *rules) {
      if (!rule.ours) continue;
      std::vector<Message> batch;
      batch.push_back(nft::delete_rule(chain.family, chain.table, rule.chain, rule.handle));
      auto done = host.netfilter().transaction(batch, "withdraw from " + chain.table + " " + chain.name);
      if (!done && done.error().code() != ENOENT) return done;
    }
  }
  return {};
}

}  // namespace stack::net
