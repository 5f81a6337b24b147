// Objects of an API server by kind and name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/targets/kubernetes/api/connection.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::targets::kubernetes {

inline constexpr std::string_view kFieldManager = "stack";

// "/apis/apps/v1/namespaces/shop/deployments/web"; without a name, the collection. nullopt for an unknown kind.
std::optional<std::string> resource_path(const std::string& kind, const std::string& name_space,
                                         const std::string& name = "");
// The kinds that a project can have, in the order in which they are removed.
std::vector<std::string> project_kinds();
// "key=value" for a query, percent-encoded.
std::string label_query(const std::string& project, const std::string& service = "");

// A namespace of a cluster.
class Resources {
 public:
  Resources(Connection& connection, std::string name_space)
      : connection_(connection), name_space_(std::move(name_space)) {}

  Connection& connection() const { return connection_; }
  const std::string& name_space() const { return name_space_; }

  // nullopt if it does not exist.
  ApiResult<std::optional<Json>> find(const std::string& kind, const std::string& name) const;
  // The project's objects of a kind; empty if the cluster does not know the kind.
  ApiResult<std::vector<Json>> list(const std::string& kind, const std::string& project,
                                    const std::string& service = "") const;
  // Server-side apply with strict field validation; returns the object as it is then, or would be.
  ApiResult<Json> apply(const KubeObject& object, bool dry_run, bool force = false) const;
  // Succeeds if the object does not exist. Its dependents are removed after it.
  ApiResult<std::monostate> remove(const std::string& kind, const std::string& name) const;
  ApiResult<std::vector<Json>> events(const std::string& kind, const std::string& name) const;

 private:
  Connection& connection_;
  std::string name_space_;
};

}  // namespace stack::targets::kubernetes
