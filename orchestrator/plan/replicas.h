// Which observed container is which replica of a service, and whether it is what it shall be.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

// While it replaces another, a container is called "<first 12 digits of the old id>_<final name>".
std::string temporary_name(const std::string& old_id, const std::string& final_name);
bool is_temporary_name(const std::string& name);

// The containers that count for one number of a service.
struct Replica {
  int number = 0;
  const ObservedContainer* current = nullptr;
  // Made to replace `current` by a plan that was interrupted before `current` was removed.
  const ObservedContainer* replacement = nullptr;
};

struct ReplicaMatch {
  std::vector<Replica> replicas;                    // by number
  std::vector<const ObservedContainer*> leftovers;  // half-made or double: to be removed
};

// One-off containers are left out.
ReplicaMatch match_replicas(const DesiredService& service, const ObservedState& observed);

// Why the container is not what the service shall be now, or nullopt: "config changed: environment.DEBUG".
// The image is compared with the local one of that name.
std::optional<std::string> divergence(const DesiredService& service, const ObservedContainer& container,
                                      const ObservedState& observed);

}  // namespace stack::orchestrator
