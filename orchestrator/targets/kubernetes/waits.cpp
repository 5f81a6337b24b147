// depends_on: init containers that wait for names.
#include "base/base64.h"
#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"
#include "orchestrator/targets/kubernetes/pod_program.h"

namespace stack::targets::kubernetes {

namespace {

using compose::DependencyCondition;

// Adds a Service that only gives a name to a condition. Nothing listens at its address. (An ExternalName would need
// a target that the cluster's name server can resolve, and the cluster's domain is not known here.)
std::string add_gate(Draft& draft, const std::string& job, GateMoment moment, const std::string& pointer) {
  std::string name = gate_name(job, moment);
  if (!draft.gate_names.insert(name).second) return name;
  Gate gate{moment, job, {}};
  gate.object = {"v1", "Service", name, job, pointer, {}};
  OrderedJson labels = draft.labels(job);
  labels[std::string(kGateLabel)] = "true";
  gate.object.body = {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", {{"name", name}, {"labels", std::move(labels)}}},
      {"spec", {{"ports", OrderedJson::array({{{"name", "none"}, {"port", 1}, {"protocol", "TCP"}}})}}}};
  draft.gates.push_back(std::move(gate));
  return name;
}

std::string dns_name(const Service& service) {
  std::string name = object_name(service.name);
  return name.front() >= '0' && name.front() <= '9' ? with_suffix("s-", name) : name;
}

std::string awaited_name(Draft& draft, const Service& needed, DependencyCondition condition,
                         const std::string& pointer) {
  bool job = draft.kinds.at(needed.name) == WorkloadKind::Job;
  if (condition == DependencyCondition::CompletedSuccessfully) {
    draft.notes.adapted(pointer, "an init container waits for the name " +
                                     gate_name(needed.name, GateMoment::Completed) +
                                     ", which `stack deploy` creates once the Job has succeeded");
    return add_gate(draft, needed.name, GateMoment::Completed, pointer);
  }
  if (condition == DependencyCondition::Healthy && health_of(draft, needed)) return healthy_name(needed);
  if (job) {
    draft.notes.adapted(pointer, "an init container waits for the name " +
                                     gate_name(needed.name, GateMoment::Started) +
                                     ", which `stack deploy` creates once the Job has started");
    return add_gate(draft, needed.name, GateMoment::Started, pointer);
  }
  return dns_name(needed);
}

// With a health check, a name resolves as soon as the pod has an address, also while the pod itself waits; so a
// service that waits for its start also waits for its dependencies.
void collect(Draft& draft, const Service& service, const std::string& owner, std::set<std::string>& seen,
             std::vector<std::pair<std::string, std::string>>& names) {
  for (const auto& [name, dependency] : service.depends_on) {
    auto found = draft.project.services.find(name);
    if (found == draft.project.services.end() || draft.owners.at(name) == owner) continue;
    const Service& needed = found->second;
    if (needed.provider || needed.network_mode == "none" || compose::replicas(needed) == 0) continue;
    std::string pointer = pointer_to(service_pointer(service, "/depends_on"), name);
    if (dependency.condition == DependencyCondition::Started && health_of(draft, needed))
      collect(draft, needed, owner, seen, names);
    std::string awaited = awaited_name(draft, needed, dependency.condition, pointer);
    if (seen.insert(awaited).second) names.emplace_back(object_name(name), awaited);
  }
}

OrderedJson shell_words(const std::vector<std::string>& words) {
  if (words[0] == "wait")
    return {"sh", "-c",
            "until getent hosts " + words[1] + " >/dev/null 2>&1 || nslookup " + words[1] +
                " >/dev/null 2>&1; do sleep 1; done"};
  if (words[0] == "fill") {
    std::string from = shell_quote(words[1]);
    return {
        "sh", "-c",
        "cd " + words[2] + "; [ ! -e .stack-filled ] || exit 0; mkdir -p data; [ -d " + from +
            " ] || exit 0; if [ -e .stack-filling ] || [ -z \"$(ls -A data)\" ]; then : > .stack-filling; " +
            "cp -a " + from + "/. data/ && chown --reference=" + from + " data && chmod --reference=" + from +
            " data && rm .stack-filling; fi && : > .stack-filled"};
  }
  std::string owner = words.size() > 3 ? " && chown -R " + words[3] + " " + words[2] : "";
  return {"sh", "-c",
          "cp -RL " + words[1] + "/. " + words[2] + "/ && rm -rf " + words[2] + "/..*data*" + owner};
}

}  // namespace

std::string helper_name(const Project& project) {
  return with_suffix(object_name(project.name), "-helper-" + short_hash(pod_program()).substr(0, 8));
}

bool helper_fits(const Draft& draft, const Service& service) {
  const std::string& given = draft.inputs.architecture;
  return (given.empty() ? node_architecture(service.platform) : given) == node_architecture("");
}

OrderedJson helper_container(Draft& draft, Pod& pod, const Service& service, const std::string& name,
                             const std::vector<std::string>& words) {
  std::string unique = name;
  for (int number = 2;; ++number) {
    bool taken = false;
    for (const OrderedJson& other : pod.init_containers) taken = taken || other["name"] == unique;
    if (!taken) break;
    unique = with_suffix(name, "-" + std::to_string(number));
  }
  OrderedJson out{
      {"name", unique}, {"image", pod_image(draft, service)}, {"imagePullPolicy", "IfNotPresent"}};
  bool shell = !helper_fits(draft, service);
  if (shell) {
    out["command"] = shell_words(words);
  } else {
    pod.helper = true;
    OrderedJson command = OrderedJson::array({std::string(kHelperPath)});
    for (const std::string& word : words) command.push_back(word);
    out["command"] = std::move(command);
  }
  out["securityContext"] = {{"runAsUser", 0}, {"runAsGroup", 0}, {"readOnlyRootFilesystem", true}};
  out["volumeMounts"] = OrderedJson::array();
  if (!shell) out["volumeMounts"].push_back(mount_at("stack-pod", "/.stack-pod", true));
  return out;
}

void add_waits(Draft& draft, Pod& pod, const Service& service) {
  std::set<std::string> seen;
  std::vector<std::pair<std::string, std::string>> names;
  collect(draft, service, draft.owners.at(service.name), seen, names);
  for (const auto& [needed, awaited] : names) {
    std::string name = with_suffix("wait-", needed);
    bool done = false;
    for (const OrderedJson& other : pod.init_containers) {
      const OrderedJson command = other.value("command", OrderedJson::array());
      done = done || (command.size() == 3 && command[1] == "wait" && command[2] == awaited);
    }
    if (!done) {
      OrderedJson container = helper_container(draft, pod, service, name, {"wait", awaited});
      container["securityContext"].erase("runAsUser");
      container["securityContext"].erase("runAsGroup");
      pod.init_containers.push_back(std::move(container));
    }
  }
}

void add_helper(Draft& draft) {
  if (!draft.helper) return;
  draft.add("v1", "ConfigMap", helper_name(draft.project), "", "/name",
            {{"binaryData", {{"stack-pod", encode_base64(pod_program())}}}, {"immutable", true}});
}

}  // namespace stack::targets::kubernetes
