// What is there now; the engine fills it from its store and the kernel before each plan.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/container.h"
#include "model/container_status.h"
#include "model/health.h"

namespace stack::orchestrator {

struct ObservedContainer {
  std::string id;
  std::string name;
  std::string service;
  int number = 0;  // 0 for one-off containers
  bool oneoff = false;
  ContainerStatus state = ContainerStatus::Created;
  Health health = Health::None;  // None: no health check
  int exit_code = 0;             // of the last run
  std::string config_hash;       // label com.docker.compose.config-hash
  std::string config_text;       // canonical JSON kept with it; "" = not known
  std::string image;             // reference it was made from
  std::string image_id;
  std::set<std::string> networks;  // names of the networks it is attached to (or will be, at start)
  std::map<std::string, EndpointSpec>
      connections;                // what was asked for there, by network; absent = not known
  std::set<std::string> volumes;  // names of its named volumes
  std::vector<PortSpec> ports;    // host ports it holds while it is alive, one entry a port
  std::map<std::string, std::string> labels;
  bool has_pre_stop = false;  // its description has pre_stop hooks

  bool alive() const {
    return state == ContainerStatus::Running || state == ContainerStatus::Paused ||
           state == ContainerStatus::Restarting;
  }
};

struct ObservedNetwork {
  std::string id;
  std::string name;
  std::map<std::string, std::string> labels;  // project, key and config-hash are among them
  std::string fault = {};                     // what is broken and could not be repaired; "" = nothing
  std::optional<uint64_t> capacity = {};      // how many containers it has addresses for; absent = not known
};

struct ObservedVolume {
  std::string name;
  std::map<std::string, std::string> labels;
};

// What a build section's result depends on, and what the image that is there was built from.
struct ObservedBuild {
  std::string inputs;      // digest of the context, the Dockerfile and the build section, as they are now
  std::string built_from;  // the same of the present image; "" = not known
  std::set<std::string> bases;  // references that its FROM lines name
  std::set<std::string> changed_bases =
      {};  // images that are others now than when the present image was built
};

struct ObservedState {
  std::string project;
  std::vector<ObservedContainer> containers;  // of this project only, one-offs included
  std::vector<ObservedNetwork> networks;      // all of the machine
  std::vector<ObservedVolume> volumes;        // all of the machine
  std::map<std::string, std::string>
      images;  // reference as the project writes it -> image id; absent = not local
  // How long ago these images were pulled or tagged last; the engine fills in those whose pull policy asks for it.
  std::map<std::string, std::chrono::seconds> image_ages;
  std::map<std::string, ObservedBuild> builds;  // by reference of the image
  // Names of containers of other projects, or of none -> whose, for messages: "project blog" or "container
  // 3f2a...".
  std::map<std::string, std::string> other_names;
};

}  // namespace stack::orchestrator
