// Builds a plan from actions and edges in any order; `finish` sorts and numbers them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"

namespace stack::orchestrator {

class PlanBuilder {
 public:
  explicit PlanBuilder(std::string project);

  // IDs are provisional until `finish`. The reference returned by operator[] is valid until the next add.
  ActionId add(const std::string& service, ActionBody body, std::string cause);
  const Action& operator[](ActionId id) const { return plan_.actions[static_cast<size_t>(id - 1)]; }
  Action& operator[](ActionId id) { return plan_.actions[static_cast<size_t>(id - 1)]; }

  ActionId size() const { return static_cast<ActionId>(plan_.actions.size()); }

  // Orders `action` after `earlier`. No effect if either is 0 or both are the same.
  void after(ActionId action, ActionId earlier, bool soft = false);
  void after(ActionId action, const std::vector<Edge>& earlier);

  // Makes `action` contingent on the failure of one of these; zeros are ignored.
  void only_if_failed(ActionId action, const std::vector<ActionId>& ids);

  int new_sequence() { return ++sequences_; }
  void warn(std::string text) { plan_.warnings.push_back(std::move(text)); }
  void keep_going() { plan_.keep_going = true; }
  bool keeps_going() const { return plan_.keep_going; }

  // Sorts predecessors first, otherwise in insertion order; numbers IDs from 1 without gaps; sorts edges, and a hard
  // edge overrides a soft one. Drops edges that would close a cycle.
  Plan finish() &&;

 private:
  Plan plan_;
  int sequences_ = 0;
};

ContainerRef ref_to(const ObservedContainer& container);

// The actions that stop an observed container. 0 = no such action.
struct StopSteps {
  ActionId hook = 0;  // pre_stop
  ActionId stop = 0;
  // The first of the two actions.
  ActionId first() const { return hook != 0 ? hook : stop; }
};
// Runs its pre_stop hooks and stops it, if it is running. It stops although a hook fails, which is a warning, or a
// failure of a plan that keeps going.
StopSteps add_stop(PlanBuilder& plan, const ObservedContainer& container,
                   std::optional<std::chrono::seconds> timeout, const std::string& cause);
// The same for a container that the plan starts again.
StopSteps add_stop_before_start(PlanBuilder& plan, const ObservedContainer& container,
                                std::optional<std::chrono::seconds> timeout, const std::string& cause);
// Removes the container after `ending`.
ActionId add_remove(PlanBuilder& plan, const ObservedContainer& container, const StopSteps& ending,
                    bool volumes, const std::string& cause);

}  // namespace stack::orchestrator
