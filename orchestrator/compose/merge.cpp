#include "orchestrator/compose/merge.h"

#include <unordered_map>
#include <unordered_set>

#include "orchestrator/compose/decode.h"
#include "orchestrator/compose/rule_table.h"

namespace stack::compose {

namespace {

using ItemKey = std::string (*)(const Node&);

enum class MergeMode {
  Default,       // merge mappings, append lists, replace scalars; null keeps the value
  Replace,       // replace the whole value, also with null
  MapOrReplace,  // merge mappings; replace a number with a mapping and vice versa
  NullToo,       // a mapping in which null values are significant and replace
  Logging,       // replace the whole value if the drivers differ
  BySubnet,
};

struct Rule {
  MergeMode way = MergeMode::Default;
  ItemKey key = nullptr;  // lists: a later item replaces an earlier one with the same key, in place
  bool pairs = false;     // a mapping, or a list of KEY=VALUE that could not be converted (no interpolation)
  bool texts = false;     // a list, or a single text that was not converted (no interpolation)
};
using Table = RuleTable<Rule>;

std::string by_text(const Node& item) { return item.is_scalar() ? item.text : std::string(); }

std::string by_name(const Node& item) {
  return item.is_scalar() ? item.text.substr(0, item.text.find('=')) : std::string();
}

std::string member_or_text(const Node& item, std::string_view member) {
  return item.is_map() ? std::string(item.text_of(member)) : by_text(item);
}

std::string by_target(const Node& item) { return member_or_text(item, "target"); }
std::string by_path(const Node& item) { return member_or_text(item, "path"); }

std::string by_config_target(const Node& item) {
  std::string target(item.text_of("target"));
  if (!target.empty()) return target;
  std::string source = member_or_text(item, "source");
  return source.empty() ? source : "/" + source;
}

std::string by_secret_target(const Node& item) {
  std::string target(item.text_of("target"));
  if (target.empty()) target = member_or_text(item, "source");
  if (target.empty() || target.starts_with('/')) return target;
  return "/run/secrets/" + target;
}

std::string by_port(const Node& item) {
  if (!item.is_map()) return by_text(item);
  std::string_view address = item.text_of("host_ip");
  std::string key(address.empty() ? "0.0.0.0" : address);
  key += ":" + std::string(item.text_of("published")) + ":" + std::string(item.text_of("target"));
  return key + "/" + std::string(item.text_of("protocol"));
}

const Table::Row kRows[] = {
    {"services.*.annotations", {MergeMode::NullToo, by_name, true}},
    {"services.*.build.additional_contexts", {MergeMode::Default, by_name, true}},
    {"services.*.build.args", {MergeMode::NullToo, by_name, true}},
    {"services.*.build.cache_from", {MergeMode::Default, by_text}},
    {"services.*.build.cache_to", {MergeMode::Default, by_text}},
    {"services.*.build.extra_hosts", {MergeMode::Default, by_text, true}},
    {"services.*.build.labels", {MergeMode::Default, by_name, true}},
    {"services.*.build.platforms", {MergeMode::Default, by_text}},
    {"services.*.build.secrets", {MergeMode::Default, by_secret_target}},
    {"services.*.build.ssh", {MergeMode::Default, by_text}},
    {"services.*.build.tags", {MergeMode::Default, by_text}},
    {"services.*.build.ulimits.*", {MergeMode::MapOrReplace, nullptr}},
    {"services.*.cap_add", {MergeMode::Default, by_text}},
    {"services.*.cap_drop", {MergeMode::Default, by_text}},
    {"services.*.command", {MergeMode::Replace, nullptr}},
    {"services.*.configs", {MergeMode::Default, by_config_target}},
    {"services.*.deploy.labels", {MergeMode::Default, by_name, true}},
    {"services.*.device_cgroup_rules", {MergeMode::Default, by_text}},
    {"services.*.devices", {MergeMode::Default, by_target}},
    {"services.*.dns", {MergeMode::Default, by_text}},
    {"services.*.dns_opt", {MergeMode::Default, by_text}},
    {"services.*.dns_search", {MergeMode::Default, by_text}},
    {"services.*.entrypoint", {MergeMode::Replace, nullptr}},
    {"services.*.env_file", {MergeMode::Default, by_path}},
    {"services.*.environment", {MergeMode::NullToo, by_name, true}},
    {"services.*.expose", {MergeMode::Default, by_text}},
    {"services.*.external_links", {MergeMode::Default, by_text}},
    {"services.*.extra_hosts", {MergeMode::Default, by_text, true}},
    {"services.*.group_add", {MergeMode::Default, by_text}},
    {"services.*.healthcheck.test", {MergeMode::Replace, nullptr}},
    {"services.*.label_file", {MergeMode::Default, by_text}},
    {"services.*.labels", {MergeMode::Default, by_name, true}},
    {"services.*.links", {MergeMode::Default, by_text}},
    {"services.*.logging", {MergeMode::Logging, nullptr}},
    {"services.*.networks.*.aliases", {MergeMode::Default, by_text}},
    {"services.*.networks.*.link_local_ips", {MergeMode::Default, by_text}},
    {"services.*.ports", {MergeMode::Default, by_port}},
    {"services.*.profiles", {MergeMode::Default, by_text}},
    {"services.*.secrets", {MergeMode::Default, by_secret_target}},
    {"services.*.security_opt", {MergeMode::Default, by_text}},
    {"services.*.sysctls", {MergeMode::Default, by_name, true}},
    {"services.*.tmpfs", {MergeMode::Default, by_name, false, true}},
    {"services.*.ulimits.*", {MergeMode::MapOrReplace, nullptr}},
    {"services.*.volumes", {MergeMode::Default, by_target}},
    {"services.*.volumes.*.volume.labels", {MergeMode::Default, by_name, true}},
    {"services.*.volumes_from", {MergeMode::Default, by_text}},
    {"configs.*.labels", {MergeMode::Default, by_name, true}},
    {"networks.*.ipam.config", {MergeMode::BySubnet, nullptr}},
    {"networks.*.labels", {MergeMode::Default, by_name, true}},
    {"secrets.*.labels", {MergeMode::Default, by_name, true}},
    {"volumes.*.labels", {MergeMode::Default, by_name, true}},
};

const Table& table() {
  static const Table made(kRows);
  return made;
}

using Cursor = Table::Cursor;

void text_as_list(Node& node) {
  if (!node.is_scalar()) return;
  Node list = list_node(node.mark);
  list.items.push_back(std::move(node));
  node = std::move(list);
}

// {K: V} as ["K=V"], because without interpolation a list may be merged with a mapping.
Node pairs_as_list(Node map) {
  Node list = list_node(map.mark);
  list.tag = map.tag;
  auto add = [&](const std::string& key, Node value) {
    value.text = value.is_null() ? key : key + "=" + value.text;
    value.kind = NodeKind::Scalar;
    value.string = true;
    list.items.push_back(std::move(value));
  };
  for (Entry& entry : map.entries) {
    std::vector<Node> values = std::move(entry.value.items);
    if (!entry.value.is_list()) values.push_back(std::move(entry.value));
    for (Node& value : values) add(entry.key, std::move(value));
  }
  return list;
}

// Removes tags from added nodes, which have nothing to reset or override.
void drop_tags(Node& node) {
  node.tag = MergeTag::None;
  std::erase_if(node.entries, [](const Entry& entry) { return entry.value.tag == MergeTag::Reset; });
  std::erase_if(node.items, [](const Node& item) { return item.tag == MergeTag::Reset; });
  for (Entry& entry : node.entries) drop_tags(entry.value);
  for (Node& item : node.items) drop_tags(item);
}

class Merger {
 public:
  explicit Merger(Report& report) : report_(report) {}

  void merge(Node& base, Node over, const Cursor& at, const std::string& name) {
    if (over.tag == MergeTag::Override || base.is_invalid() || over.is_invalid())
      return replace(base, std::move(over));
    static constexpr Rule kDefault{};
    const Rule& rule = at.rule() == nullptr ? kDefault : *at.rule();
    if (rule.way == MergeMode::Replace) return replace(base, std::move(over));
    if (over.is_null() && !over.made) return;
    if (base.is_null()) return replace(base, std::move(over));
    if (rule.way == MergeMode::MapOrReplace && base.kind != over.kind) return replace(base, std::move(over));
    if (rule.pairs && base.is_map() && over.is_list()) base = pairs_as_list(std::move(base));
    if (rule.pairs && base.is_list() && over.is_map()) over = pairs_as_list(std::move(over));
    if (rule.texts) {
      text_as_list(base);
      text_as_list(over);
    }
    if (base.kind != over.kind) {
      report_.error(over.mark, "cannot merge " + name + ": " + describe(over) + " over " + describe(base),
                    "use !override to replace the value of " + report_.sources().place(base.mark));
      return;
    }
    if (base.is_map()) {
      bool other_driver = rule.way == MergeMode::Logging && differ(base, over, "driver");
      if (other_driver) return replace(base, std::move(over));
      merge_maps(base, std::move(over), at, rule.way == MergeMode::NullToo);
    } else if (base.is_list()) {
      if (rule.way == MergeMode::BySubnet) return merge_pools(base, std::move(over), at);
      append(base, std::move(over), rule.key);
    } else {
      replace(base, std::move(over));
    }
  }

 private:
  static void replace(Node& base, Node over) {
    drop_tags(over);
    base = std::move(over);
  }

  static bool differ(const Node& base, const Node& over, std::string_view key) {
    std::string_view a = base.text_of(key);
    std::string_view b = over.text_of(key);
    return !a.empty() && !b.empty() && a != b;
  }

  void merge_maps(Node& base, Node over, const Cursor& at, bool null_too) {
    KeyIndex index(base);
    std::unordered_set<std::string> gone;
    std::vector<Entry> added;
    for (Entry& entry : over.entries) {
      Entry* there = index.find(entry.key);
      if (entry.value.tag == MergeTag::Reset) {
        gone.insert(std::move(entry.key));
      } else if (there == nullptr) {
        drop_tags(entry.value);
        added.push_back(std::move(entry));
      } else if (null_too && entry.value.is_null()) {
        there->value = std::move(entry.value);
      } else {
        merge(there->value, std::move(entry.value), at.child(entry.key), entry.key);
      }
    }
    if (!gone.empty())
      std::erase_if(base.entries, [&](const Entry& entry) { return gone.contains(entry.key); });
    for (Entry& entry : added) base.entries.push_back(std::move(entry));
  }

  static void append(Node& base, Node over, ItemKey key_of) {
    if (key_of == nullptr) key_of = json_text;  // drop duplicate items
    std::unordered_map<std::string, size_t> places;
    for (size_t i = 0; i < base.items.size(); ++i) places.emplace(key_of(base.items[i]), i);
    bool any_gone = false;
    for (Node& item : over.items) {
      std::string key = key_of(item);
      auto there = key.empty() ? places.end() : places.find(key);
      if (item.tag == MergeTag::Reset) {
        if (there == places.end()) continue;
        base.items[there->second].tag = MergeTag::Reset;
        any_gone = true;
      } else if (there != places.end()) {
        replace(base.items[there->second], std::move(item));
      } else {
        places.emplace(std::move(key), base.items.size());
        drop_tags(item);
        base.items.push_back(std::move(item));
      }
    }
    if (any_gone) std::erase_if(base.items, [](const Node& item) { return item.tag == MergeTag::Reset; });
  }

  void merge_pools(Node& base, Node over, const Cursor& at) {
    for (Node& pool : over.items) {
      auto same = std::find_if(base.items.begin(), base.items.end(), [&](const Node& one) {
        return one.is_map() && one.text_of("subnet") == pool.text_of("subnet");
      });
      if (same != base.items.end()) {
        merge(*same, std::move(pool), at.any(), "ipam.config");
      } else {
        drop_tags(pool);
        base.items.push_back(std::move(pool));
      }
    }
  }

  Report& report_;
};

// Removes duplicate items within one document's list.
void unite_items(Node& node, const Cursor& at) {
  if (at.none()) return;
  const Rule* rule = at.rule();
  if (node.is_list() && rule != nullptr && rule->key != nullptr) {
    std::unordered_map<std::string, size_t> places;
    std::vector<Node> kept;
    for (Node& item : node.items) {
      std::string key = item.tag == MergeTag::Reset ? std::string() : rule->key(item);
      auto [there, added] = places.emplace(key, kept.size());
      if (added || key.empty()) {
        kept.push_back(std::move(item));
      } else {
        kept[there->second] = std::move(item);
      }
    }
    node.items = std::move(kept);
  }
  for (Entry& entry : node.entries) unite_items(entry.value, at.child(entry.key));
}

Cursor cursor_at(std::string_view pattern) {
  Cursor at = table().root();
  while (!pattern.empty()) {
    size_t dot = pattern.find('.');
    at = at.child(pattern.substr(0, dot));
    pattern = dot == std::string_view::npos ? std::string_view() : pattern.substr(dot + 1);
  }
  return at;
}

}  // namespace

void merge_document(Node& base, Node over, Report& report) {
  unite_items(over, table().root());
  Merger(report).merge(base, std::move(over), table().root(), "the document");
}

void merge_service(Node& base, Node over, Report& report) {
  Merger(report).merge(base, std::move(over), cursor_at("services.*"), "the service");
}

}  // namespace stack::compose
