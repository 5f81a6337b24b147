// The desired state of a project on this machine: networks, volumes, images, and containers. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/container.h"
#include "orchestrator/compose/project.h"
#include "orchestrator/plan/graph.h"
#include "orchestrator/plan/update.h"

namespace stack::orchestrator {

struct DesiredNetwork {
  std::string key;                            // key in the Compose file; "" for networks outside a file
  compose::Network config;                    // config.name is the real name, config.driver is never empty
  std::map<std::string, std::string> labels;  // labels from the file and our own; empty for external networks
  std::string config_hash;
  size_t containers = 0;  // number of the project's containers on it, for choosing the subnet size
};

struct DesiredVolume {
  std::string key;
  compose::Volume config;  // config.name is the real name, config.driver is never empty
  std::map<std::string, std::string> labels;
  std::string config_hash;
};

// One of build.secrets, with the source of its content.
struct BuildSecretSource {
  std::string id;
  std::string file;                    // host path, or
  std::optional<std::string> content;  // the bytes
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<uint32_t> mode;
  bool operator==(const BuildSecretSource&) const = default;
};

struct DesiredImage {
  std::string reference;
  std::string platform;
  std::optional<compose::Build> build;  // includes our labels
  std::vector<BuildSecretSource> secrets;
  std::string pull_policy;            // Compose's values; "" = default
  std::string pull_refresh_after;     // a duration; with the policy "refresh"
  std::vector<std::string> services;  // services that use it; one that builds it comes first
  bool named = false;                 // by `image` of a service; otherwise it has the default name of a build
  bool for_builds = false;            // base image of another build; its own services may not run
};

struct DesiredService {
  std::string name;
  ServiceGraph::Dependencies depends_on;  // enabled services only
  int replicas = 1;
  // Named by the caller, or no service was named. The others are included only as dependencies.
  bool selected = true;
  std::string image;  // reference
  // Everything except the parts that depend on the replica number. Endpoints have only the user's aliases. See
  // container_spec_of().
  ContainerSpec base;
  std::string container_name;            // "" = <project>-<service>-<number>
  std::string config_hash;               // 64 hexadecimal digits
  std::string config_text;               // the hashed canonical JSON, with digests instead of secrets
  std::vector<std::string> shares_with;  // services whose namespaces or volumes it uses; recreated together
  bool job = false;                      // deploy.mode *-job: runs to completion once
  bool has_healthcheck = false;          // set by the Compose file; an image may define one as well
  std::vector<ContainerSpec> pre_start;  // hooks: pre_start.h
  std::optional<UpdatePolicy> update;    // nullopt: replicas are replaced independently
  UpdatePolicy rollback;
};

struct DesiredState {
  std::string project;
  std::string separator = "-";  // between the parts of a default name: Project::separator
  std::string working_dir;
  std::map<std::string, DesiredNetwork> networks;  // by key
  std::map<std::string, DesiredVolume> volumes;    // by key
  std::map<std::string, DesiredImage> images;      // by reference
  std::map<std::string, DesiredService> services;
  std::set<std::string> known_services;  // including disabled services, whose containers are not orphans
  ServiceGraph graph;
  std::vector<std::string> warnings;
};

struct DesiredOptions {
  std::map<std::string, int> scale;
  std::vector<std::string> services;  // empty: all
  bool no_deps = false;
  bool no_docker_socket = false;  // reject containers that mount the Docker socket
  bool roll_back = false;         // replace every service in batches and roll back after a failure
};

// Errors: unknown service, dependency cycle, container_name with more than one replica, reserved labels, external
// secrets. Errors begin with file:line:col if the project has the position.
Result<DesiredState> desired_state(const compose::Project& project, const DesiredOptions& options = {});

// "<project>-<service>-<number>" or the service's container_name.
std::string container_name(const DesiredState& state, const DesiredService& service, int number);
// The complete description of one replica: name, labels, aliases filled in.
ContainerSpec container_spec_of(const DesiredState& state, const DesiredService& service, int number);

// Options of `run`, as in docs/API.md.
struct RunOptions {
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> env;     // "K=V", or "K" to unset
  std::vector<std::string> labels;  // "K=V"
  std::string user;
  std::string workdir;
  std::string name;  // "" = <project>-<service>-run-<slug>
  std::string slug;  // 12 hexadecimal digits, chosen by the caller because this function is pure
  bool tty = false;
  bool interactive = false;
  bool detach = false;  // stdin stays open although nobody is attached
  bool remove = false;  // --rm
  bool service_ports = false;
  std::vector<std::string> publish;  // "[ip:]host:container[/proto]"
  // "source:target[:ro]", short syntax; relative sources from the project directory.
  std::vector<std::string> volumes;
  bool use_aliases = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
};
// The container of `run SERVICE`: the service's container with Compose's changes for one-off containers (no published
// ports, no service aliases, no restart policy, its own name and labels).
Result<ContainerSpec> one_off(const compose::Project& project, const std::string& service,
                              const RunOptions& options);

// A difference between a service and the configuration of its container. A value is empty if the member is absent,
// and "***" if it may be secret.
struct FieldChange {
  std::string field;  // "environment.DEBUG"
  std::string before;
  std::string after;
};

// The differences between two canonical texts, sorted by Compose's field names. Empty if either text is empty or
// unreadable.
std::vector<FieldChange> changed_fields(std::string_view before, std::string_view after);

// A project whose name is that of its folder must not take over the containers of another folder of the same name by
// accident. Returns an error text in this case. A name that was given on purpose is enough: the folder may change.
std::optional<std::string> check_identity(const std::string& project, const std::string& stored_working_dir,
                                          const std::string& working_dir);

}  // namespace stack::orchestrator
