// A machine in memory: projects to plan for, and an observed state to which plans can be applied action by
// action.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orchestrator/plan/desired.h"
#include "orchestrator/plan/observed.h"
#include "orchestrator/plan/plan.h"
#include "orchestrator/plan/reconcile.h"

namespace stack::orchestrator::testing {

// Project "shop" in /srv/shop with one network "default".
compose::Project shop();
// A service on the default network.
compose::Service& add_service(compose::Project& project, const std::string& name, const std::string& image);
void depend(compose::Project& project, const std::string& service, const std::string& on,
            compose::DependencyCondition condition = compose::DependencyCondition::Started,
            bool restart = false, bool required = true);
void add_healthcheck(compose::Service& service);
void publish(compose::Service& service, uint16_t host_port, uint16_t container_port);
void add_volume(compose::Project& project, const std::string& service, const std::string& key,
                const std::string& target);

DesiredState desired(const compose::Project& project, const DesiredOptions& options = {});

class World {
 public:
  World() { state.project = "shop"; }

  ObservedState state;
  // The result of a build or pull by reference; default: "id of <reference>".
  std::map<std::string, std::string> image_results;

  void have_images(const compose::Project& project);
  // Executes at most `limit` actions of the plan, with the checks of a real machine. Returns the errors.
  std::vector<std::string> apply(const Plan& plan, size_t limit = SIZE_MAX);
  // The same in any order that respects the edges; `pick` chooses among the actions that are ready.
  std::vector<std::string> apply_in_order(const Plan& plan, size_t limit,
                                          const std::function<size_t(size_t)>& pick);
  ObservedContainer& container(const std::string& name);
  bool has(const std::string& name) const;

 private:
  friend struct Effect;
  int made_ = 0;
};

// Brings the project up in a new world.
World up(const compose::Project& project, const ReconcileOptions& options = {});

}  // namespace stack::orchestrator::testing
