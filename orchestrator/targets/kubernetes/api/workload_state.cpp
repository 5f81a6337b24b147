#include "orchestrator/targets/kubernetes/api/workload_state.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"
#include "base/units.h"
#include "orchestrator/targets/kubernetes/convert.h"

namespace stack::targets::kubernetes {

namespace {

// More restarts of a container that never became ready are a failure.
constexpr int64_t kMostRestarts = 3;

const Json& at(const Json& object, std::string_view key) {
  static const Json none = nullptr;
  if (!object.is_object()) return none;
  auto found = object.find(key);
  return found == object.end() ? none : *found;
}

const Json& list_at(const Json& object, std::string_view key) {
  static const Json empty = Json::array();
  const Json& found = at(object, key);
  return found.is_array() ? found : empty;
}

// The condition of a type, or null.
const Json& condition(const Json& object, std::string_view type) {
  static const Json none = nullptr;
  for (const Json& one : list_at(at(object, "status"), "conditions"))
    if (string_or(one, "type") == type) return one;
  return none;
}

bool holds(const Json& object, std::string_view type) {
  return string_or(condition(object, type), "status") == "True";
}

bool is_going(const Json& pod) { return !at(at(pod, "metadata"), "deletionTimestamp").is_null(); }

bool is_hard(const std::string& reason) {
  constexpr std::string_view kReasons[] = {
      "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
      "ImageInspectError", "RegistryUnavailable", "CreateContainerError",     "CreateContainerConfigError",
      "RunContainerError", "StartError",          "SignatureValidationFailed"};
  return std::find(std::begin(kReasons), std::end(kReasons), reason) != std::end(kReasons);
}

void note_terminated(const Json& status, WorkloadState& out) {
  for (const char* key : {"state", "lastState"}) {
    const Json& terminated = at(at(status, key), "terminated");
    if (!terminated.is_object()) continue;
    int64_t code = int_or(terminated, "exitCode");
    if (code != 0) {
      out.exit_code = static_cast<int>(code);
      return;
    }
  }
}

// Describes the reason why a container is not ready, or its failure. Returns false if there is nothing to report.
bool describe_container(const Json& status, bool init, WorkloadState& out) {
  std::string name = string_or(status, "name");
  const Json& waiting = at(at(status, "state"), "waiting");
  std::string reason = string_or(waiting, "reason");
  out.container = name;
  if (is_hard(reason)) {
    std::string message = string_or(waiting, "message");
    out.text = reason + (message.empty() ? "" : ": " + message);
    out.problem = true;
    return true;
  }
  int64_t restarts = int_or(status, "restartCount");
  if (reason == "CrashLoopBackOff" || (restarts > 0 && !bool_or(status, "ready") && !init)) {
    note_terminated(status, out);
    out.text = "restarted " + std::to_string(restarts) + (restarts == 1 ? " time" : " times");
    if (out.exit_code) out.text += ", last exit code " + std::to_string(*out.exit_code);
    if (restarts >= kMostRestarts) {
      out.phase = Phase::Failed;
      if (!out.exit_code)
        out.text += " after exit code 0; a service that is meant to end needs `restart: \"no\"`";
    }
    return true;
  }
  const Json& terminated = at(at(status, "state"), "terminated");
  if (terminated.is_object() && int_or(terminated, "exitCode") != 0) {
    note_terminated(status, out);
    out.text = (init ? name + " exited with code " : std::string("exited with code ")) +
               std::to_string(*out.exit_code);
    return true;
  }
  // A started init container is a sidecar.
  if (init && at(at(status, "state"), "running").is_object() && !bool_or(status, "started")) {
    out.text = name.starts_with("wait-") ? "waiting for " + name.substr(5) : "running " + name;
    return true;
  }
  return false;
}

void describe_pod(const Json& pod, WorkloadState& out) {
  out.pod = string_or(at(pod, "metadata"), "name");
  // Only a kubelet writes the states of containers.
  bool on_node = !list_at(at(pod, "status"), "containerStatuses").empty() ||
                 !list_at(at(pod, "status"), "initContainerStatuses").empty();
  const Json& scheduled = condition(pod, "PodScheduled");
  if (!on_node && string_or(scheduled, "status") == "False") {
    out.text = "not scheduled: " + string_or(scheduled, "message");
    return;
  }
  for (const Json& status : list_at(at(pod, "status"), "initContainerStatuses"))
    if (describe_container(status, true, out)) return;
  for (const Json& status : list_at(at(pod, "status"), "containerStatuses"))
    if (!bool_or(status, "ready") && describe_container(status, false, out)) return;
  out.container.clear();
  bool runs = false;
  for (const Json& status : list_at(at(pod, "status"), "containerStatuses"))
    runs = runs || at(at(status, "state"), "running").is_object();
  if (out.text.empty()) out.text = runs ? "not healthy yet" : "starting";
}

bool has_started(const Json& pod) {
  const Json& statuses = list_at(at(pod, "status"), "containerStatuses");
  return std::any_of(statuses.begin(), statuses.end(), [](const Json& status) {
    const Json& state = at(status, "state");
    return at(state, "running").is_object() || at(state, "terminated").is_object() ||
           int_or(status, "restartCount") > 0;
  });
}

bool runs_now(const Json& pod) {
  const Json& statuses = list_at(at(pod, "status"), "containerStatuses");
  return !statuses.empty() && std::all_of(statuses.begin(), statuses.end(), [](const Json& status) {
    return at(at(status, "state"), "running").is_object();
  });
}

// The newest pod that is not ready says why the workload is not.
void describe_pods(const std::vector<Json>& pods, WorkloadState& out) {
  const Json* newest = nullptr;
  for (const Json& pod : pods) {
    out.started = out.started || has_started(pod);
    if (is_going(pod) || holds(pod, "Ready") || string_or(at(pod, "status"), "phase") == "Succeeded")
      continue;
    if (newest == nullptr || string_or(at(pod, "metadata"), "creationTimestamp") >=
                                 string_or(at(*newest, "metadata"), "creationTimestamp"))
      newest = &pod;
  }
  if (newest != nullptr) describe_pod(*newest, out);
}

void judge_job(const Json& job, const std::vector<Json>& pods, WorkloadState& out) {
  for (const Json& pod : pods) out.running = out.running || (!is_going(pod) && runs_now(pod));
  if (holds(job, "Complete") || holds(job, "SuccessCriteriaMet")) {
    out.phase = Phase::Ready;
    out.started = out.completed = true;
    out.text = "completed";
    return;
  }
  if (holds(job, "Failed") || holds(job, "FailureTarget")) {
    const Json& failed = holds(job, "Failed") ? condition(job, "Failed") : condition(job, "FailureTarget");
    out.phase = Phase::Failed;
    out.started = true;
    for (const Json& pod : pods)
      for (const char* list : {"containerStatuses", "initContainerStatuses"})
        for (const Json& status : list_at(at(pod, "status"), list)) {
          if (out.exit_code) continue;
          note_terminated(status, out);
          if (out.exit_code) {
            out.pod = string_or(at(pod, "metadata"), "name");
            out.container = string_or(status, "name");
          }
        }
    out.text = out.exit_code ? "exited with code " + std::to_string(*out.exit_code)
                             : string_or(failed, "reason") + ": " + string_or(failed, "message");
    return;
  }
  if (out.phase == Phase::Failed) out.phase = Phase::Waiting;  // the Job itself counts its restarts
  if (out.running) out.text = "running";
  if (out.text.empty()) out.text = "starting";
}

void judge_replicas(const Json& workload, int64_t wanted, int64_t ready, int64_t updated, int64_t all,
                    WorkloadState& out) {
  bool seen = int_or(at(workload, "status"), "observedGeneration") >=
              int_or(at(workload, "metadata"), "generation", 1);
  if (seen && updated >= wanted && ready >= wanted && all <= wanted) {
    out.phase = Phase::Ready;
    out.problem = false;
    out.text = wanted == 1 ? "ready" : std::to_string(ready) + " of " + std::to_string(wanted) + " ready";
    return;
  }
  if (out.text.empty())
    out.text = std::to_string(std::min(ready, updated)) + " of " + std::to_string(wanted) + " ready";
}

void judge_deployment(const Json& workload, WorkloadState& out) {
  const Json& status = at(workload, "status");
  judge_replicas(workload, int_or(at(workload, "spec"), "replicas", 1), int_or(status, "availableReplicas"),
                 int_or(status, "updatedReplicas"), int_or(status, "replicas"), out);
  if (out.phase == Phase::Ready) return;
  if (holds(workload, "ReplicaFailure")) {
    out.text = string_or(condition(workload, "ReplicaFailure"), "message");
    out.problem = true;
  }
  if (string_or(condition(workload, "Progressing"), "reason") == "ProgressDeadlineExceeded")
    out.phase = Phase::Failed;
}

}  // namespace

WorkloadState judge_workload(const std::string& kind, const Json& workload, const std::vector<Json>& pods) {
  WorkloadState out;
  if (!workload.is_object()) {
    out.text = "not created yet";
    return out;
  }
  describe_pods(pods, out);
  const Json& status = at(workload, "status");
  if (kind == "Job") {
    judge_job(workload, pods, out);
  } else if (kind == "Deployment") {
    judge_deployment(workload, out);
  } else if (kind == "StatefulSet") {
    int64_t wanted = int_or(at(workload, "spec"), "replicas", 1);
    bool current = string_or(status, "currentRevision") == string_or(status, "updateRevision");
    int64_t updated = current ? int_or(status, "replicas") : int_or(status, "updatedReplicas");
    judge_replicas(workload, wanted, int_or(status, "availableReplicas"), updated, int_or(status, "replicas"),
                   out);
  } else if (kind == "DaemonSet") {
    int64_t wanted = int_or(status, "desiredNumberScheduled");
    judge_replicas(workload, wanted, int_or(status, "numberAvailable"),
                   int_or(status, "updatedNumberScheduled"), wanted, out);
  }
  return out;
}

namespace {

std::string ago(const std::string& time, int64_t now) {
  auto then = parse_rfc3339(time);
  if (!then) return "";
  int64_t elapsed = now - std::chrono::duration_cast<std::chrono::seconds>(then->time_since_epoch()).count();
  return human_duration(std::chrono::seconds(std::max<int64_t>(0, elapsed)));
}

void describe_status(const Json& pod, const Json& status, int64_t now, PodRow& row) {
  const Json& state = at(status, "state");
  const Json& running = at(state, "running");
  const Json& terminated = at(state, "terminated");
  std::string waiting = string_or(at(state, "waiting"), "reason");
  if (running.is_object()) {
    row.state = "running";
    row.status = "Up " + ago(string_or(running, "startedAt"), now);
    bool probed = false;
    for (const Json& container : list_at(at(pod, "spec"), "containers"))
      if (string_or(container, "name") == string_or(status, "name"))
        probed = !at(container, "readinessProbe").is_null();
    if (probed) {
      row.health = bool_or(status, "ready")     ? "healthy"
                   : bool_or(status, "started") ? "unhealthy"
                                                : "starting";
      row.status += row.health == "starting" ? " (health: starting)" : " (" + row.health + ")";
    }
  } else if (terminated.is_object()) {
    row.state = "exited";
    row.exit_code = static_cast<int>(int_or(terminated, "exitCode"));
    row.status = "Exited (" + std::to_string(row.exit_code) + ") " +
                 ago(string_or(terminated, "finishedAt"), now) + " ago";
  } else if (waiting == "CrashLoopBackOff") {
    row.state = "restarting";
    const Json& last = at(at(status, "lastState"), "terminated");
    row.exit_code = static_cast<int>(int_or(last, "exitCode"));
    row.status = "Restarting (" + std::to_string(row.exit_code) + ")";
  } else if (!waiting.empty() && waiting != "PodInitializing" && waiting != "ContainerCreating") {
    row.status = waiting;
  }
}

}  // namespace

PodRow pod_row(const Json& pod, int64_t now) {
  PodRow row;
  const Json& metadata = at(pod, "metadata");
  row.name = string_or(metadata, "name");
  row.service = string_or(at(metadata, "labels"), kServiceLabel);
  row.created = string_or(metadata, "creationTimestamp");
  row.node = string_or(at(pod, "spec"), "nodeName");
  row.address = string_or(at(pod, "status"), "podIP");
  row.state = "created";
  for (const Json& container : list_at(at(pod, "spec"), "initContainers"))
    if (string_or(container, "restartPolicy") == "Always")
      row.containers.push_back(string_or(container, "name"));
  for (const Json& container : list_at(at(pod, "spec"), "containers"))
    row.containers.push_back(string_or(container, "name"));
  const Json& containers = list_at(at(pod, "spec"), "containers");
  if (!containers.empty()) {
    row.image = string_or(containers[0], "image");
    std::vector<std::string> words;
    for (const char* key : {"command", "args"})
      for (const Json& word : list_at(containers[0], key))
        if (word.is_string()) words.push_back(word.get<std::string>());
    row.command = join(words, " ");
  }
  const Json& inits = list_at(at(pod, "status"), "initContainerStatuses");
  auto done = std::count_if(inits.begin(), inits.end(), [](const Json& status) {
    const Json& terminated = at(at(status, "state"), "terminated");
    return terminated.is_object() && int_or(terminated, "exitCode") == 0;
  });
  const Json& statuses = list_at(at(pod, "status"), "containerStatuses");
  for (const Json& status : statuses) {
    row.restarts += static_cast<int>(int_or(status, "restartCount"));
    if (&status == &statuses[0]) describe_status(pod, status, now, row);
  }
  if (row.status.empty() && done < static_cast<int64_t>(inits.size())) {
    WorkloadState state;
    describe_pod(pod, state);
    row.status = state.text;
  }
  if (row.status.empty()) {
    WorkloadState state;
    describe_pod(pod, state);
    row.status = state.text.empty() ? "Created" : state.text;
  }
  if (is_going(pod)) row.status = "Removing";
  return row;
}

}  // namespace stack::targets::kubernetes
