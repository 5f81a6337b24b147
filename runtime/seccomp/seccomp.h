// Seccomp profiles: Docker's JSON form (with includes/excludes) and the OCI form, to BPF.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

// Docker's default profile, re-stated in our own data file (runtime/seccomp_default.json): JSON text.
std::string_view default_seccomp_profile();

// The architectures that profiles may name: "SCMP_ARCH_X86_64", ...
std::vector<std::string> seccomp_architectures();

struct SeccompRequest {
  std::string profile;  // JSON text, Docker's or OCI's form
  std::set<std::string>
      capabilities;  // "CAP_SYS_ADMIN" ...: what includes.caps / excludes.caps look at (bounding set)
  std::string kernel_version;  // "6.1"; empty: the running one
};

// The SECCOMP_FILTER_FLAG_* that the profile's "flags" names; nullopt where it says nothing about them.
Result<std::optional<unsigned>> seccomp_flags(const Json& profile);

// Whether an action of the profile is SCMP_ACT_NOTIFY: somebody must then listen.
bool seccomp_notifies(const Json& profile);

// The profile as an array of sock_filter (raw bytes), ready for seccomp(2). Of several rules for one call the
// one without conditions decides, otherwise the first that holds. Calls of architectures that the profile
// does not name end the thread, and calls newer than all it names are answered ENOSYS where it refuses by
// default.
Result<std::string> compile_seccomp(const SeccompRequest& request);

// The same through a cache of files in `cache_dir` (made if missing, 0700), each holding all inputs and the
// library's version, which are compared. A damaged or foreign cache file is ignored and written anew.
Result<std::string> cached_seccomp(const SeccompRequest& request, const std::string& cache_dir);

}  // namespace stack::runtime
