// Takes over the containers of a previous engine, and finds what it left behind.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/container/container_removal.h"
#include "engine/container/leftovers.h"
#include "engine/container/supervisor.h"

namespace stack::engine {

class Recovery {
 public:
  Recovery(Context& context, ContainerParts& parts, const ContainerFacts& facts,
           const MonitorRequests& requests, ContainerVolumes& volumes, Supervisor& supervisor,
           ContainerRemoval& removal)
      : context_(context),
        parts_(parts),
        facts_(facts),
        requests_(requests),
        volumes_(volumes),
        supervisor_(supervisor),
        removal_(removal) {}

  // Recovers the state of a previous engine: adopts running containers, completes interrupted work, removes objects
  // known to have no owner, and returns stopped containers that their restart policy starts again. Call once, before
  // serving.
  Task<Result<std::vector<ContainerPtr>>> recover();
  // Objects without an owner, except those that recover() reported as unreadable records. `repair` removes them, except
  // those that a lost record may own. A reported object that has ended is no longer reported.
  Task<std::vector<Leftover>> sweep(bool repair);
  // Removes the remains of a container whose record is lost or unreadable, including its data.
  Task<Result<>> give_up(std::string id);
  // The engine ends intentionally, so monitors must not restart it immediately.
  void leave();
  // Whether any container needs an engine.
  bool any_alive() const;

 private:
  enum class Adoption { Gone, Running, Unreachable };
  Result<> load();
  Task<std::vector<Adoption>> adopt_all(std::vector<ContainerPtr> all);
  // Running: it runs, or its monitor reported its exit.
  Task<Adoption> adopt(ContainerPtr container);
  Task<Result<Fd>> launched_meanwhile(ContainerPtr container);
  Task<Result<runtime::Hello>> reach(ContainerPtr container, std::shared_ptr<ContainerProcess> process);
  Task<Result<runtime::Hello>> take_over(ContainerPtr container, std::shared_ptr<ContainerProcess> process);
  void note_lost(Container& container);
  bool comes_back(Container& container);
  Owners owners() const;
  // Reports what a lost record may own as unreadable records.
  Task<> keep_unowned();
  void forget_ended(std::vector<Leftover>& found);

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
  const MonitorRequests& requests_;
  ContainerVolumes& volumes_;
  Supervisor& supervisor_;
  ContainerRemoval& removal_;
  std::set<std::string> unowned_;  // the unreadable records that are leftovers without a record
  std::map<std::string, Fd> unreadable_monitors_;  // monitors of containers with unreadable records
};

}  // namespace stack::engine
