// The implementation of reconcile(): one pass decides about every replica, the next passes create actions and edges.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/plan/plan_builder.h"
#include "orchestrator/plan/reconcile.h"
#include "orchestrator/plan/replicas.h"

namespace stack::orchestrator {

// Whether something happens always, never, or only if one of the images changes.
struct Condition {
  bool surely = false;
  std::vector<ImageChange> if_changed;

  bool possibly() const { return surely || !if_changed.empty(); }
  void add(const Condition& other) {
    surely = surely || other.surely;
    if_changed.insert(if_changed.end(), other.if_changed.begin(), other.if_changed.end());
  }
  // For Action::only_if.
  std::vector<ImageChange> condition() const { return surely ? std::vector<ImageChange>{} : if_changed; }
};

enum class MemberDecision {
  Keep,     // not replaced; may be started or restarted
  Create,   // no container exists
  Replace,  // create a new container and remove the old one
  Finish,   // the new container exists: resume an interrupted Replace
};

// One replica: the decision, then its actions.
struct Member {
  int number = 0;
  MemberDecision fate = MemberDecision::Create;
  const ObservedContainer* current = nullptr;
  const ObservedContainer* replacement = nullptr;  // Finish
  std::string cause;
  Condition replaced;
  Condition restarted;

  std::string name;        // final
  ContainerRef container;  // the container after the plan
  ActionId named = 0;      // the action after which it has its final name
  ActionId create = 0;
  StopSteps ending;  // stops `current`
  ActionId start = 0;
  ActionId started = 0;   // start and its hooks
  ActionId accepted = 0;  // in an update in batches
};

struct ServicePlan {
  const DesiredService* service = nullptr;
  std::vector<Member> members;
  std::vector<const ObservedContainer*> surplus;
  std::vector<const ObservedContainer*> leftovers;
  Condition disturbed;  // a member is replaced or restarted
  bool in_batches = false;
};

// The update of one service while its actions are created: reconcile_update.cpp.
struct Update {
  const UpdatePolicy* policy = nullptr;
  UpdateOrder order = UpdateOrder::StopFirst;
  bool keep_old = false;  // keep old containers until the whole update is accepted
  int sequence = 0;       // sequence of the whole update, with keep_old
  int total = 0;
  size_t batch = 0;
  size_t batches = 0;
  ActionId previous = 0;  // predecessor of this batch
  std::vector<UpdateSteps> steps;
  std::vector<ActionId> checks;
};

class Reconciler {
 public:
  Reconciler(const DesiredState& desired, const ObservedState& observed, const ReconcileOptions& options)
      : desired_(desired), observed_(observed), options_(options), plan_(desired.project) {}

  Plan run();

 private:
  // networks, volumes, images
  void find_changed_networks();
  void plan_networks();
  void remove_changed_networks();
  void plan_volumes();
  void plan_images();
  bool image_is_used(const DesiredImage& image) const;
  void plan_image(const DesiredImage& image);
  std::optional<std::string> build_cause(const DesiredImage& image);
  bool is_wanted(const DesiredImage& image) const;
  void plan_builds_on_top();
  bool plan_build_on_top(const DesiredImage& image);

  // decisions
  void decide(const std::string& name);
  void decide_member(const DesiredService& service, const Replica& replica, Member& member);
  std::optional<std::string> sure_cause(const DesiredService& service,
                                        const ObservedContainer& container) const;
  Condition shared_disturbance(const DesiredService& service) const;
  Condition restart_demanded(const DesiredService& service) const;
  void fill_up(ServicePlan& plan) const;
  void drop_surplus(ServicePlan& plan) const;

  // actions
  void act(const std::string& name);
  void create(const ServicePlan& plan, Member& member);
  void replace(const ServicePlan& plan, Member& member);
  void finish_replacement(const ServicePlan& plan, Member& member);
  void keep(const ServicePlan& plan, Member& member);
  ActionId add_create(const ServicePlan& plan, Member& member);
  void swap(const ServicePlan& plan, Member& member, ContainerRef incoming);
  void order_stop(const ServicePlan& plan, Member& member);
  void put_into_sequence(std::initializer_list<ActionId> ids, const std::vector<ImageChange>& only_if,
                         int sequence);
  void add_start(const ServicePlan& plan, Member& member, const std::string& cause,
                 std::vector<ImageChange> only_if, int sequence);
  void add_pre_start_hooks(ServicePlan& plan);
  bool runs_throughout(const Member& member) const;
  std::vector<ImageChange> start_condition(const ServicePlan& plan) const;
  void rewire_references(ContainerSpec& spec) const;
  // updates in batches
  std::vector<Member*> members_to_update(ServicePlan& plan) const;
  bool updates_in_batches(ServicePlan& plan);
  std::optional<std::string> clash_of(const ServicePlan& plan) const;
  void update(ServicePlan& plan);
  void update_member(const ServicePlan& plan, Update& update, Member& member);
  void take_back_if_not_accepted(const ServicePlan& plan, const Update& update, const Member& member,
                                 const UpdateSteps& steps);
  void close_batch(const ServicePlan& plan, Update& update, const std::vector<ImageChange>& only_if);
  CheckUpdate check_of(const ServicePlan& plan, const Update& update, bool rollback) const;
  void retire(const ServicePlan& plan, Member& member, ActionId after);
  void add_rollback(const ServicePlan& plan, const Update& forward, const std::vector<Member*>& members);
  void roll_back_member(const ServicePlan& plan, Update& back, const Member& member);
  void close_rollback_batch(const ServicePlan& plan, Update& back);
  ActionId contingent(const ServicePlan& plan, ActionBody body, const std::string& cause,
                      const std::vector<ActionId>& if_failed, ActionId if_performed);

  std::string start_cause(const Member& member) const;
  void end(const ObservedContainer& container, const std::string& cause, bool volumes);
  void prepare(const std::string& name);
  std::vector<Edge> gates(const DesiredService& service);
  ActionId gate(const std::string& dependency, Member& member, compose::DependencyCondition condition);
  ActionId wait_once(const std::string& service, const Member& member, ActionBody body,
                     const std::string& cause);
  void order_stops(const std::string& name);
  bool stops_early(const ServicePlan& plan, const Member& member) const;
  bool yields_port(const ServicePlan& plan, const ObservedContainer& holder) const;
  void order_ports();
  void order_names();
  bool uses_changed_network(const DesiredService& service) const;
  void wait_for_all(const std::vector<std::string>& order);
  void plan_orphans();
  bool is_optional(const std::string& name) const;
  void settle_optional();

  const DesiredState& desired_;
  const ObservedState& observed_;
  const ReconcileOptions& options_;
  PlanBuilder plan_;
  std::map<std::string, ServicePlan> services_;
  std::map<std::string, ActionId> images_;                          // reference -> build or pull
  std::map<std::string, ActionId> networks_;                        // real name -> create
  std::map<std::string, ActionId> volumes_;                         // real name -> create
  std::map<std::string, const ObservedNetwork*> changed_networks_;  // real name -> the old one
  std::map<std::string, ActionId> waits_;                           // kind and container -> wait
  std::vector<Edge> prepared_;                                      // requirements of the prepared service
  std::map<const ObservedContainer*, StopSteps> endings_;
  std::map<std::string, ActionId> removals_;  // name of an existing container -> its removal
};

}  // namespace stack::orchestrator
