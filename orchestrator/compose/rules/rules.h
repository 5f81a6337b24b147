// Rules about several values: references, cycles, contradictions. One function per rule, one file per subject;
// consistency.cpp lists them.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "orchestrator/compose/select.h"

namespace stack::compose::rules {

// The merged tree of the enabled services, and the report.
class RuleContext {
 public:
  RuleContext(const Node& merged, const Selection& selected, Session& of);

  const Node& tree;
  const Selection& selection;
  Session& session;
  Report& report;
  std::unordered_map<std::string, const Node*> services;
  std::unordered_map<std::string, std::string> container_names;  // names seen so far -> service

  // Whether the value cannot be checked: absent, invalid, or dependent on an unknown variable.
  bool opaque(const Node* node) const;
  // An entry of a top-level section, or null.
  const Node* resource(const char* section, std::string_view name) const;
  std::vector<std::string> names_in(const char* section) const;
  Mark mark_of(const std::string& service) const { return marks_.at(service); }

  // Reports a value that `stack config` can show but the engine cannot run.
  void cannot_run(Mark mark, std::string message, std::string hint = {});
  void undefined(Mark mark, const std::string& service, const char* kind, const char* section,
                 std::string_view name);
  // Checks a reference to another service; `what` describes it: "links to".
  void check_service(Mark mark, const std::string& service, std::string_view target, const std::string& what);
  // Checks the sources of mounted configs or secrets.
  void check_sources(const std::string& service, const Node& list, const char* section, const char* kind);

 private:
  std::string how_to_enable(const std::string& name) const;

  std::unordered_map<std::string, Mark> marks_;
};

bool present(const Node* node);
bool broken(const Node& map, std::string_view key);
bool is_true(const Node* node);
std::optional<double> number(const Node* node);

// Rules for one service.
using ServiceRule = void (*)(RuleContext& rules, const std::string& name, const Node& service);

void image_source(RuleContext& rules, const std::string& name, const Node& service);
void image_text(RuleContext& rules, const std::string& name, const Node& service);
void build(RuleContext& rules, const std::string& name, const Node& service);
void pull_policy(RuleContext& rules, const std::string& name, const Node& service);

void networks(RuleContext& rules, const std::string& name, const Node& service);
void namespaces(RuleContext& rules, const std::string& name, const Node& service);
void published_ports(RuleContext& rules, const std::string& name, const Node& service);
void exposed_ports(RuleContext& rules, const std::string& name, const Node& service);

void files(RuleContext& rules, const std::string& name, const Node& service);
void mounts(RuleContext& rules, const std::string& name, const Node& service);
void volume_sources(RuleContext& rules, const std::string& name, const Node& service);

void dependencies(RuleContext& rules, const std::string& name, const Node& service);
void links(RuleContext& rules, const std::string& name, const Node& service);

void restart_policy(RuleContext& rules, const std::string& name, const Node& service);
void health(RuleContext& rules, const std::string& name, const Node& service);
void watch_rules(RuleContext& rules, const std::string& name, const Node& service);
void hooks(RuleContext& rules, const std::string& name, const Node& service);
void user_namespace(RuleContext& rules, const std::string& name, const Node& service);

void scale(RuleContext& rules, const std::string& name, const Node& service);
void deployed_limits(RuleContext& rules, const std::string& name, const Node& service);
void numbers(RuleContext& rules, const std::string& name, const Node& service);
void device_requests(RuleContext& rules, const std::string& name, const Node& service);
void ulimits(RuleContext& rules, const std::string& name, const Node& service);

void container_name(RuleContext& rules, const std::string& name, const Node& service);
void reserved_labels(RuleContext& rules, const std::string& name, const Node& service);

void runtime_and_platform(RuleContext& rules, const std::string& name, const Node& service);
void build_context(RuleContext& rules, const std::string& name, const Node& service);
void stack_settings(RuleContext& rules, const std::string& name, const Node& service);
void log_driver(RuleContext& rules, const std::string& name, const Node& service);

// Rules for the whole file.
void required_members(RuleContext& rules);
void top_level_resources(RuleContext& rules);
void address_pools(RuleContext& rules, const Entry& network);
void resource_driver(RuleContext& rules, const char* section, const Entry& entry);
void cycles(RuleContext& rules);

}  // namespace stack::compose::rules
