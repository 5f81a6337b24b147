// Computes the plan that undoes a plan that failed early.
#include <set>

#include "orchestrator/plan/plan_builder.h"
#include "orchestrator/plan/reconcile.h"

namespace stack::orchestrator {
namespace {

class Undo {
 public:
  Undo(const Plan& plan, const std::vector<bool>& performed, const std::vector<std::string>& ids)
      : plan_(plan), performed_(performed), ids_(ids), builder_(plan.project) {
    builder_.keep_going();
  }

  Plan run() {
    // Objects that replace already stopped or removed ones are kept.
    for (const Action& action : plan_.actions) {
      if (was_performed(action)) note_end(action.body);
    }
    for (const Action& action : plan_.actions) {
      if (was_performed(action)) undo_container(action);
    }
    for (const Action& action : plan_.actions) {
      if (was_performed(action)) undo_resource(action);
    }
    return std::move(builder_).finish();
  }

 private:
  bool was_performed(const Action& action) const {
    size_t index = static_cast<size_t>(action.id - 1);
    return index < performed_.size() && performed_[index];
  }

  void note_end(const ActionBody& body) {
    if (const auto* removal = std::get_if<RemoveContainer>(&body))
      ended_.insert(removal->container.id.text());
    if (const auto* stop = std::get_if<StopContainer>(&body)) ended_.insert(stop->container.id.text());
    if (const auto* removal = std::get_if<RemoveNetwork>(&body)) ended_.insert("network " + removal->name);
  }

  void undo_container(const Action& action) {
    const auto* create = std::get_if<CreateContainer>(&action.body);
    if (!create) return;
    if (!create->replaces.empty() && ended_.count(create->replaces.text())) {
      for (const EndpointSpec& endpoint : create->spec.endpoints) kept_.insert("network " + endpoint.network);
      for (const MountSpec& mount : create->spec.mounts) kept_.insert("volume " + mount.source);
      return;
    }
    size_t index = static_cast<size_t>(action.id - 1);
    ContainerRef container{ContainerId(ids_[index]), 0, create->final_name};
    removals_.push_back(builder_.add(action.service, RemoveContainer{container, true}, "undone"));
  }

  void undo_resource(const Action& action) {
    ActionId id = 0;
    if (const auto* network = std::get_if<CreateNetwork>(&action.body)) {
      std::string key = "network " + network->network.config.name;
      if (!ended_.count(key) && !kept_.count(key)) {
        id = builder_.add("", RemoveNetwork{"", network->network.config.name}, "undone");
      }
    }
    if (const auto* volume = std::get_if<CreateVolume>(&action.body)) {
      if (!kept_.count("volume " + volume->volume.config.name)) {
        id = builder_.add("", RemoveVolume{volume->volume.config.name}, "undone");
      }
    }
    for (ActionId removal : removals_) builder_.after(id, removal);
  }

  const Plan& plan_;
  const std::vector<bool>& performed_;
  const std::vector<std::string>& ids_;
  PlanBuilder builder_;
  std::set<std::string> ended_;
  std::set<std::string> kept_;
  std::vector<ActionId> removals_;
};

}  // namespace

Plan undo(const Plan& plan, const std::vector<bool>& performed, const std::vector<std::string>& ids) {
  return Undo(plan, performed, ids).run();
}

}  // namespace stack::orchestrator
