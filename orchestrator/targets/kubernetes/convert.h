// Converts a resolved project to Kubernetes objects. Pure: the same inputs give the same objects, byte by byte.
//
// A service becomes a Deployment; a StatefulSet if it alone writes to a named volume; a DaemonSet with `deploy.mode:
// global`; a Job if it is meant to end. The name of a service is a headless Service, which needs no ports. depends_on
// is kept by init containers that wait until a name resolves, without access to the API: a name without a health check
// resolves once the container runs, and `<service>-healthy` once it is healthy. Names for the end of a Job are Gates.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/targets/fidelity.h"
#include "orchestrator/targets/host_content.h"
#include "orchestrator/targets/image_facts.h"

namespace stack::targets::kubernetes {

inline constexpr std::string_view kExtension = "x-stack-kubernetes";
inline constexpr std::string_view kProjectLabel = "stack.project";
inline constexpr std::string_view kServiceLabel = "stack.service";
inline constexpr std::string_view kGateLabel = "stack.gate";  // of Services that are gates
// Annotation of a pod: seconds of start_period, in which a failing health check does not count.
inline constexpr std::string_view kStartPeriod = "stack.start-period";

struct ConvertInputs {
  std::map<std::string, ImageFacts> images;  // by compose::image_name()
  HostReader read_host = targets::read_host;
  PlaceFinder place;                      // for the report
  std::string architecture;               // of the nodes: "amd64", "arm64"; "" = this machine's
  std::string registry_config = {};       // Docker's config.json with credentials for the nodes; "" = none
  std::set<std::string> host_paths = {};  // bind sources to mount from the node although they have contents
};

struct KubeObject {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string service;  // "" = the project
  std::string pointer;  // where it comes from: "/services/web"
  OrderedJson body;     // complete, without metadata.namespace
};

enum class GateMoment { Started, Completed };

// A Service that must be created once a Job has started or completed; pods wait until its name resolves.
struct Gate {
  GateMoment moment = GateMoment::Completed;
  std::string job;
  KubeObject object;
};

struct Conversion {
  std::vector<KubeObject> objects;  // in the order of creation
  std::vector<Gate> gates;
  FidelityReport report;
};

Conversion convert(const compose::Project& project, const ConvertInputs& inputs);

// The verdict on every key of the model that does not depend on its value.
std::span<const KeyRule> kubernetes_rules();

// "linux/arm64/v8" -> "arm64"; "" for this machine's.
std::string node_architecture(const std::string& platform);

}  // namespace stack::targets::kubernetes
