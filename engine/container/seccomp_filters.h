// Compiled seccomp profiles, kept by profile and capabilities.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "model/container.h"

namespace stack::engine {

// Not an aggregate: g++ 12 copies temporaries of aggregates bitwise into coroutine frames.
struct SeccompFilter {
  SeccompFilter() {}
  std::string bpf;     // empty: no filter
  unsigned flags = 0;  // SECCOMP_FILTER_FLAG_*
};

class SeccompFilters {
 public:
  // `cache_folder`: where compiled filters survive the engine.
  explicit SeccompFilters(std::string cache_folder) : cache_folder_(std::move(cache_folder)) {}

  // The filter of a container's processes; none for privileged and unconfined ones.
  Result<SeccompFilter> filter_of(const ContainerSpec& spec, bool privileged);

 private:
  std::string cache_folder_;
  std::map<std::string, SeccompFilter> filters_;
};

}  // namespace stack::engine
