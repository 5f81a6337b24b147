// An OCI bundle for crun and runc with Docker's defaults for a container.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::bench {

// config.json: Docker's capabilities, mounts, masked paths and seccomp profile; a network namespace of its
// own.
Result<Json> oci_config(const std::string& id, const std::string& rootfs,
                        const std::vector<std::string>& args);

// Creates `rootfs` with the mount points and /true, a copy of `true_program`.
Result<> make_rootfs(const std::string& rootfs, const std::string& true_program);

}  // namespace stack::bench
