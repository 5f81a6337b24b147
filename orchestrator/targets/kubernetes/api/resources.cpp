#include "orchestrator/targets/kubernetes/api/resources.h"

#include "http/wire/query.h"

namespace stack::targets::kubernetes {

namespace {

struct Resource {
  std::string_view kind;
  std::string_view group;  // path below the root
  std::string_view plural;
};
// Workloads first: the objects they use are removed after them.
constexpr Resource kResources[] = {
    {"Deployment", "/apis/apps/v1", "deployments"},
    {"StatefulSet", "/apis/apps/v1", "statefulsets"},
    {"DaemonSet", "/apis/apps/v1", "daemonsets"},
    {"Job", "/apis/batch/v1", "jobs"},
    {"Ingress", "/apis/networking.k8s.io/v1", "ingresses"},
    {"HTTPRoute", "/apis/gateway.networking.k8s.io/v1", "httproutes"},
    {"Service", "/api/v1", "services"},
    {"NetworkPolicy", "/apis/networking.k8s.io/v1", "networkpolicies"},
    {"ConfigMap", "/api/v1", "configmaps"},
    {"Secret", "/api/v1", "secrets"},
    {"PersistentVolumeClaim", "/api/v1", "persistentvolumeclaims"},
    {"Pod", "/api/v1", "pods"},
    {"ReplicaSet", "/apis/apps/v1", "replicasets"},
    {"Event", "/api/v1", "events"},
};
constexpr int kNotFound = 404;

std::vector<Json> items_of_list(const Json& answer) {
  std::vector<Json> out;
  auto items = answer.find("items");
  if (items != answer.end() && items->is_array())
    for (const Json& item : *items) out.push_back(item);
  return out;
}

}  // namespace

std::optional<std::string> resource_path(const std::string& kind, const std::string& name_space,
                                         const std::string& name) {
  for (const Resource& resource : kResources) {
    if (resource.kind != kind) continue;
    std::string path = std::string(resource.group) + "/namespaces/" + http::percent_encode(name_space) + "/" +
                       std::string(resource.plural);
    return name.empty() ? path : path + "/" + http::percent_encode(name);
  }
  return std::nullopt;
}

std::vector<std::string> project_kinds() {
  std::vector<std::string> out;
  for (const Resource& resource : kResources)
    if (resource.kind != "Pod" && resource.kind != "ReplicaSet" && resource.kind != "Event")
      out.emplace_back(resource.kind);
  return out;
}

std::string label_query(const std::string& project, const std::string& service) {
  std::string selector = std::string(kProjectLabel) + "=" + project;
  if (!service.empty()) selector += "," + std::string(kServiceLabel) + "=" + service;
  return "labelSelector=" + http::percent_encode(selector);
}

ApiResult<std::optional<Json>> Resources::find(const std::string& kind, const std::string& name) const {
  std::optional<std::string> path = resource_path(kind, name_space_, name);
  if (!path) return std::optional<Json>();
  ApiResult<Json> answer = connection_.call({.path = *path});
  if (answer) return std::optional<Json>(std::move(*answer));
  if (answer.error().status == kNotFound) return std::optional<Json>();
  return tl::unexpected(answer.error());
}

ApiResult<std::vector<Json>> Resources::list(const std::string& kind, const std::string& project,
                                             const std::string& service) const {
  std::optional<std::string> path = resource_path(kind, name_space_);
  if (!path) return std::vector<Json>();
  ApiResult<Json> answer = connection_.call({.path = *path + "?" + label_query(project, service)});
  if (answer) return items_of_list(*answer);
  if (answer.error().status == kNotFound) return std::vector<Json>();
  return tl::unexpected(answer.error());
}

ApiResult<Json> Resources::apply(const KubeObject& object, bool dry_run, bool force) const {
  std::optional<std::string> path = resource_path(object.kind, name_space_, object.name);
  if (!path) return tl::unexpected(ApiFailure{kNotFound, "", "unknown kind " + object.kind});
  std::string query = "?fieldManager=" + std::string(kFieldManager) + "&fieldValidation=Strict";
  if (force) query += "&force=true";
  if (dry_run) query += "&dryRun=All";
  return connection_.call({.method = "PATCH",
                           .path = *path + query,
                           .body = object.body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace),
                           .content_type = "application/apply-patch+yaml"});
}

ApiResult<std::monostate> Resources::remove(const std::string& kind, const std::string& name) const {
  std::optional<std::string> path = resource_path(kind, name_space_, name);
  if (!path) return std::monostate{};
  Json options{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  ApiResult<Json> answer = connection_.call({.method = "DELETE", .path = *path, .body = options.dump()});
  if (!answer && answer.error().status != kNotFound) return tl::unexpected(answer.error());
  return std::monostate{};
}

ApiResult<std::vector<Json>> Resources::events(const std::string& kind, const std::string& name) const {
  std::string selector = "involvedObject.kind=" + kind + ",involvedObject.name=" + name;
  ApiResult<Json> answer = connection_.call(
      {.path = *resource_path("Event", name_space_) + "?fieldSelector=" + http::percent_encode(selector)});
  if (!answer) return tl::unexpected(answer.error());
  return items_of_list(*answer);
}

}  // namespace stack::targets::kubernetes
