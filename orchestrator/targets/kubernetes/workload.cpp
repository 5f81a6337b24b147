// A service's Deployment, StatefulSet, DaemonSet, or Job.
#include <algorithm>

#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr int64_t kStopSeconds = 10;      // Compose's default stop_grace_period
constexpr int64_t kNoLimit = 2147483647;  // of int32
constexpr int64_t kProgressSeconds = 600;

int64_t seconds_up(Nanoseconds time) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  return (time.count() + kNanoseconds - 1) / kNanoseconds;
}

// Updates one pod after the other unless the file says otherwise; start-first starts the new pods before.
OrderedJson deployment_strategy(Draft& draft, const Service& service) {
  if (!service.deploy || !service.deploy->update_config)
    return {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}};
  const compose::UpdateConfig& update = *service.deploy->update_config;
  std::string pointer = service_pointer(service, "/deploy/update_config/parallelism");
  OrderedJson count = "100%";
  uint64_t parallelism = update.parallelism.value_or(1);
  if (parallelism > 0) count = parallelism;
  bool start_first = update.order == "start-first";
  draft.notes.adapted(pointer, start_first ? "maxSurge" : "maxUnavailable");
  return {{"type", "RollingUpdate"},
          {"rollingUpdate",
           {{"maxSurge", start_first ? count : OrderedJson(0)},
            {"maxUnavailable", start_first ? OrderedJson(0) : count}}}};
}

int64_t min_ready_seconds(const Service& service) {
  if (!service.deploy || !service.deploy->update_config) return 0;
  const compose::UpdateConfig& update = *service.deploy->update_config;
  return seconds_up(std::max(update.delay, update.monitor));
}

OrderedJson template_of(const Pod& pod) {
  OrderedJson metadata{{"labels", pod.labels}};
  if (!pod.annotations.empty()) metadata["annotations"] = pod.annotations;
  OrderedJson spec = pod.spec;
  if (!pod.init_containers.empty()) spec["initContainers"] = pod.init_containers;
  spec["containers"] = pod.containers;
  if (!pod.volumes.empty()) spec["volumes"] = pod.volumes;
  return {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
}

struct JobPolicy {
  std::string restart = "Never";
  int64_t retries = 0;
};

JobPolicy job_policy(const Service& service) {
  if (service.deploy && service.deploy->restart_policy) {
    const compose::DeployRestartPolicy& policy = *service.deploy->restart_policy;
    if (policy.condition == "none") return {};
    int64_t most = policy.max_attempts
                       ? static_cast<int64_t>(std::min<uint64_t>(*policy.max_attempts, kNoLimit))
                       : kNoLimit;
    return {"OnFailure", most};
  }
  if (!service.restart || service.restart->mode == compose::RestartMode::No) return {};
  return {"OnFailure", service.restart->max_retries > 0 ? service.restart->max_retries : kNoLimit};
}

OrderedJson job_spec(Draft& draft, Pod& pod, const Service& service) {
  JobPolicy policy = job_policy(service);
  pod.spec["restartPolicy"] = policy.restart;
  OrderedJson spec{{"backoffLimit", policy.retries}};
  int64_t count = compose::replicas(service);
  if (count != 1) {
    spec["parallelism"] = count;
    spec["completions"] = count;
  }
  if (service.deploy && service.deploy->mode == "global-job")
    draft.notes.lost(service_pointer(service, "/deploy/mode"), "the job runs once, not on every node");
  if (policy.restart == "OnFailure")
    draft.notes.adapted(service_pointer(service, service.restart ? "/restart" : "/deploy/restart_policy"),
                        "a Job with backoffLimit; a restarted container begins with the image's files");
  return spec;
}

OrderedJson spec_of(Draft& draft, Pod& pod, const Service& service) {
  OrderedJson spec = OrderedJson::object();
  switch (pod.kind) {
    case WorkloadKind::Job:
      spec = job_spec(draft, pod, service);
      break;
    case WorkloadKind::DaemonSet:
      spec["selector"] = {{"matchLabels", draft.selector(service)}};
      break;
    case WorkloadKind::StatefulSet:
      spec = {{"replicas", compose::replicas(service)},
              {"serviceName", object_name(service.name)},
              {"podManagementPolicy", "Parallel"},
              {"selector", {{"matchLabels", draft.selector(service)}}}};
      break;
    case WorkloadKind::Deployment:
      spec = {{"replicas", compose::replicas(service)},
              {"progressDeadlineSeconds", kProgressSeconds},
              {"strategy", deployment_strategy(draft, service)},
              {"selector", {{"matchLabels", draft.selector(service)}}}};
      break;
  }
  int64_t ready = min_ready_seconds(service);
  if (ready > 0 && pod.kind != WorkloadKind::Job) spec["minReadySeconds"] = ready;
  spec["template"] = template_of(pod);
  return spec;
}

void note_restart(Draft& draft, const Service& service, WorkloadKind kind) {
  if (kind == WorkloadKind::Job || !service.restart) return;
  std::string pointer = service_pointer(service, "/restart");
  switch (service.restart->mode) {
    case compose::RestartMode::No:
      draft.notes.adapted(pointer,
                          "the service has ports or a health check, so it is restarted when it ends");
      break;
    case compose::RestartMode::OnFailure:
      draft.notes.adapted(pointer, "also restarted after exit code 0, and without a limit");
      break;
    case compose::RestartMode::UnlessStopped:
      draft.notes.adapted(pointer, "always; scale to 0 to stop it");
      break;
    case compose::RestartMode::Always:
      break;
  }
}

void add_labels(Draft& draft, Pod& pod, const Service& service) {
  OrderedJson labels = draft.labels(pod.owner->name);
  for (auto& [key, value] : labels.items()) pod.labels[key] = value;
  if (&service != pod.owner) pod.labels["stack.member." + object_name(service.name)] = "true";
  if (draft.isolated)
    for (const auto& [network, options] : pod.owner->networks) pod.labels[network_label(network)] = "true";
  auto annotate = [&](const compose::StringMap& texts, const char* key) {
    std::string pointer = service_pointer(service, key);
    for (const auto& [name, value] : texts) {
      if (is_qualified_name(name)) {
        pod.annotations[name] = value;
      } else {
        draft.notes.lost(pointer_to(pointer, name), "not a valid name for an annotation");
      }
    }
  };
  std::optional<compose::Healthcheck> health = health_of(draft, service);
  if (health && health->start_period && health->start_period->count() > 0)
    pod.annotations[std::string(kStartPeriod)] = std::to_string(seconds_up(*health->start_period));
  annotate(service.labels, "/labels");
  annotate(service.annotations, "/annotations");
}

void add_hosts(Draft& draft, Pod& pod, const Service& service) {
  std::map<std::string, std::vector<std::string>> by_address;
  for (size_t i = 0; i < service.extra_hosts.size(); ++i) {
    const std::string& entry = service.extra_hosts[i];
    size_t equals = entry.find('=');
    std::string address = equals == std::string::npos ? "" : entry.substr(equals + 1);
    if (address == "host-gateway" || address.empty()) {
      draft.notes.lost(pointer_to(service_pointer(service, "/extra_hosts"), std::to_string(i)),
                       "a pod has no name for its node");
      continue;
    }
    by_address[address].push_back(entry.substr(0, equals));
  }
  for (const auto& [address, names] : by_address)
    pod.spec["hostAliases"].push_back({{"ip", address}, {"hostnames", names}});
  OrderedJson config = OrderedJson::object();
  if (!service.dns.empty()) config["nameservers"] = service.dns;
  if (!service.dns_search.empty()) config["searches"] = service.dns_search;
  for (const std::string& option : service.dns_opt) {
    size_t colon = option.find(':');
    OrderedJson entry{{"name", option.substr(0, colon)}};
    if (colon != std::string::npos) entry["value"] = option.substr(colon + 1);
    config["options"].push_back(std::move(entry));
  }
  if (!config.empty()) pod.spec["dnsConfig"] = std::move(config);
}

void add_pod_settings(Draft& draft, Pod& pod, const Service& service) {
  pod.spec["enableServiceLinks"] = false;
  pod.spec["automountServiceAccountToken"] = false;
  pod.spec["terminationGracePeriodSeconds"] =
      service.stop_grace_period ? seconds_up(*service.stop_grace_period) : kStopSeconds;
  if (!service.hostname.empty()) {
    if (is_service_name(service.hostname)) {
      pod.spec["hostname"] = lower(service.hostname);
    } else {
      draft.notes.lost(service_pointer(service, "/hostname"), "not a valid host name for a pod");
    }
  }
  if (auto named = draft.pod_names.find(service.name); named != draft.pod_names.end()) {
    pod.spec["hostname"] = named->second.host;
    pod.spec["subdomain"] = named->second.domain;
  }
  if (service.network_mode == "host") {
    pod.spec["hostNetwork"] = true;
    pod.spec["dnsPolicy"] = "ClusterFirstWithHostNet";
  }
  if (service.network_mode.starts_with("container:"))
    draft.notes.refused(service_pointer(service, "/network_mode"),
                        "containers outside the project do not exist");
  if (service.pid == "host") pod.spec["hostPID"] = true;
  if (service.ipc == "host") pod.spec["hostIPC"] = true;
  if (service.init.value_or(false)) pod.spec["shareProcessNamespace"] = true;
  if (!service.runtime.empty()) pod.spec["runtimeClassName"] = object_name(service.runtime);
  Json extension = Draft::extension(service.extensions);
  if (extension.is_object() && extension.contains("pull_secrets") && extension["pull_secrets"].is_array())
    for (const Json& secret : extension["pull_secrets"])
      if (secret.is_string())
        pod.spec["imagePullSecrets"].push_back({{"name", secret.get_ref<const std::string&>()}});
  if (!draft.inputs.registry_config.empty())
    pod.spec["imagePullSecrets"].push_back({{"name", registry_secret_name(draft.project)}});
  add_hosts(draft, pod, service);
}

// Hooks that run before the service, each as a container of its own.
void add_pre_start(Draft& draft, Pod& pod, const Service& service) {
  for (size_t i = 0; i < service.pre_start.size(); ++i) {
    const compose::ServiceHook& hook = service.pre_start[i];
    Service copy = service;
    if (!hook.image.empty()) {
      copy.image = hook.image;
      copy.build.reset();
    }
    copy.entrypoint = hook.command;
    copy.command.reset();
    copy.healthcheck.emplace().disable = true;
    copy.ports.clear();
    copy.expose.clear();
    copy.post_start.clear();
    copy.pre_stop.clear();
    copy.stop_signal.clear();
    if (!hook.user.empty()) copy.user = hook.user;
    if (!hook.working_dir.empty()) copy.working_dir = hook.working_dir;
    if (hook.privileged) copy.privileged = true;
    for (const auto& [name, value] : hook.environment) copy.environment[name] = value;
    OrderedJson container = container_of(draft, pod, copy);
    container["name"] = with_suffix(object_name(service.name), "-pre-start-" + std::to_string(i + 1));
    pod.init_containers.push_back(std::move(container));
  }
}

bool is_needed_in_pod(const Pod& pod, const Service& service) {
  return std::any_of(pod.members.begin(), pod.members.end(), [&](const Service* other) {
    return other != &service && other->depends_on.contains(service.name);
  });
}

// Sorts the members so that each follows those it depends on.
void visit_member(const Pod& pod, const Service& service, std::vector<const Service*>& out) {
  if (std::find(out.begin(), out.end(), &service) != out.end()) return;
  for (const auto& [name, dependency] : service.depends_on)
    for (const Service* other : pod.members)
      if (other->name == name && other != &service) visit_member(pod, *other, out);
  out.push_back(&service);
}

// A member that others of the pod need is a sidecar: an init container that keeps running. The next ones start
// after it has started and its startup probe, which is its health check, has succeeded.
void add_containers(Draft& draft, Pod& pod) {
  std::vector<const Service*> ordered;
  for (const Service* member : pod.members) visit_member(pod, *member, ordered);
  OrderedJson sidecars = OrderedJson::array();
  for (const Service* member : ordered) {
    if (draft.kinds.at(member->name) == WorkloadKind::Job && pod.kind != WorkloadKind::Job)
      draft.notes.adapted(service_pointer(*member, "/network_mode"),
                          "restarted with its pod, although it should end");
    OrderedJson container = container_of(draft, pod, *member);
    if (is_needed_in_pod(pod, *member)) {
      container["restartPolicy"] = "Always";
      sidecars.push_back(std::move(container));
    } else {
      pod.containers.push_back(std::move(container));
    }
  }
  for (OrderedJson& sidecar : sidecars) pod.init_containers.push_back(std::move(sidecar));
  for (const Service* member : pod.members) add_pre_start(draft, pod, *member);
}

}  // namespace

void add_workload(Draft& draft, const Service& owner) {
  Pod pod;
  pod.owner = &owner;
  pod.kind = draft.kinds.at(owner.name);
  pod.name = object_name(owner.name);
  pod.members.push_back(&owner);
  for (const auto& [name, service] : draft.project.services)
    if (name != owner.name && draft.owners.at(name) == owner.name && !service.provider)
      pod.members.push_back(&service);
  for (const Service* member : pod.members) add_labels(draft, pod, *member);
  add_pod_settings(draft, pod, owner);
  for (const Service* member : pod.members) add_waits(draft, pod, *member);
  add_containers(draft, pod);
  add_scheduling(draft, pod, owner);
  note_restart(draft, owner, pod.kind);
  if (pod.helper) {
    draft.helper = true;
    pod_volume(pod, "stack-pod",
               {{"configMap", {{"name", helper_name(draft.project)}, {"defaultMode", 0555}}}});
  }
  const char* version = pod.kind == WorkloadKind::Job ? "batch/v1" : "apps/v1";
  OrderedJson spec = spec_of(draft, pod, owner);
  draft.add(version, std::string(to_text(pod.kind)), pod.name, owner.name, service_pointer(owner),
            {{"spec", std::move(spec)}});
}

}  // namespace stack::targets::kubernetes
