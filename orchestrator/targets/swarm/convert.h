// Converts a resolved project to the objects of a Docker swarm: the bodies of Docker's API. Pure: the same inputs give
// the same objects, byte by byte.
//
// A service becomes a service of the swarm, or a job if it is meant to end. Configs and secrets have a hash of their
// contents in their names, so that a change rolls out. Small bound files become configs, because a node does not have
// the files of this machine. depends_on is the order of the deployment (api/deploy.h).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/targets/fidelity.h"
#include "orchestrator/targets/host_content.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::targets::swarm {

inline constexpr std::string_view kExtension = "x-stack-swarm";
// Docker's label: `docker stack ps` and others find the project by it.
inline constexpr std::string_view kNamespaceLabel = "com.docker.stack.namespace";
inline constexpr std::string_view kServiceLabel = "stack.service";
// Hash of an object's body, on objects that cannot be changed in place.
inline constexpr std::string_view kHashLabel = "stack.hash";
// "stack.node.<volume>": the node that has the volume, on the services that use it.
inline constexpr std::string_view kVolumeNodeLabel = "stack.node.";

// API versions in which members appeared; older ones do not know them.
constexpr int kVersionOfJobs = 41;
inline constexpr int kNewestVersion = 50;  // of the API, "1.50"

struct ConvertInputs {
  std::map<std::string, ImageFacts> images;  // by compose::image_name()
  HostReader read_host = targets::read_host;
  PlaceFinder place;                              // for the report
  int api_version = kNewestVersion;               // the minor number: 41 for 1.41
  std::map<std::string, std::string> nodes = {};  // volume's real name -> ID of the node that has it
};

enum class ObjectKind { Network, Config, Secret, Service };
std::string_view to_text(ObjectKind kind);

struct SwarmObject {
  ObjectKind kind = ObjectKind::Service;
  std::string name;     // in the swarm
  std::string service;  // of the project; "" = the project
  std::string pointer;  // where it comes from: "/services/web"
  OrderedJson body;     // of the create request. Networks, configs, and secrets are referred to by name
};

// A condition for the creation of a service.
struct Need {
  std::string service;
  compose::DependencyCondition condition = compose::DependencyCondition::Started;
  bool required = true;
};

struct Conversion {
  std::vector<SwarmObject> objects;  // networks, configs, secrets, then services in the order of their names
  std::map<std::string, std::vector<Need>> needs;  // by service
  // Names of objects that must exist already: external networks, configs, and secrets.
  std::vector<std::pair<ObjectKind, std::string>> external;
  // Volumes on a node's disk: real name -> services that use it.
  std::map<std::string, std::set<std::string>> local_volumes;
  std::set<std::string> awaited;  // services whose completion others await
  FidelityReport report;
};

Conversion convert(const compose::Project& project, const ConvertInputs& inputs);

// The verdict on every key of the model that does not depend on its value.
std::span<const KeyRule> swarm_rules();

// "<project>_<name>".
std::string object_name(const std::string& project, const std::string& name);

// The objects as files: "web.json" for a service, "networks/shop_default.json" and so on for others.
struct ObjectFile {
  std::string path;
  std::string text;
};
std::vector<ObjectFile> object_files(const Conversion& conversion);
// All objects as one JSON list: [{"kind","name","body"}...].
std::string object_list(const Conversion& conversion);

}  // namespace stack::targets::swarm
