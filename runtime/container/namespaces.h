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

// The namespaces that the spec gives by path, opened and checked to be of their type (NS_GET_NSTYPE).
Result<std::vector<JoinedNamespace>> open_joined_namespaces(const OciSpec& spec);

// Flags for clone3(2): the new namespaces, cgroup and time left out (they are unshared at their moment).
uint64_t clone_flags(const OciSpec& spec);

// Writes /proc/<pid>/uid_map, gid_map. setgroups is denied only where the kernel insists on it.
Result<> write_id_maps(pid_t pid, const OciSpec& spec);

// Makes the calling process's future children live in a new time namespace with these offsets.
Result<> unshare_time(const std::vector<TimeOffset>& offsets);

}  // namespace stack::runtime
