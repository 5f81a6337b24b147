// deploy.update_config and deploy.rollback_config: how the replicas of a service are replaced when it
// changed. https://github.com/compose-spec/compose-spec/blob/main/deploy.md#update_config. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/units.h"
#include "orchestrator/compose/project.h"

namespace stack::orchestrator {

enum class UpdateOrder { StopFirst, StartFirst };
enum class UpdateFailure { Pause, Continue, Rollback };

struct UpdatePolicy {
  size_t parallelism = 1;  // 0 = all at once
  Nanoseconds delay{};     // between two batches
  // How long a container without a health check must run to be accepted; Docker's default.
  Nanoseconds monitor = std::chrono::seconds(5);
  UpdateFailure on_failure = UpdateFailure::Pause;
  double max_failure_ratio = 0;
  UpdateOrder order = UpdateOrder::StopFirst;
};

UpdatePolicy update_policy(const compose::UpdateConfig& config);

// How an update stands after one of its batches.
struct UpdateFacts {
  std::string service;
  bool rollback = false;  // a rollback is what is judged
  bool last = false;      // there is no further batch
  int replicas = 0;       // of the whole update
  int failed = 0;         // until now
  std::string first_failure;
};

// Why the update must not go on (or, after the last batch, has failed), or nullopt. With `continue` it is
// told after the last batch only.
std::optional<std::string> judge_update(const UpdateFacts& facts, UpdateFailure on_failure,
                                        double max_failure_ratio);

}  // namespace stack::orchestrator
