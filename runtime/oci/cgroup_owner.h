// Delegates a cgroup to the container's user, so that the container can create groups below it. runtime-spec
// config-linux.md "Cgroup ownership"; cgroup-v2.rst "Delegation Containment".
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime::oci {

// The host user who becomes the owner of the version 2 group; nullopt unless there is a new cgroup namespace, a
// writable mount of the cgroup file system, and a mapped process user. Pure.
std::optional<uid_t> cgroup_owner(const OciSpec& spec);

// Gives away the directory and those of its files that are listed in /sys/kernel/cgroup/delegate, which does not
// include limits.
Result<> give_cgroup(const std::string& directory, uid_t owner);

}  // namespace stack::runtime::oci
