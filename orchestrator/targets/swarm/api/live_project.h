// The project's objects as the swarm has them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orchestrator/targets/swarm/api/docker_connection.h"
#include "orchestrator/targets/swarm/convert.h"

namespace stack::targets::swarm {

struct LiveObject {
  ObjectKind kind = ObjectKind::Service;
  std::string id;
  std::string name;
  int64_t version = 0;  // for updates
  Json body;            // as inspected
};

struct SwarmNode {
  std::string id;
  std::string name;  // hostname
  bool ready = false;
  bool active = false;  // takes new tasks
  Json body;
};

struct LiveProject {
  std::vector<LiveObject> objects;                   // with the project's label
  std::map<std::string, std::string> network_names;  // ID -> name, of all networks of the swarm
  std::vector<SwarmNode> nodes;
  std::string own_node;  // ID of the node that answers
  const LiveObject* find(ObjectKind kind, const std::string& name) const;
  const SwarmNode* node(const std::string& id) const;
};

// An error if the engine is not a manager of a swarm.
Result<LiveProject> read_project(DockerConnection& docker, const std::string& project);
// The object of that name, of any owner; nullopt if there is none.
Result<std::optional<LiveObject>> find_object(DockerConnection& docker, ObjectKind kind,
                                              const std::string& name);

// "/services" and so on.
std::string collection(ObjectKind kind);
// The label of an inspected object, or "".
std::string label_of(const Json& body, ObjectKind kind, std::string_view label);

// Tasks of the project (service: of that service only), newest first for each service and slot.
Result<std::vector<Json>> read_tasks(DockerConnection& docker, const std::string& project);
Result<std::vector<SwarmNode>> read_nodes(DockerConnection& docker);

}  // namespace stack::targets::swarm
