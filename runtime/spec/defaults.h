// Docker's defaults for containers, as OCI runtime-spec fragments.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace stack::runtime {

// "CAP_CHOWN" ...: the 14 of Docker.
const std::vector<std::string>& default_capabilities();
// All capabilities of this kernel, for `privileged`.
std::vector<std::string> all_capabilities();
// Upper-cases, adds "CAP_"; Invalid for a name that does not exist. "ALL" is returned as "ALL".
Result<std::string> normalize_capability(std::string_view name);

// default + cap_add - cap_drop with Docker's rules for ALL.
Result<std::vector<std::string>> effective_capabilities(const std::vector<std::string>& add,
                                                        const std::vector<std::string>& drop);

// Value of process.capabilities: bounding, effective, permitted = `names`; inheritable and ambient empty.
Json capabilities_json(const std::vector<std::string>& names);

std::vector<std::string> masked_paths();  // Docker's list, including per-CPU paths
std::vector<std::string> readonly_paths();
// mounts[]: /proc /dev /dev/pts /dev/shm /dev/mqueue /sys /sys/fs/cgroup
Json default_mounts(int64_t shm_bytes = int64_t{64} << 20);
// linux.resources.devices[]: deny all, then allow harmless devices.
Json default_device_rules();
// linux.namespaces[]: pid, mount, uts, ipc, cgroup (v2 only); no network (LaunchRequest::netns_fd gives it).
Json default_namespaces();

// A complete config.json with these defaults but without process.args: the engine sets process, hostname, mounts, and
// resources.
Json default_spec();
// The same for `privileged: true`: all capabilities, all host devices, no masked paths, writable /sys and cgroups.
Json privileged_spec();

}  // namespace stack::runtime
