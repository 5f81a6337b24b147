// Tables of rules: a path pattern such as "services.*.ports.*" and its rule.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestrator/compose/tree.h"

namespace stack::compose {

// Maps path patterns to rules, for walking along a tree. `*` matches any key and list items; a named step has precedence.
// Built once from a table; the table's texts must outlive it.
template <typename Rule>
class RuleTable {
 public:
  struct Row {
    const char* pattern;
    Rule rule;
  };

  explicit RuleTable(std::span<const Row> rows) : steps_(1) {
    for (const Row& row : rows) add(row);
    for (Step& step : steps_)
      std::sort(step.children.begin(), step.children.end(),
                [](const Child& a, const Child& b) { return before(a.first, b.first); });
  }

  class Cursor {
   public:
    // Whether there is no rule here or below.
    bool none() const { return table_ == nullptr; }
    const Rule* rule() const { return none() ? nullptr : table_->steps_[at_].rule; }
    Cursor child(std::string_view key) const {
      if (none()) return {};
      const Step& step = table_->steps_[at_];
      auto found = std::lower_bound(
          step.children.begin(), step.children.end(), key,
          [](const Child& child, std::string_view name) { return before(child.first, name); });
      if (found != step.children.end() && found->first == key) return Cursor(table_, found->second);
      return any();
    }
    // The step `*`.
    Cursor any() const {
      if (none() || table_->steps_[at_].any == 0) return {};
      return Cursor(table_, table_->steps_[at_].any);
    }
    bool has_any() const { return !none() && table_->steps_[at_].any != 0; }
    // The named steps, sorted.
    std::vector<std::string> names() const {
      std::vector<std::string> out;
      if (!none())
        for (const auto& child : table_->steps_[at_].children) out.emplace_back(child.first);
      std::sort(out.begin(), out.end());
      return out;
    }
    bool has_names() const { return !none() && !table_->steps_[at_].children.empty(); }
    Cursor() = default;

   private:
    friend class RuleTable;
    Cursor(const RuleTable* table, size_t at) : table_(table), at_(at) {}
    const RuleTable* table_ = nullptr;
    size_t at_ = 0;
  };

  Cursor root() const { return Cursor(this, 0); }

 private:
  using Child = std::pair<std::string_view, size_t>;
  struct Step {
    const Rule* rule = nullptr;
    size_t any = 0;
    std::vector<Child> children;  // in the order of before()
  };

  // Compares lengths first: most names differ in length.
  static bool before(std::string_view a, std::string_view b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  }

  void add(const Row& row) {
    size_t at = 0;
    std::string_view rest = row.pattern;
    while (!rest.empty()) {
      size_t dot = rest.find('.');
      at = step_into(at, rest.substr(0, dot));
      rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    }
    steps_[at].rule = &row.rule;
  }

  size_t step_into(size_t at, std::string_view name) {
    if (name == "*" && steps_[at].any != 0) return steps_[at].any;
    for (const auto& child : steps_[at].children)
      if (child.first == name) return child.second;
    size_t made = steps_.size();
    steps_.emplace_back();
    if (name == "*") {
      steps_[at].any = made;
    } else {
      steps_[at].children.emplace_back(name, made);
    }
    return made;
  }

  std::vector<Step> steps_;
};

// Calls visit(node, rule) for every node that has a rule, parents before children. The walk includes changes made by
// visit.
template <typename Rule, typename Visit>
void apply_rules(Node& node, typename RuleTable<Rule>::Cursor at, Visit&& visit) {
  if (at.none() || node.is_invalid()) return;
  if (const Rule* rule = at.rule()) visit(node, *rule);
  for (Entry& entry : node.entries) apply_rules<Rule>(entry.value, at.child(entry.key), visit);
  for (Node& item : node.items) apply_rules<Rule>(item, at.any(), visit);
}

// "services.web.ports.0" for messages.
std::string path_text(std::span<const std::string_view> path);

}  // namespace stack::compose
