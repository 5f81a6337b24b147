#include "orchestrator/targets/swarm/api/deploy.h"

#include <algorithm>
#include <thread>

#include "orchestrator/targets/swarm/api/log_frames.h"
#include "orchestrator/targets/swarm/api/object_writer.h"
#include "orchestrator/targets/swarm/api/service_state.h"

namespace stack::targets::swarm {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

constexpr std::chrono::milliseconds kPause{250};
// The swarm starts a failed task again after five seconds, so one failure may pass.
constexpr seconds kProblemLimit{15};
constexpr size_t kMostFailures = 4;
// A container without a health check is ready once it has run for this time.
constexpr std::chrono::milliseconds kSettles{1000};
// A job that nobody waits for, and still runs after this time, is a service.
constexpr seconds kJobSettles{10};
constexpr seconds kLostLimit{20};

DeployResult failure(std::string text) {
  DeployResult out;
  out.error = std::move(text);
  return out;
}

DeployResult success(size_t changed) {
  DeployResult out;
  out.ok = true;
  out.exit_code = 0;
  out.changed = changed;
  return out;
}

struct Goal {
  const PlannedStep* step = nullptr;
  int action = 0;  // 0: unchanged
  int wait = 0;
  bool written = false;  // exists as wanted
  bool done = false;
  bool checked = false;  // has a health check
  Time problem_since{};
  Time ready_since{};
  Time running_since{};
  size_t earlier_failures = 0;
  std::string shown;
  ServiceState state;
  const std::string& name() const { return step->object.service; }
};

class SwarmDeployment {
 public:
  SwarmDeployment(DockerConnection& docker, const std::string& project, const Conversion& conversion,
                  const SwarmPlan& plan, const LiveProject& live, const PlaceFinder& place,
                  const SwarmDeployOptions& options)
      : docker_(docker),
        project_(project),
        conversion_(conversion),
        plan_(plan),
        place_(place),
        options_(options),
        lines_(options.on_line),
        writer_(docker, live, options) {}

  DeployResult run() {
    announce();
    if (auto cleared = clear_replaced(); !cleared) return failure(cleared.error().text());
    for (const PlannedStep& step : plan_.steps) {
      if (step.object.kind == ObjectKind::Service || step.step == Step::Remove) continue;
      if (is_canceled()) return canceled();
      if (auto written = write(step, action_of(step)); !written) return failure(written.error().text());
    }
    for (;;) {
      DeployResult advanced = advance();
      if (!advanced.ok) return advanced;
      if (finished()) break;
      if (is_canceled()) return canceled();
      if (steady_clock::now() > limit_) return timed_out();
      std::this_thread::sleep_for(kPause);
    }
    return remove_unwanted();
  }

 private:
  // The plan as the progress display expects it: one action for each change, and one wait for each service.
  void announce() {
    OrderedJson actions = plan_json(plan_, project_)["actions"];
    int id = 0;
    for (const PlannedStep& step : plan_.steps)
      if (step.step != Step::Keep) actions_[&step] = ++id;
    for (const PlannedStep& step : plan_.steps) {
      if (step.object.kind != ObjectKind::Service || step.step == Step::Remove) continue;
      Goal goal;
      goal.step = &step;
      goal.action = action_of(step);
      goal.wait = ++id;
      goal.written = step.step == Step::Keep;
      goal.checked = step.object.body["TaskTemplate"]["ContainerSpec"].contains("Healthcheck");
      actions.push_back(
          {{"id", id},
           {"kind", step.object.body["Mode"].contains("ReplicatedJob") ? "wait-job" : "wait-service"},
           {"object", "service " + step.object.name},
           {"service", step.object.service},
           {"text", "wait for " + step.object.service}});
      goals_.push_back(std::move(goal));
    }
    lines_.send(
        {{"event", "plan"},
         {"actions", Json::parse(actions.dump(-1, ' ', false, OrderedJson::error_handler_t::replace))}});
  }

  int action_of(const PlannedStep& step) const {
    auto found = actions_.find(&step);
    return found == actions_.end() ? 0 : found->second;
  }

  // Replaced networks can be removed only after the services that use them.
  Result<> clear_replaced() {
    std::vector<const PlannedStep*> networks;
    for (const PlannedStep& step : plan_.steps) {
      if (step.step != Step::Replace) continue;
      if (step.object.kind == ObjectKind::Network) networks.push_back(&step);
      if (step.object.kind == ObjectKind::Service) TRY(writer_.remove(ObjectKind::Service, step.id));
    }
    for (const PlannedStep* step : networks)
      TRY(writer_.remove_unused(ObjectKind::Network, step->id, options_.removal_timeout)
              .in(object_label(step->object, place_)));
    return {};
  }

  Result<> write(const PlannedStep& step, int action) {
    if (step.step == Step::Keep) return writer_.keep(step);
    lines_.action(action, "running");
    Result<> written = writer_.write(step);
    if (!written) {
      Error error = std::move(written).error().in(object_label(step.object, place_));
      lines_.action(action, "failed", error.text());
      return error;
    }
    ++changed_;
    lines_.action(action, "done");
    return {};
  }

  bool is_canceled() const { return options_.canceled && options_.canceled(); }

  DeployResult canceled() const {
    DeployResult out = failure("interrupted; the next `stack deploy` completes the work");
    out.exit_code = 130;
    return out;
  }

  // One look at the swarm: writes services whose needs are fulfilled, and judges all.
  DeployResult advance() {
    Result<> looked = look();
    Time now = steady_clock::now();
    if (!looked) {
      if (lost_since_ == Time{}) lost_since_ = now;
      if (now - lost_since_ < kLostLimit) return success(0);
      return failure(looked.error().text() + "; run the command again to complete the deployment");
    }
    lost_since_ = Time{};
    for (Goal& goal : goals_)
      if (goal.written && !goal.done && has_failed(goal, now) && is_needed(goal)) return explain(goal);
    for (Goal& goal : goals_) {
      if (goal.written || !needs_fulfilled(goal)) continue;
      Result<> written = write(*goal.step, goal.action);
      if (!written) return failure(written.error().text());
      goal.written = true;
      lines_.action(goal.wait, "running");
    }
    return success(0);
  }

  Result<> look() {
    TRY_ASSIGN(std::vector<Json> tasks, read_tasks(docker_, project_));
    TRY_ASSIGN(Json services,
               docker_.call("GET", labeled("/services", std::string(kNamespaceLabel) + "=" + project_) +
                                       "&status=true"));
    if (!services.is_array()) return {};
    std::map<std::string, std::vector<Json>> own;
    for (Json& task : tasks) own[string_or(task, "ServiceID")].push_back(std::move(task));
    Time now = steady_clock::now();
    for (Goal& goal : goals_)
      for (const Json& service : services)
        if (goal.written &&
            string_or(service.value("Spec", Json::object()), "Name") == goal.step->object.name)
          judge(goal, service, own[string_or(service, "ID")], now);
    return {};
  }

  void judge(Goal& goal, const Json& service, const std::vector<Json>& tasks, Time now) {
    bool first = goal.state.text.empty() && goal.state.phase == Phase::Waiting && !goal.state.started;
    goal.state = judge_service(service, tasks, goal.step->step != Step::Keep);
    if (first) goal.earlier_failures = goal.step->step == Step::Keep ? goal.state.failures : 0;
    auto track = [&](bool holds, Time& since) {
      if (!holds) since = Time{};
      if (holds && since == Time{}) since = now;
    };
    track(goal.state.problem, goal.problem_since);
    track(goal.state.phase == Phase::Ready, goal.ready_since);
    track(goal.state.running, goal.running_since);
    bool job = is_job_service(service);
    bool ready = goal.ready_since != Time{} && (job || goal.checked || goal.step->step == Step::Keep ||
                                                goal.state.completed || now - goal.ready_since >= kSettles);
    bool settled = job && !conversion_.awaited.contains(goal.name()) && goal.running_since != Time{} &&
                   now - goal.running_since > kJobSettles;
    bool done = ready || settled;
    if (done && !goal.done) lines_.action(goal.wait, "done");
    goal.done = done;
    if (!done && !goal.state.text.empty() && goal.state.text != goal.shown) {
      goal.shown = goal.state.text;
      lines_.wait(goal.wait, goal.shown);
    }
  }

  bool has_failed(const Goal& goal, Time now) const {
    if (goal.state.phase == Phase::Failed) return true;
    if (goal.problem_since != Time{} && now - goal.problem_since > kProblemLimit) return true;
    return goal.state.failures >= goal.earlier_failures + kMostFailures;
  }

  // Whether the deployment fails with it: not if only dependents want it that do not require it.
  bool is_needed(const Goal& goal) const {
    bool wanted = false, required = false;
    for (const auto& [name, needs] : conversion_.needs)
      for (const Need& need : needs)
        if (need.service == goal.name()) {
          wanted = true;
          required = required || need.required;
        }
    return required || !wanted;
  }

  bool needs_fulfilled(const Goal& goal) const {
    auto needs = conversion_.needs.find(goal.name());
    if (needs == conversion_.needs.end()) return true;
    return std::all_of(needs->second.begin(), needs->second.end(),
                       [&](const Need& need) { return is_fulfilled(need); });
  }

  bool is_fulfilled(const Need& need) const {
    for (const Goal& other : goals_) {
      if (other.name() != need.service) continue;
      if (!need.required && other.written && has_failed(other, steady_clock::now())) return true;
      if (!other.written) return false;
      switch (need.condition) {
        case compose::DependencyCondition::Started:
          return other.state.started;
        case compose::DependencyCondition::Healthy:
          return other.state.healthy;
        case compose::DependencyCondition::CompletedSuccessfully:
          return other.state.completed;
      }
    }
    return true;  // not deployed to a swarm: reported
  }

  bool finished() const {
    return std::all_of(goals_.begin(), goals_.end(), [&](const Goal& goal) {
      bool optional = !is_needed(goal) && goal.written && has_failed(goal, steady_clock::now());
      return goal.written && (goal.done || optional || !options_.wait);
    });
  }

  DeployResult timed_out() {
    for (Goal& goal : goals_) {
      if (goal.done) continue;
      DeployResult out = explain(goal);
      out.error += " after " + std::to_string(options_.timeout.count()) + " seconds";
      return out;
    }
    return success(changed_);
  }

  DeployResult explain(const Goal& goal) {
    std::string text = goal.written ? goal.state.text : "waits for the services it depends on";
    DeployResult out = failure(object_label(goal.step->object, place_) + ": " + text);
    if (goal.state.exit_code && goal.state.phase == Phase::Failed &&
        goal.step->object.body["Mode"].contains("ReplicatedJob"))
      out.exit_code = *goal.state.exit_code;
    lines_.action(goal.wait, "failed", text);
    if (!goal.state.task.empty()) out.detail = last_lines_of_task(docker_, goal.state.task);
    return out;
  }

  // Objects that are no longer in the files are removed once the rest is ready.
  DeployResult remove_unwanted() {
    for (const PlannedStep& step : plan_.steps) {
      if (step.step != Step::Remove) continue;
      int action = action_of(step);
      lines_.action(action, "running");
      Result<> removed = step.object.kind == ObjectKind::Service
                             ? writer_.remove(step.object.kind, step.id)
                             : writer_.remove_unused(step.object.kind, step.id, options_.removal_timeout);
      if (!removed) {
        std::string text =
            std::move(removed).error().in("remove " + object_label(step.object, place_)).text();
        lines_.action(action, "failed", text);
        return failure(text);
      }
      ++changed_;
      lines_.action(action, "done");
    }
    return success(changed_);
  }

  DockerConnection& docker_;
  const std::string& project_;
  const Conversion& conversion_;
  const SwarmPlan& plan_;
  const PlaceFinder& place_;
  const SwarmDeployOptions& options_;
  EventLines lines_;
  ObjectWriter writer_;
  std::map<const PlannedStep*, int> actions_;
  std::vector<Goal> goals_;
  Time limit_ = steady_clock::now() + options_.timeout;
  Time lost_since_{};
  size_t changed_ = 0;
};

bool has_ended(const Json& task) {
  std::string state = string_or(task.value("Status", Json::object()), "State");
  constexpr std::string_view kEnds[] = {"complete", "failed", "shutdown", "rejected", "orphaned", "remove"};
  return std::find(std::begin(kEnds), std::end(kEnds), state) != std::end(kEnds);
}

// The project's tasks that have not ended, on nodes that are not down.
Result<std::vector<Json>> reachable_tasks(DockerConnection& docker, const std::string& project) {
  TRY_ASSIGN(std::vector<Json> tasks, read_tasks(docker, project));
  std::erase_if(tasks, has_ended);
  TRY_ASSIGN(std::vector<SwarmNode> nodes, read_nodes(docker));
  std::erase_if(tasks, [&](const Json& task) {
    return std::none_of(nodes.begin(), nodes.end(), [&](const SwarmNode& node) {
      return node.ready && node.id == string_or(task, "NodeID");
    });
  });
  return tasks;
}

// The project's containers on the manager, the only ones that can be seen.
Result<std::vector<Json>> own_containers(DockerConnection& docker, const std::string& project) {
  TRY_ASSIGN(Json containers,
             docker.call("GET", labeled("/containers/json", std::string(kNamespaceLabel) + "=" + project) +
                                    "&all=true"));
  if (!containers.is_array()) return std::vector<Json>();
  return std::vector<Json>(containers.begin(), containers.end());
}

// Some versions of Docker leave the ended containers of jobs behind.
void remove_ended(DockerConnection& docker, const std::vector<Json>& containers) {
  for (const Json& container : containers)
    if (string_or(container, "State") != "running")
      (void)docker.call("DELETE", "/containers/" + string_or(container, "Id") + "?v=true");
}

Result<> wait_for_tasks(DockerConnection& docker, const std::string& project,
                        const SwarmDeployOptions& options) {
  constexpr seconds kOwnRemoval{2};  // in which the swarm removes containers itself
  Time limit = steady_clock::now() + options.removal_timeout;
  Time ended_since{};
  for (;;) {
    TRY_ASSIGN(std::vector<Json> tasks, reachable_tasks(docker, project));
    TRY_ASSIGN(std::vector<Json> containers, own_containers(docker, project));
    if (tasks.empty() && containers.empty()) return {};
    Time now = steady_clock::now();
    if (!tasks.empty()) ended_since = Time{};
    if (tasks.empty() && ended_since == Time{}) ended_since = now;
    if (tasks.empty() && now - ended_since > kOwnRemoval) remove_ended(docker, containers);
    if (options.canceled && options.canceled())
      return Error(ErrorKind::Canceled, "interrupted; the swarm continues to stop the containers");
    if (now > limit)
      return Error(ErrorKind::Timeout, std::to_string(std::max(tasks.size(), containers.size())) +
                                           " containers are still stopping");
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

std::vector<std::string> last_lines_of_task(DockerConnection& docker, const std::string& task) {
  constexpr size_t kLastLines = 20;
  std::vector<std::string> lines;
  LogFrames frames([&](bool, const std::string& line) { lines.push_back(line); });
  http::ClientRequest request;
  request.target = "/tasks/" + task + "/logs?stdout=true&stderr=true&tail=" + std::to_string(kLastLines);
  // An unreachable node must not delay the message.
  constexpr seconds kPatience{3};
  (void)docker.stream(
      request,
      [&](std::string_view bytes) {
        frames.add(bytes);
        return true;
      },
      kPatience);
  frames.finish();
  if (lines.size() > kLastLines) lines.erase(lines.begin(), lines.end() - kLastLines);
  return lines;
}

DeployResult deploy(DockerConnection& docker, const std::string& project, const Conversion& conversion,
                    const SwarmPlan& plan, const LiveProject& live, const PlaceFinder& place,
                    const SwarmDeployOptions& options) {
  return SwarmDeployment(docker, project, conversion, plan, live, place, options).run();
}

DeployResult remove_project(DockerConnection& docker, const std::string& project, const SwarmPlan& plan,
                            const SwarmDeployOptions& options) {
  EventLines lines(options.on_line);
  lines.send({{"event", "plan"}, {"actions", Json::parse(plan_json(plan, project)["actions"].dump())}});
  LiveProject none;
  ObjectWriter writer(docker, none, options);
  int action = 0;
  bool waited = false;
  for (const PlannedStep& step : plan.steps) {
    bool service = step.object.kind == ObjectKind::Service;
    if (!service && !std::exchange(waited, true)) {
      if (auto gone = wait_for_tasks(docker, project, options); !gone) return failure(gone.error().text());
    }
    lines.action(++action, "running");
    Result<> removed = service ? writer.remove(step.object.kind, step.id)
                               : writer.remove_unused(step.object.kind, step.id, options.removal_timeout);
    if (!removed) return failure(std::move(removed).error().in("remove " + step.object.name).text());
    lines.action(action, "done");
  }
  if (!waited)
    if (auto gone = wait_for_tasks(docker, project, options); !gone) return failure(gone.error().text());
  return success(plan.steps.size());
}

}  // namespace stack::targets::swarm
