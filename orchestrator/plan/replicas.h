// Matches observed containers with replicas of a service.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"

namespace stack::orchestrator {

// The name of a container that replaces another: "<first 12 digits of the old id>_<final name>".
std::string temporary_name(const ContainerId& old_id, const std::string& final_name);
bool is_temporary_name(const std::string& name);

// The containers of one replica number.
struct Replica {
  int number = 0;
  const ObservedContainer* current = nullptr;
  // Created to replace `current` by a plan that was interrupted before the removal of `current`.
  const ObservedContainer* replacement = nullptr;
};

struct ReplicaMatch {
  std::vector<Replica> replicas;                    // by number
  std::vector<const ObservedContainer*> leftovers;  // incomplete or duplicate containers, to be removed
};

// Ignores one-off containers.
ReplicaMatch match_replicas(const DesiredService& service, const ObservedState& observed);

}  // namespace stack::orchestrator
