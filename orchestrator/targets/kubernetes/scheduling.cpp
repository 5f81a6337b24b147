// On which nodes pods run.
#include "base/text.h"
#include "orchestrator/targets/kubernetes/draft.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";

// The node label for an attribute of a placement constraint, or "".
std::string node_label(const std::string& attribute) {
  if (attribute == "node.hostname") return std::string(kHostname);
  if (attribute == "node.platform.os") return "kubernetes.io/os";
  if (attribute == "node.platform.arch") return "kubernetes.io/arch";
  constexpr std::string_view kLabels = "node.labels.";
  return attribute.starts_with(kLabels) ? attribute.substr(kLabels.size()) : "";
}

std::string architecture_name(const std::string& text) {
  if (text == "x86_64") return "amd64";
  return text == "aarch64" ? "arm64" : text;
}

// "node.labels.zone == a" as a term of a node affinity; null if it has no equivalent.
OrderedJson constraint_term(const std::string& constraint) {
  bool equal = true;
  size_t at = constraint.find("==");
  if (at == std::string::npos) {
    at = constraint.find("!=");
    equal = false;
  }
  if (at == std::string::npos) return nullptr;
  std::string attribute(trim(std::string_view(constraint).substr(0, at)));
  std::string value(trim(std::string_view(constraint).substr(at + 2)));
  if (attribute == "node.role") {
    bool manager = (value == "manager") == equal;
    return {{"key", "node-role.kubernetes.io/control-plane"},
            {"operator", manager ? "Exists" : "DoesNotExist"}};
  }
  std::string label = node_label(attribute);
  if (label.empty()) return nullptr;
  if (attribute == "node.platform.arch") value = architecture_name(value);
  return {{"key", label}, {"operator", equal ? "In" : "NotIn"}, {"values", OrderedJson::array({value})}};
}

void add_placement(Draft& draft, Pod& pod, const Service& service, OrderedJson& terms) {
  if (!service.deploy || !service.deploy->placement) return;
  const compose::Placement& placement = *service.deploy->placement;
  std::string pointer = service_pointer(service, "/deploy/placement");
  for (size_t i = 0; i < placement.constraints.size(); ++i) {
    OrderedJson term = constraint_term(placement.constraints[i]);
    if (term.is_null()) {
      draft.notes.lost(pointer_to(pointer + "/constraints", std::to_string(i)),
                       "nodes of a cluster do not have this");
    } else {
      terms.push_back(std::move(term));
    }
  }
  OrderedJson own{{"matchLabels", draft.selector(service)}};
  for (size_t i = 0; i < placement.preferences.size(); ++i) {
    std::string label = node_label(placement.preferences[i].spread);
    if (label.empty()) {
      draft.notes.lost(pointer_to(pointer + "/preferences", std::to_string(i)),
                       "nodes of a cluster do not have this");
      continue;
    }
    pod.spec["topologySpreadConstraints"].push_back({{"maxSkew", 1},
                                                     {"topologyKey", label},
                                                     {"whenUnsatisfiable", "ScheduleAnyway"},
                                                     {"labelSelector", own}});
  }
  if (placement.max_replicas_per_node == 1) {
    pod.spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].push_back(
        {{"labelSelector", own}, {"topologyKey", kHostname}});
  } else if (placement.max_replicas_per_node > 1) {
    draft.notes.lost(pointer + "/max_replicas_per_node", "only 1 can be kept");
  }
}

// Pods that share a claim run on one node, because most storage can be attached to one node only. The first one may run
// anywhere: its own label satisfies the affinity.
void add_sharing(Draft& draft, Pod& pod, const Service& member) {
  for (const compose::VolumeMount& mount : member.volumes) {
    if (mount.type != compose::MountType::Volume || mount.source.empty()) continue;
    auto volume = draft.project.volumes.find(mount.source);
    if (volume == draft.project.volumes.end()) continue;
    bool several = draft.claims[mount.source].size() > 1 || compose::replicas(member) > 1;
    std::string mode = string_or(Draft::extension(volume->second.extensions), "access_mode", "ReadWriteOnce");
    if (!several || volume->second.external || mode != "ReadWriteOnce" ||
        pod.kind == WorkloadKind::DaemonSet || volume->second.driver_opts.contains("type"))
      continue;
    pod.labels["stack.volume." + claim_name(volume->second)] = "true";
  }
}

}  // namespace

void add_scheduling(Draft& draft, Pod& pod, const Service& service) {
  OrderedJson terms = OrderedJson::array();
  add_placement(draft, pod, service, terms);
  bool architecture = false;
  for (const Service* member : pod.members) {
    add_sharing(draft, pod, *member);
    if (member->platform.empty() || architecture) continue;
    architecture = true;
    terms.push_back({{"key", "kubernetes.io/arch"},
                     {"operator", "In"},
                     {"values", OrderedJson::array({node_architecture(member->platform)})}});
  }
  if (pod.helper && !architecture)
    terms.push_back(
        {{"key", "kubernetes.io/arch"},
         {"operator", "In"},
         {"values", OrderedJson::array({draft.inputs.architecture.empty() ? node_architecture("")
                                                                          : draft.inputs.architecture})}});
  if (!terms.empty())
    pod.spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"] = OrderedJson::array({{{"matchExpressions", std::move(terms)}}});
  for (const auto& [label, value] : pod.labels.items()) {
    if (!label.starts_with("stack.volume.")) continue;
    OrderedJson same{{std::string(kProjectLabel), draft.project.name}, {label, "true"}};
    pod.spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"].push_back(
        {{"labelSelector", {{"matchLabels", std::move(same)}}}, {"topologyKey", kHostname}});
  }
}

}  // namespace stack::targets::kubernetes
