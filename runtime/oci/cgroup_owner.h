// A container that may make groups below its own: the group belongs to the container's user. runtime-spec
// config-linux.md "Cgroup ownership"; cgroup-v2.rst "Delegation Containment".
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime::oci {

// The host's user that the group of version 2 is given to, or nullopt: that takes a cgroup namespace of its
// own, the cgroup file system mounted for writing, and a process whose user is mapped. Pure.
std::optional<uid_t> cgroup_owner(const OciSpec& spec);

// The directory and those of its files that the kernel's list /sys/kernel/cgroup/delegate names. No limits
// are among them.
Result<> give_cgroup(const std::string& directory, uid_t owner);

}  // namespace stack::runtime::oci
