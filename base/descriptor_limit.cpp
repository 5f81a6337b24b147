#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace stack {

namespace {

constexpr rlim_t kMost = rlim_t{1} << 20;
std::optional<uint64_t> callers_limit;

}  // namespace

Result<> set_descriptor_limit(uint64_t soft) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::last_errno("limit of descriptors");
  limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::last_errno("limit of descriptors");
  return {};
}

Result<> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::last_errno("limit of descriptors");
  if (limit.rlim_cur >= std::min(limit.rlim_max, kMost)) return {};
  TRY(set_descriptor_limit(kMost));
  callers_limit = limit.rlim_cur;
  return {};
}

std::optional<uint64_t> callers_descriptor_limit() { return callers_limit; }

}  // namespace stack
