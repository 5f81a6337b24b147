// The progress of a workload, from its object and its pods. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::targets::kubernetes {

enum class Phase { Waiting, Ready, Failed };

struct WorkloadState {
  Phase phase = Phase::Waiting;
  std::string text;              // "2 of 3 ready", "waiting for db-healthy", "ImagePullBackOff: ..."
  bool problem = false;          // Waiting: `text` is a failure that may pass
  bool started = false;          // a container of the service runs or has run
  bool completed = false;        // Job: succeeded
  bool running = false;          // Job: its container runs now
  std::optional<int> exit_code;  // of a container that failed
  std::string pod;               // the pod that `text` is about
  std::string container;         // and its container
};

// `workload`: null if it does not exist yet. `pods`: all pods with its labels.
WorkloadState judge_workload(const std::string& kind, const Json& workload, const std::vector<Json>& pods);

// A pod as `stack ps` shows it: "Up 5 minutes (healthy)", "Exited (4) 2 minutes ago", "Init:0/2".
struct PodRow {
  std::string name;
  std::string service;
  std::string image;
  std::string command;
  std::string state;  // created, running, restarting, exited
  std::string status;
  std::string health;  // "", healthy, starting
  std::string node;
  std::string address;
  int exit_code = 0;
  int restarts = 0;
  std::string created;  // RFC 3339
  std::vector<std::string> containers;
};
PodRow pod_row(const Json& pod, int64_t now);  // `now`: seconds since 1970

}  // namespace stack::targets::kubernetes
