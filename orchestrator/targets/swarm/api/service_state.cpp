#include "orchestrator/targets/swarm/api/service_state.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/units.h"

namespace stack::targets::swarm {

namespace {

const Json& below(const Json& object, std::string_view key) {
  static const Json null;
  if (!object.is_object()) return null;
  auto found = object.find(key);
  return found == object.end() ? null : *found;
}

template <typename... Keys>
const Json& below(const Json& object, std::string_view key, std::string_view next, Keys... keys) {
  return below(below(object, key), next, keys...);
}

std::string state_of(const Json& task) { return string_or(below(task, "Status"), "State"); }
bool wanted(const Json& task) { return string_or(task, "DesiredState") != "remove"; }
bool has_failed(const std::string& state) {
  return state == "failed" || state == "rejected" || state == "orphaned";
}

// From the start of the container on.
bool has_started(const std::string& state) {
  return state == "starting" || state == "running" || state == "complete";
}

int exit_code_of_task(const Json& task) {
  return static_cast<int>(int_or(below(task, "Status", "ContainerStatus"), "ExitCode"));
}

std::string error_of(const Json& task) {
  std::string text = string_or(below(task, "Status"), "Err");
  return text.empty() ? string_or(below(task, "Status"), "Message") : text;
}

Json without(Json spec) {
  if (!spec.is_object()) return spec;
  // A changed placement does not replace tasks on nodes that fit; the runtime is not part of a task.
  for (const char* key : {"Runtime", "Placement"}) spec.erase(key);
  return spec;
}

struct Counted {
  size_t started = 0, running = 0, completed = 0, failed = 0;
  const Json* failure = nullptr;  // the newest one
  const Json* waiting = nullptr;  // a task that cannot be placed
  std::string doing;              // state of a task on its way
};

// The tasks of the service's present version.
std::vector<const Json*> current_tasks(const Json& service, const std::vector<Json>& tasks, bool job) {
  std::vector<const Json*> out;
  Json spec = without(below(service, "Spec", "TaskTemplate"));
  int64_t iteration = int_or(below(service, "JobStatus", "JobIteration"), "Index");
  for (const Json& task : tasks) {
    bool same = job ? int_or(below(task, "JobIteration"), "Index") == iteration
                    : without(below(task, "Spec")) == spec;
    if (same && wanted(task)) out.push_back(&task);
  }
  return out;
}

Counted count(const std::vector<const Json*>& tasks) {
  Counted out;
  for (const Json* task : tasks) {
    std::string state = state_of(*task);
    bool active = string_or(*task, "DesiredState") == "running" ||
                  string_or(*task, "DesiredState") == "complete" ||
                  string_or(*task, "DesiredState") == "ready";
    if (state == "complete") ++out.completed;
    if (active && has_started(state)) ++out.started;
    if (active && state == "running") ++out.running;
    if (has_failed(state)) {
      ++out.failed;
      if (out.failure == nullptr) out.failure = task;
    } else if (active && state == "pending" && !string_or(below(*task, "Status"), "Err").empty()) {
      out.waiting = task;
    } else if (active && state != "running" && state != "complete" && out.doing.empty()) {
      out.doing = state;
    }
  }
  return out;
}

size_t wanted_tasks(const Json& service) {
  const Json& mode = below(service, "Spec", "Mode");
  if (mode.contains("Replicated"))
    return static_cast<size_t>(std::max<int64_t>(0, int_or(below(mode, "Replicated"), "Replicas", 1)));
  if (mode.contains("ReplicatedJob"))
    return static_cast<size_t>(
        std::max<int64_t>(1, int_or(below(mode, "ReplicatedJob"), "TotalCompletions", 1)));
  const Json& status = below(service, "ServiceStatus");
  // A global job's tasks are no longer desired once they have completed.
  if (mode.contains("GlobalJob"))
    return static_cast<size_t>(
        std::max<int64_t>(1, std::max(int_or(status, "DesiredTasks"), int_or(status, "CompletedTasks"))));
  return static_cast<size_t>(std::max<int64_t>(1, int_or(status, "DesiredTasks")));
}

std::string condition_text(const Json& service) {
  return string_or(below(service, "Spec", "TaskTemplate", "RestartPolicy"), "Condition", "any");
}

std::string failure_text(const Json& task) {
  std::string text = error_of(task);
  constexpr std::string_view kPrefix = "task: ";
  if (text.starts_with("starting container failed: ")) return text;
  if (state_of(task) == "failed" && text.starts_with("task: non-zero exit") &&
      text.find("unhealthy") == std::string::npos)
    return "exited with code " + std::to_string(exit_code_of_task(task));
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
}

void note_failure(ServiceState& out, const Json& task) {
  out.task = string_or(task, "ID");
  out.text = failure_text(task);
  int code = exit_code_of_task(task);
  if (code != 0) out.exit_code = code;
}

// After a rollback, the tasks of the failed version are no longer current.
const Json* newest_failure(const std::vector<Json>& tasks) {
  for (const Json& task : tasks)
    if (has_failed(state_of(task))) return &task;
  return nullptr;
}

void judge_update(const Json& service, const std::vector<Json>& tasks, ServiceState& out) {
  const Json* failure = newest_failure(tasks);
  std::string state = string_or(below(service, "UpdateStatus"), "State");
  if (state == "updating" || state == "rollback_started") {
    if (out.phase == Phase::Ready) out.phase = Phase::Waiting;
    if (out.text.empty()) out.text = state == "updating" ? "updating" : "rolling back";
  } else if (state == "paused" || state == "rollback_paused" || state == "rollback_completed") {
    out.phase = Phase::Failed;
    std::string cause =
        failure != nullptr ? failure_text(*failure) : string_or(below(service, "UpdateStatus"), "Message");
    if (failure != nullptr) note_failure(out, *failure);
    out.text = cause + (state == "rollback_completed" ? "; rolled back to the previous version"
                        : state == "paused"           ? "; the update is paused"
                                                      : "; the rollback is paused");
  }
}

void judge_progress(ServiceState& out, const Counted& counted, size_t goal, std::string_view verb,
                    bool checked) {
  if (counted.waiting != nullptr) {
    out.problem = true;
    out.text = error_of(*counted.waiting);
  } else if (counted.failure != nullptr && counted.running == 0 && counted.started == 0) {
    out.problem = true;
    note_failure(out, *counted.failure);
  } else {
    size_t have = verb == "completed" ? counted.completed : counted.running;
    out.text = goal == 1 && !counted.doing.empty()
                   ? (counted.doing == "starting" && checked ? "not healthy yet" : counted.doing)
                   : std::to_string(have) + " of " + std::to_string(goal) + " tasks " +
                         (verb == "completed" ? "have completed" : "are running");
  }
}

// "Up 3 minutes", from the task's last change.
std::string since(const Json& task, int64_t now) {
  auto time = parse_rfc3339(string_or(below(task, "Status"), "Timestamp"));
  if (!time) return "";
  int64_t then = std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
  return human_duration(std::chrono::seconds(std::max<int64_t>(0, now - then)));
}

std::string words_of(const Json& list) {
  std::vector<std::string> out;
  if (list.is_array())
    for (const Json& word : list)
      if (word.is_string()) out.push_back(word.get<std::string>());
  return join(out, " ");
}

std::string port_text(const Json& port) {
  std::string published = std::to_string(int_or(port, "PublishedPort"));
  return "*:" + published + "->" + std::to_string(int_or(port, "TargetPort")) + "/" +
         string_or(port, "Protocol", "tcp");
}

std::string ports_of(const Json& task, const Json& service) {
  std::vector<std::string> out;
  for (const Json& ports :
       {below(task, "Status", "PortStatus", "Ports"), below(service, "Endpoint", "Ports")})
    if (ports.is_array())
      for (const Json& port : ports)
        if (int_or(port, "PublishedPort") > 0) out.push_back(port_text(port));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return join(out, ", ");
}

void fill_state(TaskRow& row, const Json& task, int64_t now) {
  std::string state = state_of(task);
  std::string age = since(task, now);
  row.error = string_or(below(task, "Status"), "Err");
  row.exit_code = exit_code_of_task(task);
  bool checked = below(task, "Spec", "ContainerSpec", "Healthcheck").is_object();
  if (state == "running") {
    row.state = "running";
    row.health = checked ? "healthy" : "";
    row.status = "Up " + age + (checked ? " (healthy)" : "");
  } else if (state == "starting") {
    row.state = "running";
    row.health = checked ? "starting" : "";
    row.status = "Up " + age + (checked ? " (health: starting)" : "");
  } else if (state == "complete" || state == "failed" || state == "shutdown" || state == "rejected" ||
             state == "orphaned" || state == "remove") {
    row.state = "exited";
    row.status = state == "rejected" ? "Rejected " + age + " ago"
                                     : "Exited (" + std::to_string(row.exit_code) + ") " + age + " ago";
    if (!row.error.empty()) row.status += ": " + row.error;
  } else {
    row.state = "created";
    row.status = upper(state.substr(0, 1)) + (state.empty() ? "" : state.substr(1)) + " " + age;
    if (!row.error.empty()) row.status += ": " + row.error;
  }
}

}  // namespace

bool is_job_service(const Json& service) {
  const Json& mode = below(service, "Spec", "Mode");
  return mode.is_object() && (mode.contains("ReplicatedJob") || mode.contains("GlobalJob"));
}

ServiceState judge_service(const Json& service, const std::vector<Json>& tasks, bool changed) {
  ServiceState out;
  bool job = is_job_service(service);
  Counted counted = count(current_tasks(service, tasks, job));
  size_t goal = wanted_tasks(service);
  std::string condition = condition_text(service);
  bool checked = below(service, "Spec", "TaskTemplate", "ContainerSpec", "Healthcheck").is_object();
  out.running = counted.running > 0;
  out.failures = counted.failed;
  out.started = counted.started + counted.completed >= goal;
  out.healthy = counted.running >= goal && goal > 0;
  out.completed = counted.completed >= goal && goal > 0;
  if (job || condition == "none") {
    bool can_retry = condition != "none";
    if (out.completed) {
      out.phase = Phase::Ready;
    } else if (counted.failed > 0 && !can_retry) {
      out.phase = Phase::Failed;
      note_failure(out, *counted.failure);
    } else if (!job && counted.running + counted.completed >= goal) {
      out.phase = Phase::Ready;
    } else {
      judge_progress(out, counted, goal, job ? "completed" : "running", checked);
    }
    return out;
  }
  if (counted.running >= goal || (condition == "on-failure" && counted.running + counted.completed >= goal)) {
    out.phase = Phase::Ready;
  } else {
    judge_progress(out, counted, goal, "running", checked);
  }
  if (changed || string_or(below(service, "UpdateStatus"), "State") == "updating")
    judge_update(service, tasks, out);
  return out;
}

TaskRow task_row(const Json& task, const Json& service, const std::string& node_name, int64_t now) {
  TaskRow row;
  const Json& spec = below(task, "Spec", "ContainerSpec");
  // Slots of jobs begin at 0.
  const Json& mode = below(service, "Spec", "Mode");
  int64_t slot = int_or(task, "Slot") + (mode.is_object() && mode.contains("ReplicatedJob") ? 1 : 0);
  row.id = string_or(task, "ID");
  row.service = string_or(below(service, "Spec", "Labels"), "stack.service");
  std::string whole = string_or(below(service, "Spec"), "Name");
  std::string project = string_or(below(service, "Spec", "Labels"), "com.docker.stack.namespace");
  if (row.service.empty())
    row.service = whole.starts_with(project + "_") ? whole.substr(project.size() + 1) : whole;
  row.name = whole + "." + (slot > 0 ? std::to_string(slot) : node_name);
  row.image = string_or(spec, "Image");
  row.command = words_of(below(spec, "Command"));
  std::string args = words_of(below(spec, "Args"));
  if (!args.empty()) row.command += (row.command.empty() ? "" : " ") + args;
  row.node = node_name;
  row.created = string_or(task, "CreatedAt");
  row.container = string_or(below(task, "Status", "ContainerStatus"), "ContainerID");
  std::string desired = string_or(task, "DesiredState");
  row.current = desired == "running" || desired == "ready" || desired == "accepted" || desired == "complete";
  fill_state(row, task, now);
  if (row.state == "running") row.ports = ports_of(task, service);
  return row;
}

}  // namespace stack::targets::swarm
