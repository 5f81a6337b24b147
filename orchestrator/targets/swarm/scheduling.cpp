// Replicas, jobs, resources, placement, restarts, and updates.
#include "base/text.h"
#include "orchestrator/targets/swarm/draft.h"

namespace stack::targets::swarm {

namespace {

constexpr double kNano = 1e9;

bool is_awaited(const Draft& draft, const Service& service) { return draft.awaited.contains(service.name); }

bool serves(const Draft& draft, const Service& service) {
  return !service.ports.empty() || !service.expose.empty() || health_of(draft, service).has_value();
}

OrderedJson update_of(const compose::UpdateConfig& config) {
  OrderedJson out{{"Parallelism", config.parallelism.value_or(1)}};
  if (config.delay.count() > 0) out["Delay"] = config.delay.count();
  out["FailureAction"] = config.failure_action.empty() ? "pause" : config.failure_action;
  if (config.monitor.count() > 0) out["Monitor"] = config.monitor.count();
  out["MaxFailureRatio"] = config.max_failure_ratio;
  out["Order"] = config.order.empty() ? "stop-first" : config.order;
  return out;
}

void add_reservations(Draft& draft, const ServiceDraft& parts, OrderedJson& out) {
  const Service& service = parts.service;
  const compose::ResourceReservations none;
  const compose::ResourceReservations& wanted =
      service.deploy && service.deploy->reservations ? *service.deploy->reservations : none;
  if (wanted.cpus > 0) out["NanoCPUs"] = static_cast<int64_t>(wanted.cpus * kNano);
  int64_t memory = wanted.memory.bytes != 0 ? static_cast<int64_t>(wanted.memory.bytes)
                                            : static_cast<int64_t>(service.mem_reservation.bytes);
  if (memory > 0) out["MemoryBytes"] = memory;
  for (const compose::GenericResource& resource : wanted.generic_resources)
    out["GenericResources"].push_back(
        {{"DiscreteResourceSpec", {{"Kind", resource.kind}, {"Value", resource.value}}}});
  (void)draft;
}

double cpu_limit(const Service& service) {
  if (service.deploy && service.deploy->limits && service.deploy->limits->cpus > 0)
    return service.deploy->limits->cpus;
  if (service.cpus > 0) return service.cpus;
  if (service.cpu_count > 0) return static_cast<double>(service.cpu_count);
  constexpr double kPeriod = 100000;
  if (service.cpu_quota <= 0) return 0;
  return static_cast<double>(service.cpu_quota) /
         (service.cpu_period > 0 ? static_cast<double>(service.cpu_period) : kPeriod);
}

void add_limits(const Service& service, OrderedJson& out) {
  const compose::ResourceLimits none;
  const compose::ResourceLimits& wanted =
      service.deploy && service.deploy->limits ? *service.deploy->limits : none;
  if (double cpus = cpu_limit(service); cpus > 0) out["NanoCPUs"] = static_cast<int64_t>(cpus * kNano);
  int64_t memory = wanted.memory.bytes != 0 ? static_cast<int64_t>(wanted.memory.bytes)
                                            : static_cast<int64_t>(service.mem_limit.bytes);
  if (memory > 0) out["MemoryBytes"] = memory;
  int64_t pids = wanted.pids != 0 ? wanted.pids : service.pids_limit;
  if (pids > 0) out["Pids"] = pids;
}

std::string condition_of(const Service& service) {
  if (!service.restart) return "any";
  switch (service.restart->mode) {
    case compose::RestartMode::No:
      return "none";
    case compose::RestartMode::OnFailure:
      return "on-failure";
    case compose::RestartMode::Always:
    case compose::RestartMode::UnlessStopped:
      return "any";
  }
  return "any";
}

}  // namespace

bool is_job(const Draft& draft, const Service& service) {
  std::string mode = service.deploy ? service.deploy->mode : "";
  if (mode == "replicated-job" || mode == "global-job") return true;
  if (!mode.empty() && mode != "replicated") return false;
  if (!draft.knows(kVersionOfJobs)) return false;
  if (is_awaited(draft, service)) return true;
  if (serves(draft, service)) return false;
  if (service.deploy && service.deploy->restart_policy)
    return service.deploy->restart_policy->condition == "none";
  return service.restart && service.restart->mode == compose::RestartMode::No;
}

OrderedJson mode_of(Draft& draft, const ServiceDraft& parts) {
  const Service& service = parts.service;
  std::string mode = service.deploy ? service.deploy->mode : "";
  if (mode == "global") return {{"Global", OrderedJson::object()}};
  if (mode == "global-job") return {{"GlobalJob", OrderedJson::object()}};
  int64_t count = compose::replicas(service);
  if (parts.job) return {{"ReplicatedJob", {{"MaxConcurrent", count}, {"TotalCompletions", count}}}};
  (void)draft;
  return {{"Replicated", {{"Replicas", count}}}};
}

void add_resources(Draft& draft, ServiceDraft& parts) {
  OrderedJson limits = OrderedJson::object();
  OrderedJson reservations = OrderedJson::object();
  add_limits(parts.service, limits);
  add_reservations(draft, parts, reservations);
  OrderedJson out = OrderedJson::object();
  if (!limits.empty()) out["Limits"] = std::move(limits);
  if (!reservations.empty()) out["Reservations"] = std::move(reservations);
  if (!out.empty()) parts.task["Resources"] = std::move(out);
}

void add_restart(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  OrderedJson out{{"Condition", condition_of(service)}};
  if (service.restart && service.restart->mode == compose::RestartMode::OnFailure &&
      service.restart->max_retries > 0)
    out["MaxAttempts"] = service.restart->max_retries;
  if (service.deploy && service.deploy->restart_policy) {
    const compose::DeployRestartPolicy& policy = *service.deploy->restart_policy;
    out["Condition"] = policy.condition.empty() ? "any" : policy.condition;
    if (policy.delay) out["Delay"] = policy.delay->count();
    if (policy.max_attempts) out["MaxAttempts"] = *policy.max_attempts;
    if (policy.window) out["Window"] = policy.window->count();
  }
  // Jobs end, so they cannot be restarted always.
  if (parts.job && out["Condition"] == "any") {
    out["Condition"] = "none";
    if (service.restart)
      draft.notes.adapted(parts.at("/restart"), "a job, because other services wait until it has completed");
  }
  parts.task["RestartPolicy"] = std::move(out);
}

void add_placement(Draft& draft, ServiceDraft& parts) {
  const Service& service = parts.service;
  OrderedJson out = OrderedJson::object();
  std::vector<std::string> constraints;
  if (service.deploy && service.deploy->placement) {
    const compose::Placement& placement = *service.deploy->placement;
    constraints = placement.constraints;
    for (const compose::PlacementPreference& preference : placement.preferences)
      out["Preferences"].push_back({{"Spread", {{"SpreadDescriptor", preference.spread}}}});
    if (placement.max_replicas_per_node > 0 && !parts.job)
      out["MaxReplicas"] = placement.max_replicas_per_node;
  }
  constraints.insert(constraints.end(), parts.constraints.begin(), parts.constraints.end());
  if (!constraints.empty()) out["Constraints"] = strings(constraints);
  if (!service.platform.empty()) {
    std::vector<std::string> words = split(service.platform, '/');
    OrderedJson platform{{"OS", words[0]}};
    if (words.size() > 1) platform["Architecture"] = words[1];
    out["Platforms"] = OrderedJson::array({std::move(platform)});
  }
  (void)draft;
  if (!out.empty()) parts.task["Placement"] = std::move(out);
}

void add_updates(Draft& draft, ServiceDraft& parts, OrderedJson& body) {
  const Service& service = parts.service;
  bool update = service.deploy && service.deploy->update_config;
  bool rollback = service.deploy && service.deploy->rollback_config;
  if (parts.job) {
    if (update) draft.notes.lost(parts.at("/deploy/update_config"), "jobs are not updated in steps");
    if (rollback) draft.notes.lost(parts.at("/deploy/rollback_config"), "jobs are not rolled back");
    return;
  }
  body["UpdateConfig"] = update_of(update ? *service.deploy->update_config : compose::UpdateConfig{});
  if (rollback) body["RollbackConfig"] = update_of(*service.deploy->rollback_config);
}

}  // namespace stack::targets::swarm
