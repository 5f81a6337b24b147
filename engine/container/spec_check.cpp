#include "engine/container/spec_check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

#include "base/files.h"
#include "base/text.h"
#include "engine/container/oci_config.h"
#include "engine/container/signal_name.h"
#include "model/address.h"

namespace stack::engine {

namespace {

using Fault = std::optional<SpecFault>;

constexpr int64_t kLeastMemory = int64_t{6} << 20;  // Docker's; a runtime needs a part of it
constexpr int64_t kLeastQuota = 1000;               // microseconds; sched_cfs_bandwidth of the kernel
constexpr int64_t kMostPeriod = 1'000'000;
constexpr size_t kLongestHostname = 64;  // sethostname(2)

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool names_another(std::string_view mode) {
  return (mode.starts_with("container:") && mode.size() > 10) ||
         (mode.starts_with("service:") && mode.size() > 8);
}

// Like dockerd, refuses values that would otherwise mean a namespace of the container's own.
Fault namespace_fault(const ContainerSpec& spec) {
  if (!is_one_of(spec.ipc_mode, {"", "none", "private", "shareable", "host"}) &&
      !names_another(spec.ipc_mode))
    return SpecFault{"/ipc", "invalid IPC mode: " + spec.ipc_mode};
  if (!is_one_of(spec.pid_mode, {"", "private", "host"}) && !names_another(spec.pid_mode))
    return SpecFault{"/pid", "invalid PID mode: " + spec.pid_mode};
  if (!is_one_of(spec.uts_mode, {"", "private", "host"}))
    return SpecFault{"/uts", "invalid UTS mode: " + spec.uts_mode};
  if (!is_one_of(spec.cgroup_mode, {"", "private", "host"}))
    return SpecFault{"/cgroup", "invalid cgroup namespace mode: " + spec.cgroup_mode};
  if (!is_one_of(spec.userns_mode, {"", "host"}))
    return SpecFault{"/userns_mode", "invalid userns mode: " + spec.userns_mode};
  return {};
}

Fault memory_fault(const ResourceSpec& r) {
  if (r.memory > 0 && r.memory < kLeastMemory)
    return SpecFault{"/mem_limit", "Minimum memory limit allowed is 6MB"};
  if (r.memory > 0 && r.memory_reservation > r.memory)
    return SpecFault{"/mem_reservation",
                     "Minimum memory limit can not be less than memory reservation limit, see usage"};
  if (r.memory == 0 && r.memory_swap > 0)
    return SpecFault{"/memswap_limit",
                     "You should always set the Memory limit when using Memoryswap limit, see usage"};
  if (r.memory > 0 && r.memory_swap > 0 && r.memory_swap < r.memory)
    return SpecFault{"/memswap_limit",
                     "Minimum memoryswap limit should be larger than memory limit, see usage"};
  return {};
}

// "0-2,5": whether it has the form of cpuset(7), and its highest number.
std::optional<unsigned> highest_of_list(std::string_view text) {
  unsigned highest = 0;
  for (const std::string& part : split(text, ',')) {
    unsigned first = 0;
    const char* end = part.data() + part.size();
    auto [at, status] = std::from_chars(part.data(), end, first);
    if (status != std::errc{}) return std::nullopt;
    unsigned last = first;
    if (at != end && *at == '-') {
      auto [after, second] = std::from_chars(at + 1, end, last);
      if (second != std::errc{} || last < first) return std::nullopt;
      at = after;
    }
    if (at != end) return std::nullopt;
    highest = std::max(highest, last);
  }
  return highest;
}

Fault cpu_fault(const ResourceSpec& r, unsigned cpus) {
  if (r.cpu_period != 0 && (r.cpu_period < kLeastQuota || r.cpu_period > kMostPeriod))
    return SpecFault{"/cpu_period",
                     "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"};
  if (r.cpu_quota > 0 && r.cpu_quota < kLeastQuota)
    return SpecFault{"/cpu_quota", "CPU cfs quota can not be less than 1ms (i.e. 1000)"};
  if (r.cpuset_cpus.empty()) return {};
  std::optional<unsigned> highest = highest_of_list(r.cpuset_cpus);
  if (!highest) return SpecFault{"/cpuset", "Invalid value " + r.cpuset_cpus + " for cpuset cpus"};
  if (*highest >= cpus)
    return SpecFault{"/cpuset", "Requested CPUs are not available - requested " + r.cpuset_cpus +
                                    ", available: 0-" + std::to_string(cpus - 1)};
  return {};
}

Fault ulimit_fault(const ResourceSpec& r) {
  for (const UlimitSpec& limit : r.ulimits) {
    if (!is_one_of(limit.name, {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice",
                                "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack", "as"}))
      return SpecFault{"/ulimits", "invalid ulimit type: " + limit.name};
    if (limit.hard >= 0 && (limit.soft > limit.hard || limit.soft < 0))
      return SpecFault{"/ulimits", "ulimit soft limit must be less than or equal to hard limit: " +
                                       std::to_string(limit.soft) + " > " + std::to_string(limit.hard)};
  }
  return {};
}

// "c 1:3 rwm", devices.allow of cgroup v1.
bool is_device_rule(const std::string& rule) {
  std::vector<std::string> words = split(rule, ' ');
  if (words.size() != 3 || !is_one_of(words[0], {"a", "b", "c"})) return false;
  std::vector<std::string> numbers = split(words[1], ':');
  auto is_number = [](const std::string& text) { return text == "*" || is_all_digits(text); };
  bool numbered = numbers.size() == 2 && is_number(numbers[0]) && is_number(numbers[1]);
  return numbered && !words[2].empty() && words[2].size() <= 3 &&
         words[2].find_first_not_of("rwm") == std::string::npos;
}

Fault device_fault(const ResourceSpec& r) {
  for (const std::string& rule : r.device_cgroup_rules)
    if (!is_device_rule(rule))
      return SpecFault{"/device_cgroup_rules", "invalid device cgroup rule format: '" + rule + "'"};
  return {};
}

Fault network_fault(const ContainerSpec& spec) {
  for (const std::string& server : spec.dns)
    if (!parse_ip(server)) return SpecFault{"/dns", "bad nameserver address: " + server};
  if (spec.hostname.size() > kLongestHostname)
    return SpecFault{"/hostname", "invalid hostname: " + spec.hostname + " is longer than 64 bytes"};
  return {};
}

Fault health_fault(const ContainerSpec& spec) {
  if (!spec.healthcheck) return {};
  auto too_short = [](Nanoseconds value) {
    return value.count() != 0 && value < std::chrono::milliseconds(1);
  };
  const HealthcheckSpec& check = *spec.healthcheck;
  if (too_short(check.interval))
    return SpecFault{"/healthcheck/interval", "Interval in Healthcheck cannot be less than 1ms"};
  if (too_short(check.timeout))
    return SpecFault{"/healthcheck/timeout", "Timeout in Healthcheck cannot be less than 1ms"};
  if (check.retries < 0)
    return SpecFault{"/healthcheck/retries", "Retries in Healthcheck cannot be negative"};
  return {};
}

// Whether a relative path stays below its start, by its text alone.
bool stays_inside(std::string_view path) {
  if (path.starts_with('/')) return false;
  int depth = 0;
  for (const std::string& part : split(path, '/')) {
    if (part == "..") --depth;
    if (part != ".." && part != "." && !part.empty()) ++depth;
    if (depth < 0) return false;
  }
  return true;
}

Fault mount_fault(const ContainerSpec& spec) {
  std::set<std::string> targets;
  for (const MountSpec& mount : spec.mounts) {
    std::string target = clean_path(mount.target);
    if (target == "/") return SpecFault{"/volumes", "invalid mount: destination can't be '/'"};
    if (!stays_inside(mount.subpath))
      return SpecFault{"/volumes",
                       "invalid mount: subpath must be a relative path within the volume: " + mount.subpath};
    if (mount.kind == MountKind::Tmpfs) continue;
    if (!targets.insert(target).second) return SpecFault{"/volumes", "Duplicate mount point: " + target};
  }
  return {};
}

Fault process_fault(const ContainerSpec& spec) {
  if (!spec.working_dir.empty() && !spec.working_dir.starts_with('/'))
    return SpecFault{"/working_dir", "the working directory '" + spec.working_dir +
                                         "' is invalid, it needs to be an absolute path"};
  for (const std::string& entry : spec.env)
    if (entry.empty() || entry.starts_with('='))
      return SpecFault{"/environment", "invalid environment variable: " + entry};
  if (spec.oom_score_adj && (*spec.oom_score_adj < -1000 || *spec.oom_score_adj > 1000))
    return SpecFault{"/oom_score_adj", "Invalid value " + std::to_string(*spec.oom_score_adj) +
                                           ", range for oom score adj is [-1000, 1000]"};
  if (!spec.stop_signal.empty())
    if (Result<int> signal = parse_signal(spec.stop_signal); !signal)
      return SpecFault{"/stop_signal", signal.error().text()};
  if (auto security = parse_security_options(spec.security_opt); !security)
    return SpecFault{"/security_opt", security.error().text()};
  if (auto capabilities = capabilities_of(spec); !capabilities)
    return SpecFault{"/cap_add", capabilities.error().text()};
  return {};
}

}  // namespace

std::optional<SpecFault> find_fault(const ContainerSpec& spec, unsigned cpus) {
  const ResourceSpec& resources = spec.resources;
  if (Fault fault = process_fault(spec)) return fault;
  if (Fault fault = namespace_fault(spec)) return fault;
  if (Fault fault = memory_fault(resources)) return fault;
  if (Fault fault = cpu_fault(resources, cpus)) return fault;
  if (Fault fault = ulimit_fault(resources)) return fault;
  if (Fault fault = device_fault(resources)) return fault;
  if (Fault fault = network_fault(spec)) return fault;
  if (Fault fault = health_fault(spec)) return fault;
  return mount_fault(spec);
}

}  // namespace stack::engine
