// References between services, and their cycles.
#include <unordered_set>
#include "orchestrator/compose/rules/rules.h"

namespace stack::compose::rules {

void dependencies(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* map = service.find("depends_on");
  if (map == nullptr) return;
  for (const Entry& entry : map->entries) {
    const Node& dependency = entry.value;
    if (dependency.made || !dependency.is_map()) continue;  // references are checked at their position
    bool optional = dependency.text_of("required") == "false";
    bool known = rules.services.contains(entry.key) || rules.selection.disabled.contains(entry.key);
    bool left_out = rules.selection.disabled.contains(entry.key) &&
                    rules.selection.disabled.at(entry.key).reason == DisabledReason::NotSelected;
    if (!(optional && known) && !left_out) rules.check_service(entry.mark, name, entry.key, "depends on");
    if (dependency.find("condition") == nullptr)
      rules.report.error(entry.mark,
                         "service " + name + ": the dependency on " + entry.key + " has no condition",
                         "add condition: service_started");
  }
}

void links(RuleContext& rules, const std::string& name, const Node& service) {
  const Node* list = service.find("links");
  if (list == nullptr) return;
  for (const Node& item : list->items)
    if (!rules.opaque(&item))
      rules.check_service(item.mark, name, item.text.substr(0, item.text.find(':')), "links to");
}

namespace {

class CycleSearch {
 public:
  explicit CycleSearch(RuleContext& rules) : rules_(rules) {}

  void run() {
    const Node* services = rules_.tree.find("services");
    if (services == nullptr) return;
    for (const Entry& entry : services->entries)
      if (!visited_.contains(entry.key) && !search(entry.key)) return;
  }

 private:
  // Depth first without recursion, because a chain may be as long as the file. False after reporting a cycle.
  bool search(const std::string& start) {
    struct Frame {
      std::string name;
      size_t next = 0;
    };
    std::vector<Frame> path{{start, 0}};
    std::unordered_set<std::string> on_path{start};
    while (!path.empty()) {
      Frame& frame = path.back();
      const Node* dependencies = dependencies_of(frame.name);
      if (dependencies == nullptr || frame.next >= dependencies->entries.size()) {
        on_path.erase(frame.name);
        visited_.insert(frame.name);
        path.pop_back();
        continue;
      }
      const Entry& edge = dependencies->entries[frame.next++];
      if (on_path.contains(edge.key)) {
        std::string shown;
        bool inside = false;
        for (const Frame& step : path) {
          inside = inside || step.name == edge.key;
          if (inside) shown += step.name + " -> ";
        }
        rules_.report.error(edge.mark, "dependency cycle: " + shown + edge.key);
        return false;
      }
      if (!visited_.contains(edge.key) && rules_.services.contains(edge.key)) {
        on_path.insert(edge.key);
        path.push_back({edge.key, 0});
      }
    }
    return true;
  }

  const Node* dependencies_of(const std::string& name) const {
    auto found = rules_.services.find(name);
    return found == rules_.services.end() ? nullptr : found->second->find("depends_on");
  }

  RuleContext& rules_;
  std::unordered_set<std::string> visited_;
};

}  // namespace

void cycles(RuleContext& rules) { CycleSearch(rules).run(); }

}  // namespace stack::compose::rules
