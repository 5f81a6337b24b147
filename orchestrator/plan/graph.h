// The dependency graph of services: who waits for whom, and for what.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "orchestrator/compose/project.h"

namespace stack::orchestrator {

// service -> what it depends on. Every service is a key; edges to names that are no key are ignored by
// `order`.
class ServiceGraph {
 public:
  using Dependencies = std::map<std::string, compose::Dependency>;

  void add(std::string service, Dependencies depends_on);
  bool contains(const std::string& service) const { return edges_.count(service) != 0; }
  // What `service` itself depends on; empty for an unknown one.
  const Dependencies& dependencies(const std::string& service) const;
  // Who depends directly on `service`, in order of name.
  std::vector<std::string> dependents(const std::string& service) const;
  std::vector<std::string> services() const;

  // Dependencies before dependents; among equals by name. A cycle is an Invalid error whose text is
  // "dependency cycle: a -> b -> a", beginning at the cycle's first name in alphabetical order.
  Result<std::vector<std::string>> order() const;

  // `roots` and all they depend on, directly or not; sorted. Unknown names are left out.
  std::vector<std::string> with_dependencies(const std::vector<std::string>& roots) const;
  // `roots` and all that depend on them, directly or not; sorted.
  std::vector<std::string> with_dependents(const std::vector<std::string>& roots) const;

 private:
  std::map<std::string, Dependencies> edges_;
};

// All enabled services of the project. Dependencies on services that are not enabled are left out.
ServiceGraph service_graph(const compose::Project& project);

// The label com.docker.compose.depends_on: "db:service_healthy:false,cache:service_started:true" (name,
// condition, restart), sorted by name, and back. Parsing is lenient: what is malformed is left out.
std::string depends_on_label(const ServiceGraph::Dependencies& dependencies);
ServiceGraph::Dependencies parse_depends_on_label(std::string_view text);

}  // namespace stack::orchestrator
