// Creating, joining and mapping namespaces. namespaces(7), user_namespaces(7)
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

struct JoinedNamespace {
  int type = 0;
  Fd fd;
};

// Opens the namespaces that the spec gives by path and checks their types (NS_GET_NSTYPE).
Result<std::vector<JoinedNamespace>> open_joined_namespaces(const OciSpec& spec);

// Flags for clone3(2): the new namespaces except cgroup and time, which are unshared separately.
uint64_t clone_flags(const OciSpec& spec);

// Writes /proc/<pid>/uid_map and gid_map. Denies setgroups only if the kernel requires it.
Result<> write_id_maps(pid_t pid, const OciSpec& spec);

// Creates a time namespace with these offsets for future children of the calling process.
Result<> unshare_time(const std::vector<TimeOffset>& offsets);

}  // namespace stack::runtime
