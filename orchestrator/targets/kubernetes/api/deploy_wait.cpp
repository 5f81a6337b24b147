#include "orchestrator/targets/kubernetes/api/deploy_wait.h"

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "http/wire/query.h"

namespace stack::targets::kubernetes {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookPause{300};
// A failure of the kubelet may pass: it tries again after 10 seconds.
constexpr seconds kProblemLimit{15};
// A Job that nobody waits for, and still runs after this time, is a service.
constexpr seconds kJobSettles{10};
constexpr seconds kLostLimit{15};
constexpr seconds kHealthMargin{30};
constexpr int kLastLines = 20;

const Json& template_spec(const KubeObject& object, Json& storage) {
  storage = Json::parse(object.body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
  return storage["spec"]["template"]["spec"];
}

// How long a service may take to become healthy once it runs.
seconds healthy_limit(const Json& probe) {
  int64_t tries = int_or(probe, "failureThreshold", 3);
  int64_t each = int_or(probe, "periodSeconds", 10) + int_or(probe, "timeoutSeconds", 1);
  return seconds(std::min<int64_t>(tries * each, 3600)) + kHealthMargin;
}

std::vector<std::string> last_lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.size() > kLastLines) lines.erase(lines.begin(), lines.end() - kLastLines);
  return lines;
}

}  // namespace

Waiter::Waiter(const Resources& resources, const std::string& project, const Conversion& conversion,
               const DeployOptions& options, const EventLines& lines)
    : resources_(resources), project_(project), conversion_(conversion), options_(options), lines_(lines) {
  for (const KubeObject& object : conversion.objects) {
    bool workload = object.kind == "Deployment" || object.kind == "StatefulSet" ||
                    object.kind == "DaemonSet" || object.kind == "Job";
    if (!workload) continue;
    Goal goal;
    goal.object = &object;
    for (const Gate& gate : conversion.gates) goal.gated = goal.gated || gate.job == object.service;
    for (const Gate& gate : conversion.gates)
      goal.awaited = goal.awaited || (gate.job == object.service && gate.moment == GateMoment::Completed);
    Json storage;
    for (const Json& container : template_spec(object, storage)["containers"]) {
      if (!container.contains("readinessProbe")) continue;
      goal.probed = true;
      goal.healthy_limit = std::max(goal.healthy_limit, healthy_limit(container["readinessProbe"]));
    }
    auto annotation = object.body["spec"]["template"]["metadata"].find("annotations");
    if (annotation != object.body["spec"]["template"]["metadata"].end() && annotation->contains(kStartPeriod))
      goal.healthy_limit += seconds(std::stoll(annotation->at(std::string(kStartPeriod)).get<std::string>()));
    goals_.push_back(std::move(goal));
  }
}

void Waiter::announce(const std::map<std::string, int>& ids) {
  for (Goal& goal : goals_) {
    auto found = ids.find(goal.object->name);
    goal.id = found == ids.end() ? 0 : found->second;
    lines_.action(goal.id, "running");
  }
}

DeployResult Waiter::run() {
  auto limit = steady_clock::now() + options_.timeout;
  Time lost_since{};
  for (;;) {
    ApiResult<bool> all = look();
    Time now = steady_clock::now();
    if (!all) {
      if (lost_since == Time{}) lost_since = now;
      // A restarting server comes back; other errors are permanent.
      if (!all.error().lost() || now - lost_since > kLostLimit) {
        DeployResult out;
        out.error = to_error(all.error(), resources_.connection().access()).text() +
                    "; run the command again to complete the deployment";
        return out;
      }
    } else {
      lost_since = Time{};
      for (Goal& goal : goals_)
        if (has_failed(goal, now)) return explain(goal);
      if (*all) break;
    }
    if (options_.canceled && options_.canceled()) {
      DeployResult out;
      out.error = "interrupted; the next `stack deploy` completes the work";
      out.exit_code = 130;
      return out;
    }
    if (now > limit) {
      for (Goal& goal : goals_)
        if (!goal.done) {
          DeployResult out = explain(goal);
          out.error += " after " + std::to_string(options_.timeout.count()) + " seconds";
          return out;
        }
    }
    std::this_thread::sleep_for(kLookPause);
  }
  DeployResult ok;
  ok.ok = true;
  ok.exit_code = 0;
  return ok;
}

ApiResult<bool> Waiter::look() {
  ApiResult<std::vector<Json>> listed = resources_.list("Pod", project_);
  if (!listed) return tl::unexpected(listed.error());
  std::map<std::string, std::vector<Json>> pods;
  for (Json& pod : *listed) {
    std::string service;
    if (pod.contains("metadata") && pod["metadata"].contains("labels"))
      service = string_or(pod["metadata"]["labels"], kServiceLabel);
    pods[service].push_back(std::move(pod));
  }
  std::map<std::string, Json> workloads;
  for (const char* kind : {"Deployment", "StatefulSet", "DaemonSet", "Job"}) {
    bool used = std::any_of(goals_.begin(), goals_.end(),
                            [&](const Goal& goal) { return goal.object->kind == kind; });
    if (!used) continue;
    ApiResult<std::vector<Json>> found = resources_.list(kind, project_);
    if (!found) return tl::unexpected(found.error());
    for (Json& workload : *found) {
      std::string name = string_or(workload.value("metadata", Json::object()), "name");
      workloads[kind + std::string("/") + name] = std::move(workload);
    }
  }
  Time now = steady_clock::now();
  bool all = true;
  for (Goal& goal : goals_) {
    judge(goal, pods, workloads[goal.object->kind + "/" + goal.object->name], now);
    all = all && (goal.done || !(options_.wait || goal.gated));
  }
  ApiResult<std::monostate> opened = open_gates();
  if (!opened) return tl::unexpected(opened.error());
  return all;
}

void Waiter::judge(Goal& goal, const std::map<std::string, std::vector<Json>>& pods, const Json& workload,
                   Time now) {
  static const std::vector<Json> none;
  auto own = pods.find(goal.object->name);
  goal.state = judge_workload(goal.object->kind, workload, own == pods.end() ? none : own->second);
  if (!goal.state.problem) goal.problem_since = Time{};
  if (goal.state.problem && goal.problem_since == Time{}) goal.problem_since = now;
  bool unhealthy = goal.state.text == "not healthy yet";
  if (!unhealthy) goal.unhealthy_since = Time{};
  if (unhealthy && goal.unhealthy_since == Time{}) goal.unhealthy_since = now;
  if (!goal.state.running) goal.running_since = Time{};
  if (goal.state.running && goal.running_since == Time{}) goal.running_since = now;
  bool settled = goal.object->kind == "Job" && !goal.awaited && goal.running_since != Time{} &&
                 now - goal.running_since > kJobSettles;
  bool done = goal.state.phase == Phase::Ready || settled;
  if (done != goal.done && done) lines_.action(goal.id, "done");
  goal.done = done;
  if (!done && goal.state.text != goal.shown) {
    goal.shown = goal.state.text;
    lines_.wait(goal.id, goal.shown);
  }
}

bool Waiter::has_failed(Goal& goal, Time now) const {
  if (goal.done) return false;
  if (goal.state.phase == Phase::Failed) return true;
  if (goal.problem_since != Time{} && now - goal.problem_since > kProblemLimit) return true;
  return goal.probed && goal.unhealthy_since != Time{} && now - goal.unhealthy_since > goal.healthy_limit;
}

ApiResult<std::monostate> Waiter::open_gates() {
  for (const Gate& gate : conversion_.gates) {
    if (open_.contains(gate.object.name)) continue;
    for (const Goal& goal : goals_) {
      if (goal.object->service != gate.job) continue;
      bool reached = gate.moment == GateMoment::Completed ? goal.state.completed : goal.state.started;
      if (!reached) continue;
      ApiResult<Json> applied = resources_.apply(gate.object, false);
      if (!applied) return tl::unexpected(applied.error());
      open_.insert(gate.object.name);
    }
  }
  return std::monostate{};
}

DeployResult Waiter::explain(const Goal& goal) {
  failed_service_ = goal.object->service;
  DeployResult out;
  out.error = "service " + goal.object->service + ": " + goal.state.text;
  if (goal.state.exit_code && goal.object->kind == "Job") out.exit_code = *goal.state.exit_code;
  lines_.action(goal.id, "failed", goal.state.text);
  if (goal.state.pod.empty() || goal.state.problem) return out;
  // The last output, or the kubelet's message about the health check.
  if (goal.state.text == "not healthy yet") {
    ApiResult<std::vector<Json>> events = resources_.events("Pod", goal.state.pod);
    if (events)
      for (const Json& event : *events)
        if (string_or(event, "reason") == "Unhealthy") out.detail = {string_or(event, "message")};
  }
  std::string path = *resource_path("Pod", resources_.name_space(), goal.state.pod) +
                     "/log?tailLines=" + std::to_string(kLastLines);
  if (!goal.state.container.empty()) path += "&container=" + http::percent_encode(goal.state.container);
  ApiResult<std::string> log = resources_.connection().text({.path = path});
  if (log)
    for (std::string& line : last_lines_of(*log)) out.detail.push_back(std::move(line));
  return out;
}

}  // namespace stack::targets::kubernetes
