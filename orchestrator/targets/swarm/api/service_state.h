// The state of a service, from the swarm's answers. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace stack::targets::swarm {

enum class Phase { Waiting, Ready, Failed };

struct ServiceState {
  Phase phase = Phase::Waiting;
  std::string text;        // "1 of 3 tasks are running", "No such image: web:2"
  bool started = false;    // every task has started
  bool healthy = false;    // every task runs and is healthy
  bool completed = false;  // every task has ended with exit code 0
  bool running = false;    // a task runs
  bool problem = false;    // a failure that may pass
  size_t failures = 0;     // tasks of this version that failed
  std::optional<int> exit_code;
  std::string task;  // ID of the task that failed, for its log
};

// `service` is GET /services?status=true, `tasks` its tasks, newest first. `changed`: updated by this deployment, so
// that the result of the update concerns it.
ServiceState judge_service(const Json& service, const std::vector<Json>& tasks, bool changed);

// Whether the service is a job.
bool is_job_service(const Json& service);

// A task as a row of `ps`.
struct TaskRow {
  std::string id;
  std::string name;  // "shop_web.1"
  std::string service;
  std::string image;
  std::string command;
  std::string state;   // "running", "exited", "created", "restarting"
  std::string status;  // "Up 5 minutes (healthy)", "Exited (1) 3 seconds ago: task: non-zero exit (1)"
  std::string health;
  std::string error;
  std::string node;
  std::string created;
  std::string container;
  std::string ports;
  int64_t exit_code = 0;
  bool current = false;  // meant to run
};
// `node_name` of the task's node.
TaskRow task_row(const Json& task, const Json& service, const std::string& node_name, int64_t now);

}  // namespace stack::targets::swarm
