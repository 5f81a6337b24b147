// What a project shall be on this machine: project -> networks, volumes, images and containers. Pure.
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
  std::string key;                            // in the compose file; "" for networks that are not of a file
  compose::Network config;                    // config.name is the real name, config.driver is never empty
  std::map<std::string, std::string> labels;  // the file's and ours; empty for external ones
  std::string config_hash;
  size_t containers = 0;  // of this project that join it: its subnet is chosen to hold them
};

struct DesiredVolume {
  std::string key;
  compose::Volume config;  // config.name is the real name, config.driver is never empty
  std::map<std::string, std::string> labels;
  std::string config_hash;
};

// One of build.secrets, with where its content is.
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
  std::optional<compose::Build> build;  // labels of ours are in it
  std::vector<BuildSecretSource> secrets;
  std::string pull_policy;            // Compose's words; "" = default
  std::string pull_refresh_after;     // a duration; with the policy "refresh"
  std::vector<std::string> services;  // that use it; one that builds it comes first
  bool for_builds = false;            // another build begins with it, though none of the services may run
};

struct DesiredService {
  std::string name;
  ServiceGraph::Dependencies depends_on;  // enabled services only
  int replicas = 1;
  // Named by the caller (or nobody was named); the others are there as dependencies only.
  bool selected = true;
  std::string image;  // reference
  // Everything but what depends on the number; endpoints carry the user's aliases only. See
  // container_spec_of().
  ContainerSpec base;
  std::string container_name;  // "" = <project>-<service>-<number>
  std::string config_hash;     // 64 hexadecimal digits
  std::string config_text;     // the canonical JSON that was hashed; holds digests of secrets, not secrets
  std::vector<std::string> shares_with;  // services whose namespaces or volumes it uses: recreated together
  bool job = false;                      // deploy.mode *-job: runs to its end, once
  bool has_healthcheck = false;          // by the compose file; an image may bring one too
  std::vector<ContainerSpec> pre_start;  // hooks: pre_start.h
  std::optional<UpdatePolicy> update;    // nullopt: replicas are replaced independently
  UpdatePolicy rollback;
};

struct DesiredState {
  std::string project;
  std::string working_dir;
  std::map<std::string, DesiredNetwork> networks;  // by key
  std::map<std::string, DesiredVolume> volumes;    // by key
  std::map<std::string, DesiredImage> images;      // by reference
  std::map<std::string, DesiredService> services;
  std::set<std::string> known_services;  // disabled ones included: their containers are no orphans
  ServiceGraph graph;
  std::vector<std::string> warnings;
};

struct DesiredOptions {
  std::map<std::string, int> scale;
  std::vector<std::string> services;  // empty: all
  bool no_deps = false;
  bool no_docker_socket = false;  // refuse to give Docker's socket to containers
};

// Errors: unknown service, dependency cycle, a name fixed by container_name with more than one replica,
// reserved labels, external secrets. Errors begin with file:line:col where the project knows it.
Result<DesiredState> desired_state(const compose::Project& project, const DesiredOptions& options = {});

// "<project>-<service>-<number>" or the service's container_name.
std::string container_name(const std::string& project, const DesiredService& service, int number);
// The complete description of one replica: name, labels, aliases filled in.
ContainerSpec container_spec_of(const DesiredState& state, const DesiredService& service, int number);

// Options of `run`, as docs/API.md has them.
struct RunOptions {
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> env;     // "K=V", or "K" to unset
  std::vector<std::string> labels;  // "K=V"
  std::string user;
  std::string workdir;
  std::string name;  // "" = <project>-<service>-run-<slug>
  std::string slug;  // 12 hexadecimal digits, by the caller: this function is pure
  bool tty = false;
  bool interactive = false;
  bool remove = false;  // --rm
  bool service_ports = false;
  std::vector<std::string> publish;  // "[ip:]host:container[/proto]"
  std::vector<std::string>
      volumes;  // "source:target[:ro]", short syntax; relative sources from the project directory
  bool use_aliases = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
};
// The container of `run SERVICE`: the service's, with Compose's differences for one-off containers (no
// published ports, no service aliases, no restart policy, own name and labels).
Result<ContainerSpec> one_off(const compose::Project& project, const std::string& service,
                              const RunOptions& options);

// How one member of a service differs from what its container was made from. Values are empty where the member
// is absent, and "***" where they may be secret.
struct FieldChange {
  std::string field;  // "environment.DEBUG"
  std::string before;
  std::string after;
};

// Canonical, versioned JSON of what makes containers of a service what they are, and its SHA-256.
std::string canonical_service(const compose::Project& project, const compose::Service& service);
// What differs between two canonical texts, by Compose's names, sorted. Empty when either text is empty or
// unreadable.
std::vector<FieldChange> changed_fields(std::string_view before, std::string_view after);

// A project is its name and its folder. Nothing to say (nullopt) when they belong together or nothing is
// stored; else the text that refuses.
std::optional<std::string> check_identity(const std::string& project, const std::string& stored_working_dir,
                                          const std::string& working_dir);

}  // namespace stack::orchestrator
