// Converts a container spec to the OCI config.json for the runtime. Pure: the caller looks up images, users, volumes, and
// addresses.
// https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/container/container.h"
#include "runtime/spec/users.h"

namespace stack::engine {

// Process defaults from the image.
struct ImageDefaults {
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> env;
  std::string working_dir;
  std::string user;
  std::string stop_signal;
};

// Entrypoint and command by Docker's rules: an entrypoint given by the user drops the image's command. Invalid if there
// is no command to run.
Result<std::vector<std::string>> command_line(const ContainerSpec& spec, const ImageDefaults& image);

// Image variables, then the container's; "K" without "=" removes a variable. PATH, HOSTNAME, HOME, and (with a terminal)
// TERM are always set. Docker's order.
std::vector<std::string> environment(const ContainerSpec& spec, const ImageDefaults& image,
                                     const std::string& hostname, const std::string& home);

struct SecurityOptions {
  bool no_new_privileges = false;
  bool seccomp_unconfined = false;
  std::string seccomp_profile;  // JSON text; "" = default
  bool paths_unconfined = false;
  std::vector<std::string> ignored;  // options that this machine cannot honor: apparmor=..., label=...
};
// `seccomp=` accepts a file path or a profile as JSON.
Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options);

// The bounding set of the container's processes, e.g. for the seccomp profile's conditions.
Result<std::vector<std::string>> capabilities_of(const ContainerSpec& spec);

struct OciInputs {
  const Container* container = nullptr;
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string working_dir;
  runtime::User user;
  std::string hostname;
  std::string cgroup_path;
  // Files written by the engine and bind-mounted: {host path, container path, read-only}.
  struct OwnFile {
    std::string source;
    std::string target;
    bool read_only = false;
  };
  std::vector<OwnFile> own_files;
  // Namespaces shared with another container: process IDs; 0 = own namespace.
  int64_t ipc_pid = 0;
  int64_t pid_pid = 0;
  std::vector<std::string> cdi_folders;
};

Result<Json> oci_config(const OciInputs& inputs);

// linux.resources with the limits that can change while the container runs, without devices.
Result<Json> limits_json(const ResourceSpec& resources);

// The process object of an exec session in that container.
struct ExecProcess {
  std::vector<std::string> args;
  std::vector<std::string> env;  // additions
  std::string working_dir;
  runtime::User user;
  bool tty = false;
  bool privileged = false;
  int rows = 0;
  int columns = 0;
};
Result<Json> exec_process(const ContainerSpec& spec, const std::vector<std::string>& container_env,
                          const ExecProcess& exec);

}  // namespace stack::engine
