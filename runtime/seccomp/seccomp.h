// Compiles seccomp profiles in Docker's JSON format (with includes/excludes) and the OCI format to BPF.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

// The JSON text of Docker's default profile (runtime/seccomp/seccomp_default.json).
std::string_view default_seccomp_profile();

// The architectures that profiles may name: "SCMP_ARCH_X86_64", ...
std::vector<std::string> seccomp_architectures();

struct SeccompRequest {
  std::string profile;  // JSON text in Docker's or the OCI format
  // Bounding set for includes.caps and excludes.caps: "CAP_SYS_ADMIN" ...
  std::set<std::string> capabilities;
  std::string kernel_version;  // "6.1"; empty: the running kernel
};

// The SECCOMP_FILTER_FLAG_* in the profile's "flags"; nullopt if it has no "flags".
Result<std::optional<unsigned>> seccomp_flags(const Json& profile);

// Whether an action of the profile is SCMP_ACT_NOTIFY, which requires a listener.
bool seccomp_notifies(const Json& profile);

// The profile as an array of sock_filter (raw bytes) for seccomp(2). Of several rules for one call, the one without
// conditions decides, otherwise the first that matches. Calls of architectures not in the profile kill the thread. If the
// profile denies by default, calls newer than all calls in it return ENOSYS.
Result<std::string> compile_seccomp(const SeccompRequest& request);

// The same with a cache of files in `cache_dir` (created if missing, 0700). Each file contains all inputs and the library's
// version for comparison. Ignores and rewrites damaged or foreign files.
Result<std::string> cached_seccomp(const SeccompRequest& request, const std::string& cache_dir);

}  // namespace stack::runtime
