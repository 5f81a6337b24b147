#include "orchestrator/targets/kubernetes/draft.h"

#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

std::string_view to_text(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::Deployment:
      return "Deployment";
    case WorkloadKind::StatefulSet:
      return "StatefulSet";
    case WorkloadKind::DaemonSet:
      return "DaemonSet";
    case WorkloadKind::Job:
      return "Job";
  }
  return "";
}

const ImageFacts& Draft::facts(const Service& service) const {
  static const ImageFacts unknown;
  auto found = inputs.images.find(compose::image_name(project, service));
  return found == inputs.images.end() ? unknown : found->second;
}

Json Draft::extension(const compose::Extensions& extensions) {
  auto found = extensions.find(std::string(kExtension));
  if (found == extensions.end()) return nullptr;
  auto value = parse_json(found->second);
  return value && value->is_object() ? *value : Json(nullptr);
}

OrderedJson Draft::labels(const std::string& service) const {
  OrderedJson out{{"app.kubernetes.io/managed-by", "stack"}, {std::string(kProjectLabel), project.name}};
  if (!service.empty()) {
    out["app.kubernetes.io/name"] = object_name(service);
    out[std::string(kServiceLabel)] = object_name(service);
  }
  return out;
}

// Members of another service's pod have a label of their own.
OrderedJson Draft::selector(const Service& service) const {
  OrderedJson out{{std::string(kProjectLabel), project.name}};
  if (owners.at(service.name) == service.name) {
    out[std::string(kServiceLabel)] = object_name(service.name);
  } else {
    out["stack.member." + object_name(service.name)] = "true";
  }
  return out;
}

KubeObject& Draft::add(std::string api_version, std::string kind, std::string name,
                       const std::string& service, std::string pointer, OrderedJson members) {
  KubeObject object{
      std::move(api_version), std::move(kind), std::move(name), service, std::move(pointer), {}};
  object.body = {{"apiVersion", object.api_version},
                 {"kind", object.kind},
                 {"metadata", {{"name", object.name}, {"labels", labels(service)}}}};
  for (auto& [key, value] : members.items()) object.body[key] = std::move(value);
  objects.push_back(std::move(object));
  return objects.back();
}

std::string service_pointer(const Service& service, std::string_view rest) {
  return pointer_to("/services", service.name) + std::string(rest);
}

std::optional<compose::Healthcheck> health_of(const Draft& draft, const Service& service) {
  compose::Healthcheck health = service.healthcheck.value_or(compose::Healthcheck{});
  if (health.disable) return std::nullopt;
  const ImageFacts& facts = draft.facts(service);
  if (health.test.empty() && facts.known && facts.healthcheck && !facts.healthcheck->disable) {
    const compose::Healthcheck& image = *facts.healthcheck;
    health.test = image.test;
    if (!health.interval) health.interval = image.interval;
    if (!health.timeout) health.timeout = image.timeout;
    if (!health.retries) health.retries = image.retries;
    if (!health.start_period) health.start_period = image.start_period;
    if (!health.start_interval) health.start_interval = image.start_interval;
  }
  if (health.test.empty()) return std::nullopt;
  return health;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '$') out += '$';
  }
  return out;
}

OrderedJson escaped(const compose::StringList& words) {
  OrderedJson out = OrderedJson::array();
  for (const std::string& word : words) out.push_back(escaped(word));
  return out;
}

std::string healthy_name(const Service& service) {
  return with_suffix(object_name(service.name), "-healthy");
}

std::string gate_name(const std::string& job, GateMoment moment) {
  return with_suffix(object_name(job), moment == GateMoment::Started ? "-started" : "-completed");
}

std::string published_name(const Service& service) {
  return with_suffix(object_name(service.name), "-published");
}

std::string claim_name(const compose::Volume& volume) { return object_name(volume.name); }

std::string registry_secret_name(const Project& project) {
  return with_suffix(object_name(project.name), "-registry");
}

std::string network_label(const std::string& network) { return "stack.network." + object_name(network); }

std::string pod_volume(Pod& pod, const std::string& wanted, OrderedJson source) {
  std::string name = object_name(wanted);
  if (!pod.volume_names.insert(name).second) return name;
  OrderedJson volume{{"name", name}};
  for (auto& [key, value] : source.items()) volume[key] = std::move(value);
  pod.volumes.push_back(std::move(volume));
  return name;
}

OrderedJson mount_at(const std::string& volume, const std::string& path, bool read_only,
                     const std::string& sub_path) {
  OrderedJson out{{"name", volume}, {"mountPath", path}};
  if (!sub_path.empty()) out["subPath"] = sub_path;
  if (read_only) out["readOnly"] = true;
  return out;
}

// A name without a registry or a path would be another publisher's image on the public registry.
std::string pod_image(Draft& draft, const Service& service) {
  std::string name = compose::image_name(draft.project, service);
  const ImageFacts& facts = draft.facts(service);
  if (!facts.reference.empty()) return facts.reference;
  if (!service.build) return name;
  if (name.find('/') == std::string::npos) name = "localhost/" + name;
  draft.notes.adapted(
      service_pointer(service, "/build"),
      "the nodes need the image " + name + ": `deploy --push-to REGISTRY` pushes it by digest");
  return name;
}

Conversion convert(const Project& project, const ConvertInputs& inputs) {
  Draft draft(project, inputs);
  decide_kinds(draft);
  add_claims(draft);
  for (const auto& [name, service] : project.services) {
    if (service.provider) {
      draft.notes.refused(service_pointer(service, "/provider"), "providers run only on the local machine");
      continue;
    }
    add_names(draft, service);
    add_published(draft, service);
    if (draft.owners.at(name) == name) add_workload(draft, service);
  }
  add_policies(draft);
  add_helper(draft);
  if (!inputs.registry_config.empty())
    draft.add("v1", "Secret", registry_secret_name(project), "", "/name",
              {{"type", "kubernetes.io/dockerconfigjson"},
               {"data", {{".dockerconfigjson", encode_base64(inputs.registry_config)}}}});
  Conversion out;
  out.report = account(compose::project_to_json(project), kubernetes_rules(), draft.notes, inputs.place);
  out.objects = std::move(draft.objects);
  out.gates = std::move(draft.gates);
  // What others need comes first: configurations, then volumes, names, and policies, then workloads.
  auto rank = [](const KubeObject& object) {
    constexpr std::string_view kOrder[] = {"ConfigMap", "Secret", "PersistentVolumeClaim", "NetworkPolicy",
                                           "Service"};
    auto found = std::find(std::begin(kOrder), std::end(kOrder), object.kind);
    return found - std::begin(kOrder);
  };
  std::stable_sort(out.objects.begin(), out.objects.end(),
                   [&](const KubeObject& left, const KubeObject& right) { return rank(left) < rank(right); });
  return out;
}

std::string node_architecture(const std::string& platform) {
  std::vector<std::string> parts = split(platform, '/');
  std::string arch = parts.size() > 1 ? parts[1] : "";
  if (!arch.empty()) return arch;
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

}  // namespace stack::targets::kubernetes
