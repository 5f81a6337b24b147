// A checked runtime-spec 1.x config.json as typed values. Rejects unsupported settings before anything is changed.
// https://github.com/opencontainers/runtime-spec (config.md, config-linux.md)
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
};

struct NamespaceSpec {
  int type = 0;      // CLONE_NEW*
  std::string path;  // empty: a new one
};

// One mount, with its options sorted by kind.
struct OciMount {
  std::string destination;  // absolute
  std::string type;         // file system type; meaningless for binds
  std::string source;
  bool bind = false;
  bool recursive_bind = false;
  uint64_t attributes_set = 0;  // MOUNT_ATTR_*
  uint64_t attributes_clear = 0;
  uint64_t recursive_set = 0;  // the r* options: with AT_RECURSIVE
  uint64_t recursive_clear = 0;
  // MS_PRIVATE|MS_SHARED|MS_SLAVE|MS_UNBINDABLE, optionally with MS_REC; 0: not set.
  unsigned long propagation = 0;
  bool remount = false;
  bool copy_up = false;  // tmpcopyup: a tmpfs starts with the directory's contents
  bool id_mapped = false;
  bool id_mapped_recursive = false;
  std::vector<std::string> data;  // options of the file system, such as "size=65536k", without flags
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
};

struct OciDevice {
  std::string path;
  char type = 'c';  // c b u p
  unsigned major = 0;
  unsigned minor = 0;
  mode_t mode = 0666;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_*
  std::string name;
  rlim_t soft = 0;
  rlim_t hard = 0;
};

struct CapabilitySets {
  uint64_t bounding = 0;
  uint64_t effective = 0;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
  uint64_t ambient = 0;
};

struct SchedulerSpec {
  unsigned policy = 0;
  int nice = 0;
  unsigned priority = 0;
  uint64_t flags = 0;
  uint64_t runtime_ns = 0;
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

struct ProcessSpec {
  bool terminal = false;
  uint16_t console_height = 0;
  uint16_t console_width = 0;
  std::string cwd = "/";
  std::vector<std::string> args;
  std::vector<std::string> env;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<mode_t> umask;
  std::vector<gid_t> additional_gids;
  std::vector<ResourceLimit> limits;
  std::optional<CapabilitySets> capabilities;  // missing: no capabilities
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::optional<SchedulerSpec> scheduler;
  std::optional<int> io_priority;              // value for ioprio_set(2)
  std::vector<uint64_t> cpu_affinity_initial;  // execCPUAffinity as bit masks; empty: not set
  std::vector<uint64_t> cpu_affinity_final;
  std::vector<std::string> notes;  // warnings, such as unknown capabilities
};

struct OciHook {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  bool own_env = true;      // false: use the runtime's environment, because `env` is not set
  int timeout_seconds = 0;  // 0: none
};

struct HookSet {
  std::vector<OciHook> prestart, create_runtime, create_container, start_container, poststart, poststop;
  bool empty() const {
    return prestart.empty() && create_runtime.empty() && create_container.empty() &&
           start_container.empty() && poststart.empty() && poststop.empty();
  }
};

struct SysctlSpec {
  std::string name;  // with dots, as written
  std::string value;
};

struct TimeOffset {
  std::string clock;  // "monotonic", "boottime"
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
};

struct NetDeviceSpec {
  std::string host_name;
  std::string name;
};

struct MemoryPolicySpec {
  int mode = 0;  // MPOL_* with flags
  std::vector<uint64_t> node_mask;
};

struct OciSpec {
  std::string oci_version;
  std::optional<ProcessSpec> process;
  std::vector<std::string> notes;  // ignored settings with reasons
  std::string root_path;
  bool root_readonly = false;
  std::string hostname;
  std::string domainname;
  std::vector<OciMount> mounts;
  HookSet hooks;
  Json annotations = Json::object();
  std::vector<NamespaceSpec> namespaces;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::vector<TimeOffset> time_offsets;
  std::vector<OciDevice> devices;
  std::vector<NetDeviceSpec> net_devices;
  std::string cgroups_path;
  Json resources = Json::object();
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::vector<SysctlSpec> sysctls;
  unsigned long rootfs_propagation = 0;  // MS_*; with MS_REC also for all mounts in it; 0: private
  std::optional<unsigned long> personality;
  std::optional<MemoryPolicySpec> memory_policy;
  Json seccomp;  // linux.seccomp as written; null: none

  // The namespace of this CLONE_NEW* type, or nullptr if it is inherited.
  const NamespaceSpec* find_namespace(int type) const;
  bool new_namespace(int type) const;
};

Result<OciSpec> parse_spec(const Json& config);
Result<ProcessSpec> parse_process(const Json& process);
// Parses a mount; unknown options become file system options.
Result<OciMount> parse_mount(const Json& mount);

// The CLONE_NEW* flag of "pid", "network", ...; 0 if there is none.
int namespace_flag(std::string_view name);

}  // namespace stack::runtime
