// Waits for the workloads of a deployment, and opens gates.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "orchestrator/targets/kubernetes/api/deploy.h"

namespace stack::targets::kubernetes {

class Waiter {
 public:
  Waiter(const Resources& resources, const std::string& project, const Conversion& conversion,
         const DeployOptions& options, const EventLines& lines);
  // The actions of the waits, by workload.
  void announce(const std::map<std::string, int>& ids);
  // Until every workload is ready and every Job has ended, or one has failed.
  DeployResult run();
  const std::string& failed_service() const { return failed_service_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Goal {
    const KubeObject* object = nullptr;
    int id = 0;
    bool gated = false;    // opens a gate
    bool awaited = false;  // another service waits for its completion
    bool probed = false;   // has a health check
    std::chrono::seconds healthy_limit{0};
    bool done = false;
    Time problem_since{};  // of a failure that may pass
    Time running_since{};  // of a Job
    Time unhealthy_since{};
    std::string shown;
    WorkloadState state;
  };

  ApiResult<bool> look();  // whether all goals are reached
  void judge(Goal& goal, const std::map<std::string, std::vector<Json>>& pods, const Json& workload,
             Time now);
  ApiResult<std::monostate> open_gates();
  bool has_failed(Goal& goal, Time now) const;
  DeployResult explain(const Goal& goal);

  const Resources& resources_;
  const std::string& project_;
  const Conversion& conversion_;
  const DeployOptions& options_;
  const EventLines& lines_;
  std::vector<Goal> goals_;
  std::set<std::string> open_;
  std::string failed_service_;
};

}  // namespace stack::targets::kubernetes
