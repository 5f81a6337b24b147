#include "net/alien_rules.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "net/firewall.h"
#include "net/nftables.h"

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
  bool ours = false;
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

// ---- reading

Result<std::vector<BaseChain>> foreign_forward_chains(Host& host, const std::string& our_table) {
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
      if (family != nft::TableFamily::Inet || chain.table != our_table) chains.push_back(std::move(chain));
    }));
  }
  return chains;
}

bool is_drop_verdict(const nlattr* data) {
  const auto immediate = parse_nested(data, NFTA_IMMEDIATE_DATA);
  const auto value = parse_nested(immediate[NFTA_IMMEDIATE_DATA], NFTA_DATA_VERDICT);
  if (value[NFTA_DATA_VERDICT] == nullptr) return false;
  return be32_of(parse_nested(value[NFTA_DATA_VERDICT], NFTA_VERDICT_CODE)[NFTA_VERDICT_CODE]) == NF_DROP;
}

// Whether a rule refuses whatever reaches it: only expressions without a condition, one of which refuses.
bool drops_everything(const nlattr* expressions) {
  bool refuses = false;
  bool conditional = false;
  for_each_nested(expressions, [&](const nlattr* item) {
    const auto attributes = parse_nested(item, NFTA_EXPR_DATA);
    const std::string_view name = text_of(attributes[NFTA_EXPR_NAME]);
    const nlattr* data = attributes[NFTA_EXPR_DATA];
    if (name == "counter" || name == "log") return;
    if (name == "match" && text_of(parse_nested(data, NFTA_MATCH_NAME)[NFTA_MATCH_NAME]) == "comment") return;
    const bool reject_target =
        name == "target" && text_of(parse_nested(data, NFTA_TARGET_NAME)[NFTA_TARGET_NAME]) == "REJECT";
    if (name == "reject" || reject_target || (name == "immediate" && is_drop_verdict(data)))
      refuses = true;
    else
      conditional = true;
  });
  return refuses && !conditional;
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
    rule.drops_everything = drops_everything(attributes[NFTA_RULE_EXPRESSIONS]);
    rule.ours = nft::comment_of(attributes[NFTA_RULE_USERDATA]) == tag;
    rules.push_back(std::move(rule));
  }));
  return rules;
}

std::vector<ForeignRule> of_chain(const std::vector<ForeignRule>& rules, const std::string& chain) {
  std::vector<ForeignRule> own;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(own),
               [&](const ForeignRule& rule) { return rule.chain == chain; });
  return own;
}

// ---- judging

// Where the default of a chain lies: the first rule that refuses everything, or the end.
size_t default_position(const std::vector<ForeignRule>& rules) {
  const auto last =
      std::find_if(rules.begin(), rules.end(), [](const ForeignRule& rule) { return rule.drops_everything; });
  return static_cast<size_t>(last - rules.begin());
}

std::optional<AlienChain> judge(const BaseChain& chain, const std::vector<ForeignRule>& rules) {
  AlienChain found{name_of(chain.family), chain.table, chain.name, "", false, ""};
  const size_t end = default_position(rules);
  if (end < rules.size())
    found.obstacle = "last rule drops";
  else if (chain.policy_drops)
    found.obstacle = "policy drop";
  else
    return std::nullopt;
  found.admitted = std::any_of(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(end),
                               [](const ForeignRule& rule) { return rule.ours; });
  if (chain.priority <= kForwardPriority) found.problem = "its chain runs before the engine's";
  return found;
}

Result<> insert_rule(Host& host, const BaseChain& chain, const std::vector<ForeignRule>& rules,
                     const std::string& tag) {
  std::vector<Message> batch;
  // One that stands behind the default by now is of no use there.
  for (const ForeignRule& rule : rules)
    if (rule.ours) batch.push_back(nft::delete_rule(chain.family, chain.table, chain.name, rule.handle));
  const size_t end = default_position(rules);
  nft::Rule rule({chain.family, chain.table}, chain.name, end < rules.size() ? rules[end].handle : 0);
  batch.push_back(rule.mark_has(kAdmittedMark).counter().accept().finish(tag));
  return host.netfilter().transaction(batch, "admit containers' traffic");
}

template <typename Action>
Result<std::vector<AlienChain>> for_each_obstacle(Host& host, const std::string& our_table, Action&& action) {
  std::vector<AlienChain> obstacles;
  TRY_ASSIGN(const auto chains, foreign_forward_chains(host, our_table));
  for (const BaseChain& chain : chains) {
    // Other engines of ours let bridges that are not theirs alone.
    if (chain.table == "stack" || chain.table.starts_with("stack_")) continue;
    const auto all = list_rules(host, chain.family, chain.table, tag_of(our_table));
    // The table may be gone by now: its owner is at work.
    if (!all) continue;
    const auto rules = of_chain(*all, chain.name);
    auto obstacle = judge(chain, rules);
    if (!obstacle) continue;
    action(chain, rules, *obstacle);
    obstacles.push_back(std::move(*obstacle));
  }
  return obstacles;
}

}  // namespace

Result<std::vector<AlienChain>> find_dropping_chains(Host& host, const std::string& our_table) {
  return for_each_obstacle(host, our_table, [](const auto&, const auto&, const auto&) {});
}

Result<std::vector<AlienChain>> admit_through_alien_chains(Host& host, const std::string& our_table) {
  return for_each_obstacle(
      host, our_table, [&](const BaseChain& chain, const auto& rules, AlienChain& obstacle) {
        if (obstacle.admitted || !obstacle.problem.empty()) return;
        const auto inserted = insert_rule(host, chain, rules, tag_of(our_table));
        obstacle.admitted = inserted.has_value();
        if (!inserted)
          obstacle.problem = inserted.error().code() == EPERM ? "the table belongs to another process"
                                                              : inserted.error().text();
      });
}

Result<> withdraw_from_alien_chains(Host& host, const std::string& our_table) {
  TRY_ASSIGN(const auto chains, foreign_forward_chains(host, our_table));
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
