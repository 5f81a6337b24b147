// A container's counters in the format of `docker stats`.
#pragma once

#include <string>

#include "base/json.h"
#include "engine/container/container_service.h"

namespace stack::engine {

// One sample (API: ContainerStatsResponse), without "precpu_stats" and "preread". Zeros if the container does not run.
Json sample_stats(const Container& container, const ContainerService& service);

// The machine's total CPU time in nanoseconds, from the text of /proc/stat.
uint64_t system_cpu_time(const std::string& proc_stat);
// "networks" from the text of /proc/<pid>/net/dev, without the loopback.
Json network_counters(const std::string& proc_net_dev);
// "memory_stats"; the limit is at most `machine_memory`. The members differ between cgroup v1 and v2.
Json memory_stats_json(const runtime::CgroupStats& stats, runtime::CgroupMode mode, uint64_t machine_memory);

}  // namespace stack::engine
