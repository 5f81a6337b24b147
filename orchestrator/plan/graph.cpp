#include "orchestrator/plan/graph.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace stack::orchestrator {
namespace {

using Dependencies = ServiceGraph::Dependencies;

// Depth-first walk that visits dependencies before the service itself.
class TopologicalWalk {
 public:
  explicit TopologicalWalk(const std::map<std::string, Dependencies>& edges) : edges_(edges) {}

  Result<> visit(const std::string& service) {
    if (done_.count(service)) return {};
    if (auto at = std::find(path_.begin(), path_.end(), service); at != path_.end()) return cycle_from(at);
    path_.push_back(service);
    for (const auto& [name, dependency] : edges_.at(service)) {
      if (edges_.count(name)) TRY(visit(name));
    }
    path_.pop_back();
    done_.insert(service);
    order_.push_back(service);
    return {};
  }

  std::vector<std::string> take_order() { return std::move(order_); }

 private:
  Error cycle_from(std::vector<std::string>::iterator start) {
    std::vector<std::string> cycle(start, path_.end());
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    cycle.push_back(cycle.front());
    return invalid("dependency cycle: " + join(cycle, " -> "));
  }

  const std::map<std::string, Dependencies>& edges_;
  std::vector<std::string> path_;
  std::set<std::string> done_;
  std::vector<std::string> order_;
};

// All nodes reachable from `roots` over `next`.
template <typename Next>
std::vector<std::string> closure(const std::vector<std::string>& roots, const ServiceGraph& graph,
                                 Next next) {
  std::set<std::string> seen;
  std::vector<std::string> open(roots.begin(), roots.end());
  while (!open.empty()) {
    std::string service = std::move(open.back());
    open.pop_back();
    if (!graph.contains(service) || !seen.insert(service).second) continue;
    for (std::string& name : next(service)) open.push_back(std::move(name));
  }
  return {seen.begin(), seen.end()};
}

bool read_condition(std::string_view text, compose::DependencyCondition& condition) {
  for (auto candidate : {compose::DependencyCondition::Started, compose::DependencyCondition::Healthy,
                         compose::DependencyCondition::CompletedSuccessfully}) {
    if (compose::to_text(candidate) != text) continue;
    condition = candidate;
    return true;
  }
  return false;
}

}  // namespace

void ServiceGraph::add(std::string service, Dependencies depends_on) {
  edges_[std::move(service)] = std::move(depends_on);
}

const Dependencies& ServiceGraph::dependencies(const std::string& service) const {
  static const Dependencies kNone;
  auto at = edges_.find(service);
  return at == edges_.end() ? kNone : at->second;
}

std::vector<std::string> ServiceGraph::dependents(const std::string& service) const {
  std::vector<std::string> found;
  for (const auto& [name, dependencies] : edges_) {
    if (dependencies.count(service)) found.push_back(name);
  }
  return found;
}

std::vector<std::string> ServiceGraph::services() const {
  std::vector<std::string> names;
  for (const auto& [name, dependencies] : edges_) names.push_back(name);
  return names;
}

Result<std::vector<std::string>> ServiceGraph::order() const {
  TopologicalWalk walk(edges_);
  for (const auto& [name, dependencies] : edges_) TRY(walk.visit(name));
  return walk.take_order();
}

std::vector<std::string> ServiceGraph::with_dependencies(const std::vector<std::string>& roots) const {
  return closure(roots, *this, [this](const std::string& service) {
    std::vector<std::string> names;
    for (const auto& [name, dependency] : dependencies(service)) names.push_back(name);
    return names;
  });
}

std::vector<std::string> ServiceGraph::with_dependents(const std::vector<std::string>& roots) const {
  return closure(roots, *this, [this](const std::string& service) { return dependents(service); });
}

ServiceGraph service_graph(const compose::Project& project) {
  ServiceGraph graph;
  for (const auto& [name, service] : project.services) {
    Dependencies enabled;
    for (const auto& [other, dependency] : service.depends_on) {
      if (project.services.count(other)) enabled.emplace(other, dependency);
    }
    graph.add(name, std::move(enabled));
  }
  return graph;
}

std::string depends_on_label(const Dependencies& dependencies) {
  std::vector<std::string> parts;
  for (const auto& [name, dependency] : dependencies) {
    parts.push_back(name + ":" + std::string(compose::to_text(dependency.condition)) +
                    (dependency.restart ? ":true" : ":false"));
  }
  return join(parts, ",");
}

Dependencies parse_depends_on_label(std::string_view text) {
  Dependencies dependencies;
  for (const std::string& part : split(text, ',')) {
    std::vector<std::string> fields = split(part, ':');
    if (fields[0].empty()) continue;
    compose::Dependency dependency;
    if (fields.size() > 1 && !read_condition(fields[1], dependency.condition)) continue;
    if (fields.size() > 2) dependency.restart = fields[2] == "true";
    dependencies.emplace(fields[0], dependency);
  }
  return dependencies;
}

}  // namespace stack::orchestrator
