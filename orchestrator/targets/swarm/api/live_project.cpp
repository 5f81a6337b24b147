#include "orchestrator/targets/swarm/api/live_project.h"

#include <algorithm>

#include "http/wire/query.h"

namespace stack::targets::swarm {

namespace {

const Json& part(const Json& object, std::string_view key) {
  static const Json null;
  if (!object.is_object()) return null;
  auto found = object.find(key);
  return found == object.end() ? null : *found;
}

LiveObject live_object(ObjectKind kind, Json body) {
  LiveObject out;
  out.kind = kind;
  if (kind == ObjectKind::Network) {
    out.id = string_or(body, "Id");
    out.name = string_or(body, "Name");
  } else {
    out.id = string_or(body, "ID");
    out.name = string_or(part(body, "Spec"), "Name");
    out.version = int_or(part(body, "Version"), "Index");
  }
  out.body = std::move(body);
  return out;
}

Result<Json> list(DockerConnection& docker, const std::string& path) {
  TRY_ASSIGN(Json answer, docker.call("GET", path));
  return answer.is_array() ? std::move(answer) : Json::array();
}

// The engine's own words are good, but long.
Result<std::string> require_manager(DockerConnection& docker) {
  TRY_ASSIGN(Json info, docker.call("GET", "/info"));
  const Json& swarm = part(info, "Swarm");
  if (string_or(swarm, "LocalNodeState") != "active")
    return conflict("the Docker engine at " + docker.address() +
                    " is not part of a swarm; `docker swarm init` there creates one");
  if (!bool_or(swarm, "ControlAvailable"))
    return conflict("the Docker engine at " + docker.address() +
                    " is a worker of its swarm; choose a manager with --host or DOCKER_HOST");
  return string_or(swarm, "NodeID");
}

}  // namespace

const LiveObject* LiveProject::find(ObjectKind kind, const std::string& name) const {
  for (const LiveObject& object : objects)
    if (object.kind == kind && object.name == name) return &object;
  return nullptr;
}

const SwarmNode* LiveProject::node(const std::string& id) const {
  for (const SwarmNode& one : nodes)
    if (one.id == id) return &one;
  return nullptr;
}

std::string collection(ObjectKind kind) { return "/" + std::string(to_text(kind)) + "s"; }

std::string label_of(const Json& body, ObjectKind kind, std::string_view label) {
  const Json& labels = part(kind == ObjectKind::Network ? body : part(body, "Spec"), "Labels");
  return string_or(labels, label);
}

Result<std::vector<SwarmNode>> read_nodes(DockerConnection& docker) {
  TRY_ASSIGN(Json answer, list(docker, "/nodes"));
  std::vector<SwarmNode> out;
  for (Json& node : answer) {
    SwarmNode one;
    one.id = string_or(node, "ID");
    one.name = string_or(part(node, "Description"), "Hostname");
    one.ready = string_or(part(node, "Status"), "State") == "ready";
    one.active = string_or(part(node, "Spec"), "Availability") == "active";
    one.body = std::move(node);
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const SwarmNode& left, const SwarmNode& right) { return left.id < right.id; });
  return out;
}

Result<LiveProject> read_project(DockerConnection& docker, const std::string& project) {
  LiveProject out;
  TRY_ASSIGN(out.own_node, require_manager(docker));
  TRY_ASSIGN(out.nodes, read_nodes(docker));
  TRY_ASSIGN(Json networks, list(docker, "/networks"));
  for (Json& network : networks) {
    if (string_or(network, "Scope") != "swarm") continue;
    out.network_names[string_or(network, "Id")] = string_or(network, "Name");
    if (label_of(network, ObjectKind::Network, kNamespaceLabel) == project)
      out.objects.push_back(live_object(ObjectKind::Network, std::move(network)));
  }
  std::string label = std::string(kNamespaceLabel) + "=" + project;
  for (ObjectKind kind : {ObjectKind::Config, ObjectKind::Secret, ObjectKind::Service}) {
    TRY_ASSIGN(Json answer, list(docker, labeled(collection(kind), label)));
    for (Json& object : answer) out.objects.push_back(live_object(kind, std::move(object)));
  }
  std::sort(out.objects.begin(), out.objects.end(), [](const LiveObject& left, const LiveObject& right) {
    return std::pair(left.kind, left.name) < std::pair(right.kind, right.name);
  });
  return out;
}

Result<std::optional<LiveObject>> find_object(DockerConnection& docker, ObjectKind kind,
                                              const std::string& name) {
  std::string path = collection(kind) + "/" + http::percent_encode(name);
  if (kind == ObjectKind::Network) path += "?scope=swarm";
  auto answer = docker.call("GET", path);
  if (!answer && answer.error().kind() == ErrorKind::NotFound) return std::optional<LiveObject>();
  if (!answer) return std::move(answer).error();
  LiveObject found = live_object(kind, std::move(*answer));
  // Docker also finds objects by the beginning of their ID.
  if (found.name != name) return std::optional<LiveObject>();
  return std::optional(std::move(found));
}

Result<std::vector<Json>> read_tasks(DockerConnection& docker, const std::string& project) {
  TRY_ASSIGN(Json answer, list(docker, labeled("/tasks", std::string(kNamespaceLabel) + "=" + project)));
  std::vector<Json> out(answer.begin(), answer.end());
  std::sort(out.begin(), out.end(), [](const Json& left, const Json& right) {
    return string_or(left, "CreatedAt") > string_or(right, "CreatedAt");
  });
  return out;
}

}  // namespace stack::targets::swarm
