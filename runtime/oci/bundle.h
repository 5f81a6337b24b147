// Converts a bundle's configuration to the plan of a start. runtime-spec bundle.md, config.md
#pragma once

#include <string>

#include "base/result.h"
#include "runtime/container/plan.h"
#include "runtime/oci/command.h"

namespace stack::runtime::oci {

// Settings that the caller's environment passes to the container.
struct CallerEnvironment {
  int listen_fds = 0;          // LISTEN_FDS: sd_listen_fds(3)
  std::string listen_fdnames;  // LISTEN_FDNAMES
  bool notify = false;         // NOTIFY_SOCKET: sd_notify(3)
};
CallerEnvironment read_environment();

constexpr const char* kNotifyFolder = "/run/notify";  // in the container
constexpr const char* kNotifyName = "notify.sock";

// Makes paths absolute from the bundle, allows the usual devices, and adds the settings of the environment. Pure,
// except that the root must exist.
Result<OciSpec> read_bundle_spec(const Json& config, const std::string& bundle);
void pass_on(const CallerEnvironment& passed, const std::string& notify_folder, OciSpec& spec);

// "/x/y" below the hierarchies' mount points. Relative paths start at the top; an empty path becomes "/<id>", as in
// crun and runc. Pure.
Result<std::string> container_cgroup_path(const std::string& cgroups_path, const std::string& id);

}  // namespace stack::runtime::oci
