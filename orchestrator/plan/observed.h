// The observed state, which the engine reads from its store and the kernel before each plan.
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
#include "model/container_id.h"
#include "model/container_status.h"
#include "model/health.h"

namespace stack::orchestrator {

struct ObservedContainer {
  ContainerId id;
  std::string name;
  std::string service;
  int number = 0;  // 0 for one-off containers
  bool oneoff = false;
  ContainerStatus state = ContainerStatus::Created;
  Health health = Health::None;  // None: no health check
  int exit_code = 0;             // of the last run
  std::string config_hash;       // label com.docker.compose.config-hash
  std::string config_text;       // canonical JSON stored with it; "" = unknown
  std::string image;             // reference it was created from
  std::string image_id;
  std::set<std::string> networks;  // names of the networks it is attached to, or will be at start
  // Requested endpoint settings by network; absent = unknown.
  std::map<std::string, EndpointSpec> connections;
  std::set<std::string> volumes;  // names of its named volumes
  std::vector<PortSpec> ports;    // host ports it holds while it runs, one entry per port
  std::map<std::string, std::string> labels;
  bool has_pre_stop = false;  // it has pre_stop hooks

  bool alive() const {
    return state == ContainerStatus::Running || state == ContainerStatus::Paused ||
           state == ContainerStatus::Restarting;
  }
};

struct ObservedNetwork {
  std::string id;
  std::string name;
  std::map<std::string, std::string> labels;  // include project, key, and config-hash
  std::string fault = {};                     // a fault that could not be repaired; "" = none
  std::optional<uint64_t> capacity = {};      // number of container addresses; absent = unknown
};

struct ObservedVolume {
  std::string name;
  std::map<std::string, std::string> labels;
};

// The inputs of a build section, and the inputs of the build of the present image.
struct ObservedBuild {
  std::string inputs;           // current digest of the context, the Dockerfile, and the build section
  std::string built_from;       // the digest for the present image; "" = unknown
  std::set<std::string> bases;  // references in its FROM lines
  std::set<std::string> changed_bases = {};  // images that have changed since the build of the present image
};

struct ObservedState {
  std::string project;
  std::vector<ObservedContainer> containers;  // of this project only, including one-off containers
  std::vector<ObservedNetwork> networks;      // all of the machine
  std::vector<ObservedVolume> volumes;        // all of the machine
  // Reference as written in the project -> image ID; absent = not local.
  std::map<std::string, std::string> images;
  // Time since images were last pulled or tagged; set only for images whose pull policy needs it.
  std::map<std::string, std::chrono::seconds> image_ages;
  std::map<std::string, ObservedBuild> builds;  // by image reference
  // Container names outside this project -> their owner, for messages: "project blog" or "container 3f2a...".
  std::map<std::string, std::string> other_names;
};

}  // namespace stack::orchestrator
