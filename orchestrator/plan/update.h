// deploy.update_config and deploy.rollback_config: how replicas of a changed service are replaced.
// https://github.com/compose-spec/compose-spec/blob/main/deploy.md#update_config. Pure.
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
  // Minimum run time for accepting a container without a health check; Docker's default.
  Nanoseconds monitor = std::chrono::seconds(5);
  UpdateFailure on_failure = UpdateFailure::Pause;
  double max_failure_ratio = 0;
  UpdateOrder order = UpdateOrder::StopFirst;
};

UpdatePolicy update_policy(const compose::UpdateConfig& config);

// The state of an update after one of its batches.
struct UpdateFacts {
  std::string service;
  bool rollback = false;  // whether this is a rollback
  bool last = false;      // whether this is the last batch
  int replicas = 0;       // number of replicas in the whole update
  int failed = 0;         // failures so far
  std::string first_failure;
};

// Why the update must stop (or, after the last batch, has failed), or nullopt. With `continue`, returns a failure only
// after the last batch.
std::optional<std::string> judge_update(const UpdateFacts& facts, UpdateFailure on_failure,
                                        double max_failure_ratio);

}  // namespace stack::orchestrator
