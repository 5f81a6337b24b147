// The dependency graph of services, with the condition of each dependency.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/compose/project.h"

namespace stack::orchestrator {

// service -> its dependencies. Every service is a key; `order` ignores edges to unknown names.
class ServiceGraph {
 public:
  using Dependencies = std::map<std::string, compose::Dependency>;

  void add(std::string service, Dependencies depends_on);
  bool contains(const std::string& service) const { return edges_.count(service) != 0; }
  // The direct dependencies of `service`; empty for an unknown service.
  const Dependencies& dependencies(const std::string& service) const;
  // The direct dependents of `service`, sorted by name.
  std::vector<std::string> dependents(const std::string& service) const;
  std::vector<std::string> services() const;

  // Dependencies before dependents, otherwise sorted by name. A cycle is an Invalid error with the text "dependency
  // cycle: a -> b -> a", which starts at the alphabetically first name.
  Result<std::vector<std::string>> order() const;

  // `roots` and their direct and indirect dependencies; sorted. Unknown names are omitted.
  std::vector<std::string> with_dependencies(const std::vector<std::string>& roots) const;
  // `roots` and their direct and indirect dependents; sorted.
  std::vector<std::string> with_dependents(const std::vector<std::string>& roots) const;

 private:
  std::map<std::string, Dependencies> edges_;
};

// The graph of all enabled services. Dependencies on services that are not enabled are omitted.
ServiceGraph service_graph(const compose::Project& project);

// The label com.docker.compose.depends_on: "db:service_healthy:false,cache:service_started:true" (name,
// condition, restart), sorted by name, and back. The parser skips malformed parts.
std::string depends_on_label(const ServiceGraph::Dependencies& dependencies);
ServiceGraph::Dependencies parse_depends_on_label(std::string_view text);

}  // namespace stack::orchestrator
