// Numbers: scale, limits, and devices.
#include <array>
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

void scale(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* scale = service.find("scale");
  const Node* deploy = service.find("deploy");
  const Node* replicas = deploy == nullptr ? nullptr : deploy->find("replicas");
  std::optional<double> a = number(scale);
  std::optional<double> b = number(replicas);
  if (a && b && *a != *b)
    rules.report.error(scale->mark, "service " + name + ": scale and deploy.replicas differ");
  if (a && *a < 0) rules.report.error(scale->mark, "service " + name + ": scale must not be negative");
  if (b && *b < 0)
    rules.report.error(replicas->mark, "service " + name + ": deploy.replicas must not be negative");
  const Node* container = service.find("container_name");
  if (present(container) && (a.value_or(1) > 1 || b.value_or(1) > 1))
    rules.report.error(container->mark,
                       "service " + name + ": container_name cannot be used with more than one container");
}

// A flat attribute and its counterpart in deploy.resources must agree.
void deployed_limits(RuleContext& rules, const std::string& name, const Node& service) {
  struct Pair {
    const char* flat;
    const char* group;
    const char* member;
  };
  static constexpr std::array<Pair, 4> kLimitPairs{{{"cpus", "limits", "cpus"},
                                                    {"mem_limit", "limits", "memory"},
                                                    {"mem_reservation", "reservations", "memory"},
                                                    {"pids_limit", "limits", "pids"}}};
  const Node* deploy = service.find("deploy");
  const Node* resources = deploy == nullptr ? nullptr : deploy->find("resources");
  if (resources == nullptr) return;
  for (const Pair& pair : kLimitPairs) {
    const Node* group = resources->find(pair.group);
    std::optional<double> deployed = number(group == nullptr ? nullptr : group->find(pair.member));
    std::optional<double> flat = number(service.find(pair.flat));
    if (deployed && flat && *deployed != *flat && *flat != 0)
      rules.report.error(service.find(pair.flat)->mark,
                         "service " + name + ": " + pair.flat + " and deploy.resources." + pair.group + "." +
                             pair.member + " differ",
                         "keep one of them");
  }
}

namespace {

std::string whole(double value) { return std::to_string(static_cast<int64_t>(value)); }

}  // namespace

void numbers(RuleContext& rules, const std::string& name, const Node& service) {
  struct Range {
    const char* key;
    double least;
    double most;
  };
  static constexpr std::array<Range, 5> kRanges{{{"oom_score_adj", -1000, 1000},
                                                 {"cpu_percent", 0, 100},
                                                 {"mem_swappiness", 0, 100},
                                                 {"cpus", 0, 1e6},
                                                 {"cpu_count", 0, 1e6}}};
  for (const Range& range : kRanges) {
    std::optional<double> value = number(service.find(range.key));
    if (value && (*value < range.least || *value > range.most))
      rules.cannot_run(service.find(range.key)->mark,
                       "service " + name + ": " + range.key + " is out of range",
                       "expected " + whole(range.least) + " to " + whole(range.most));
  }
  for (const char* key : {"mem_limit", "mem_reservation", "shm_size"}) {
    std::optional<double> value = number(service.find(key));
    if (value && *value < 0)
      rules.cannot_run(service.find(key)->mark, "service " + name + ": " + key + " must not be negative");
  }
}

void device_requests(RuleContext& rules, const std::string& name, const Node& service) {
  auto check = [&](const Node* list) {
    if (list == nullptr) return;
    for (const Node& item : list->items)
      if (present(item.find("count")) && present(item.find("device_ids")))
        rules.report.error(item.mark, "service " + name + ": count and device_ids cannot be used together");
  };
  check(service.find("gpus"));
  const Node* node = &service;
  for (const char* key : {"deploy", "resources", "reservations", "devices"})
    node = node == nullptr ? nullptr : node->find(key);
  check(node);
}

void ulimits(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* map = service.find("ulimits");
  if (map == nullptr) return;
  for (const Entry& entry : map->entries) {
    const Node& limit = entry.value;
    if (!limit.is_map()) continue;
    std::optional<double> soft = number(limit.find("soft"));
    std::optional<double> hard = number(limit.find("hard"));
    for (const char* key : {"soft", "hard"})
      if (limit.find(key) == nullptr)
        rules.report.error(entry.mark,
                           "service " + name + ": ulimit " + entry.key + " has no " + key + " limit");
    if (soft && hard && *hard >= 0 && (*soft > *hard || *soft < 0))
      rules.cannot_run(entry.mark, "service " + name + ": ulimit " + entry.key +
                                       ": the soft limit exceeds the hard limit");
  }
}

}  // namespace stack::compose::rules
