#include "orchestrator/targets/kubernetes/api/deploy.h"

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "http/wire/query.h"
#include "orchestrator/targets/kubernetes/api/deploy_wait.h"

namespace stack::targets::kubernetes {

namespace {

constexpr std::chrono::seconds kRemovalLimit{60};
constexpr std::chrono::milliseconds kPause{200};

bool is_workload(const std::string& kind) {
  return kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "Job";
}

DeployResult failure(std::string text) {
  DeployResult out;
  out.error = std::move(text);
  return out;
}

class Deployment {
 public:
  Deployment(const Resources& resources, const std::string& project, const Conversion& conversion,
             const ClusterPlan& plan, const PlaceFinder& place, const DeployOptions& options)
      : resources_(resources),
        project_(project),
        conversion_(conversion),
        plan_(plan),
        place_(place),
        options_(options),
        lines_(options.on_line) {}

  DeployResult run() {
    announce();
    ApiResult<std::monostate> stored = store_inventory(false);
    if (!stored) return failed(stored.error(), "store the inventory");
    for (const PlannedStep& step : plan_.steps) {
      if (step.step == Step::Keep || step.step == Step::Remove) continue;
      if (options_.canceled && options_.canceled()) return canceled_result();
      DeployResult done = carry_out(step);
      if (!done.ok) return done;
    }
    // Gates are opened even with --detach: without them, dependents would never start.
    if (!options_.wait && conversion_.gates.empty()) return finish();
    Waiter waiter(resources_, project_, conversion_, options_, lines_);
    waiter.announce(wait_ids_);
    DeployResult waited = waiter.run();
    if (!waited.ok) return undo(std::move(waited), waiter.failed_service());
    return finish();
  }

 private:
  // The plan as the progress display expects it: one action for each change, and one wait for each workload.
  void announce() {
    OrderedJson actions = plan_json(plan_, project_)["actions"];
    int id = static_cast<int>(actions.size());
    for (const KubeObject& object : conversion_.objects) {
      if (!is_workload(object.kind)) continue;
      wait_ids_[object.name] = ++id;
      actions.push_back({{"id", id},
                         {"kind", object.kind == "Job" ? "wait-job" : "wait-service"},
                         {"object", object.kind + " " + object.name},
                         {"service", object.service},
                         {"text", "wait for " + object.service}});
    }
    lines_.send(
        {{"event", "plan"},
         {"actions", Json::parse(actions.dump(-1, ' ', false, OrderedJson::error_handler_t::replace))}});
  }

  DeployResult carry_out(const PlannedStep& step) {
    int id = ++step_id_;
    lines_.action(id, "running");
    ApiResult<std::monostate> done = apply(step);
    if (!done) {
      DeployResult result = failed(done.error(), object_label(step.object, place_));
      lines_.action(id, "failed", result.error);
      return result;
    }
    ++changed_;
    lines_.action(id, "done");
    DeployResult ok;
    ok.ok = true;
    return ok;
  }

  ApiResult<std::monostate> apply(const PlannedStep& step) {
    if (step.object.kind == "Job") {
      // Services that waited for the previous run wait again.
      for (const Gate& gate : conversion_.gates) {
        if (gate.job != step.object.service) continue;
        ApiResult<std::monostate> closed = resources_.remove("Service", gate.object.name);
        if (!closed) return closed;
      }
    }
    if (step.step == Step::Replace) {
      ApiResult<std::monostate> gone = remove_and_wait(step.object);
      if (!gone) return gone;
    }
    ApiResult<Json> applied = resources_.apply(step.object, false);
    if (!applied) return tl::unexpected(applied.error());
    return std::monostate{};
  }

  ApiResult<std::monostate> remove_and_wait(const KubeObject& object) {
    ApiResult<std::monostate> removed = resources_.remove(object.kind, object.name);
    if (!removed) return removed;
    auto limit = std::chrono::steady_clock::now() + kRemovalLimit;
    while (std::chrono::steady_clock::now() < limit) {
      ApiResult<std::optional<Json>> left = resources_.find(object.kind, object.name);
      if (left && !*left) return std::monostate{};
      if (options_.canceled && options_.canceled()) break;
      std::this_thread::sleep_for(kPause);
    }
    return tl::unexpected(ApiFailure{408, "", "the previous object is still being removed"});
  }

  // Objects that are no longer in the files are removed once the rest is ready.
  DeployResult finish() {
    for (const PlannedStep& step : plan_.steps) {
      if (step.step != Step::Remove) continue;
      int id = ++step_id_;
      lines_.action(id, "running");
      ApiResult<std::monostate> removed = resources_.remove(step.object.kind, step.object.name);
      if (!removed) {
        DeployResult result = failed(removed.error(), "remove " + step.object.kind + " " + step.object.name);
        lines_.action(id, "failed", result.error);
        return result;
      }
      ++changed_;
      lines_.action(id, "done");
    }
    ApiResult<std::monostate> stored = store_inventory(true);
    if (!stored) return failed(stored.error(), "store the inventory");
    DeployResult ok;
    ok.ok = true;
    ok.exit_code = 0;
    ok.changed = changed_;
    return ok;
  }

  // Called before the first change with every object that may exist afterward, and at the end with those that do.
  ApiResult<std::monostate> store_inventory(bool final) {
    Inventory now;
    for (const KubeObject& object : conversion_.objects) {
      now.objects.push_back({object.kind, object.name});
      if (final && is_workload(object.kind)) now.workloads.push_back(object);
    }
    for (const Gate& gate : conversion_.gates) now.objects.push_back({gate.object.kind, gate.object.name});
    if (!final) {
      now.objects.insert(now.objects.end(), plan_.inventory.objects.begin(), plan_.inventory.objects.end());
      now.workloads = plan_.inventory.workloads;
      if (plan_.changes() == 0) return std::monostate{};
    }
    Inventory before = plan_.inventory;
    if (final && plan_.changes() > 0) before.resource_version.clear();
    return write_inventory(resources_, project_, before, now);
  }

  DeployResult failed(const ApiFailure& why, const std::string& what) const {
    return failure(to_error(why, resources_.connection().access()).in(what).text());
  }

  DeployResult canceled_result() const {
    DeployResult out = failure("interrupted; the next `stack deploy` completes the work");
    out.exit_code = 130;
    return out;
  }

  // Restores the workloads of the last successful deployment.
  DeployResult undo(DeployResult result, const std::string& service) {
    if (!options_.rolls_back.contains(service) || plan_.inventory.workloads.empty() ||
        result.exit_code == 130)
      return result;
    size_t restored = 0;
    for (const KubeObject& workload : plan_.inventory.workloads) {
      if (workload.kind == "Job") continue;
      ApiResult<Json> applied = resources_.apply(workload, false);
      if (!applied) {
        result.error += "; the rollback failed: " + applied.error().message;
        return result;
      }
      ++restored;
    }
    // A StatefulSet does not replace a pod that never became ready.
    ApiResult<std::vector<Json>> pods = resources_.list("Pod", project_);
    if (pods)
      for (const Json& pod : *pods) {
        PodRow row = pod_row(pod, 0);
        if (row.service == service && row.state != "running") (void)resources_.remove("Pod", row.name);
      }
    result.error += "; rolled back to the previous deployment (" + std::to_string(restored) + " workloads)";
    return result;
  }

  const Resources& resources_;
  const std::string& project_;
  const Conversion& conversion_;
  const ClusterPlan& plan_;
  const PlaceFinder& place_;
  const DeployOptions& options_;
  EventLines lines_;
  std::map<std::string, int> wait_ids_;
  int step_id_ = 0;
  size_t changed_ = 0;
};

}  // namespace

DeployResult deploy(const Resources& resources, const std::string& project, const Conversion& conversion,
                    const ClusterPlan& plan, const PlaceFinder& place, const DeployOptions& options) {
  return Deployment(resources, project, conversion, plan, place, options).run();
}

DeployResult remove_project(const Resources& resources, const std::string& project, const ClusterPlan& plan,
                            const DeployOptions& options) {
  EventLines lines(options.on_line);
  OrderedJson shown = plan_json(plan, project);
  lines.send({{"event", "plan"}, {"actions", Json::parse(shown["actions"].dump())}});
  int id = 0;
  auto fail = [&](const ApiFailure& why, const std::string& what) {
    return failure(to_error(why, resources.connection().access()).in(what).text());
  };
  for (const PlannedStep& step : plan.steps) {
    lines.action(++id, "running");
    ApiResult<std::monostate> removed = resources.remove(step.object.kind, step.object.name);
    if (!removed) return fail(removed.error(), "remove " + step.object.kind + " " + step.object.name);
    lines.action(id, "done");
  }
  auto limit = std::chrono::steady_clock::now() + options.timeout;
  for (;;) {
    ApiResult<std::vector<Json>> pods = resources.list("Pod", project);
    if (!pods) return fail(pods.error(), "list pods");
    if (pods->empty()) break;
    if (options.canceled && options.canceled())
      return failure("interrupted; the cluster continues to remove the pods");
    if (std::chrono::steady_clock::now() > limit)
      return failure(std::to_string(pods->size()) + " pods are still running, for example " +
                     pod_row(pods->front(), 0).name);
    std::this_thread::sleep_for(kPause);
  }
  ApiResult<std::monostate> last = resources.remove("Secret", inventory_name(project));
  if (!last) return fail(last.error(), "remove the inventory");
  DeployResult ok;
  ok.ok = true;
  ok.exit_code = 0;
  ok.changed = plan.steps.size();
  return ok;
}

}  // namespace stack::targets::kubernetes
