#include "runtime/spec/spec.h"

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/files.h"
#include "base/text.h"
#include "runtime/container/capabilities.h"
#include "runtime/spec/mount_options.h"

namespace stack::runtime {

namespace {

struct NamedValue {
  std::string_view name;
  int64_t value;
};

template <size_t N>
std::optional<int64_t> find_value(const NamedValue (&table)[N], std::string_view name) {
  for (const NamedValue& row : table) {
    if (row.name == name) return row.value;
  }
  return std::nullopt;
}

constexpr NamedValue kNamespaces[] = {
    {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},      {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER},   {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

constexpr NamedValue kLimits[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

constexpr NamedValue kPropagations[] = {
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

constexpr NamedValue kSchedulers[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},       {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};

constexpr NamedValue kSchedulerFlags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

// ioprio_set(2). By number: <linux/ioprio.h> has a parameter called "class" in newer releases, which is no
// C++.
constexpr int kIoClassShift = 13;
constexpr NamedValue kIoClasses[] = {
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
};

constexpr NamedValue kMemoryModes[] = {
    {"MPOL_DEFAULT", 0},
    {"MPOL_PREFERRED", 1},
    {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3},
    {"MPOL_LOCAL", 4},
    {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};

constexpr NamedValue kMemoryFlags[] = {
    {"MPOL_F_NUMA_BALANCING", 1 << 13},
    {"MPOL_F_RELATIVE_NODES", 1 << 14},
    {"MPOL_F_STATIC_NODES", 1 << 15},
};

// ---- checked access to members ----

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(key);
  if (found == object.end() || found->is_null()) return nullptr;
  return &*found;
}

Error wrong_type(std::string_view key, std::string_view wanted) {
  return invalid(std::string(key) + " must be " + std::string(wanted));
}

Result<> read_string(const Json& object, const char* key, std::string& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong_type(key, "a string");
  out = value->get<std::string>();
  if (out.find('\0') != std::string::npos) return invalid(std::string(key) + " holds a zero byte");
  return {};
}

Result<> read_bool(const Json& object, const char* key, bool& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_boolean()) return wrong_type(key, "true or false");
  out = value->get<bool>();
  return {};
}

template <typename T>
Result<> read_number(const Json& object, const char* key, T& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) return wrong_type(key, "an integer");
  bool negative = !value->is_number_unsigned() && value->get<int64_t>() < 0;
  bool fits = negative ? std::cmp_greater_equal(value->get<int64_t>(), std::numeric_limits<T>::min())
                       : std::cmp_less_equal(value->get<uint64_t>(), std::numeric_limits<T>::max());
  if (!fits) return invalid(std::string(key) + " is out of range: " + value->dump());
  out = value->get<T>();
  return {};
}

Result<> read_strings(const Json& object, const char* key, std::vector<std::string>& out) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_array()) return wrong_type(key, "a list of strings");
  for (const Json& item : *value) {
    if (!item.is_string()) return wrong_type(key, "a list of strings");
    out.push_back(item.get<std::string>());
    if (out.back().find('\0') != std::string::npos) return invalid(std::string(key) + " holds a zero byte");
  }
  return {};
}

// Calls `read` with each element of a list of objects.
template <typename Read>
Result<> for_each_object(const Json& object, const char* key, Read read) {
  const Json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_array()) return wrong_type(key, "a list");
  size_t index = 0;
  for (const Json& item : *value) {
    std::string where = std::string(key) + "[" + std::to_string(index++) + "]";
    if (!item.is_object()) return wrong_type(where, "an object");
    TRY(Result<>(read(item)).in(where));
  }
  return {};
}

Result<> read_mappings(const Json& object, const char* key, std::vector<IdMapping>& out) {
  return for_each_object(object, key, [&](const Json& item) -> Result<> {
    IdMapping mapping;
    TRY(read_number(item, "containerID", mapping.container_id));
    TRY(read_number(item, "hostID", mapping.host_id));
    TRY(read_number(item, "size", mapping.size));
    out.push_back(mapping);
    return {};
  });
}

// "0-2,5" as a bit mask.
Result<std::vector<uint64_t>> parse_number_list(const std::string& text) {
  std::vector<uint64_t> mask;
  for (const std::string& part : split(text, ',')) {
    std::vector<std::string> ends = split(trim(part), '-');
    if (ends.size() > 2) return invalid("not a list of numbers: " + text);
    for (const std::string& end : ends) {
      if (!is_all_digits(end) || end.size() > 5) return invalid("not a list of numbers: " + text);
    }
    size_t first = std::stoul(ends.front());
    size_t last = std::stoul(ends.back());
    if (last < first) return invalid("not a list of numbers: " + text);
    if (mask.size() <= last / 64) mask.resize(last / 64 + 1);
    for (size_t n = first; n <= last; ++n) mask[n / 64] |= uint64_t{1} << (n % 64);
  }
  return mask;
}

Result<> read_cpu_list(const Json& object, const char* key, std::vector<uint64_t>& mask) {
  std::string text;
  TRY(read_string(object, key, text));
  if (text.empty()) return {};
  TRY_ASSIGN(mask, parse_number_list(text).in(std::string("execCPUAffinity.") + key));
  return {};
}

// ---- process ----

Result<> read_limits(const Json& process, ProcessSpec& out) {
  return for_each_object(process, "rlimits", [&](const Json& item) -> Result<> {
    ResourceLimit limit;
    TRY(read_string(item, "type", limit.name));
    auto number = find_value(kLimits, limit.name);
    if (!number) return invalid("unknown limit " + limit.name);
    limit.resource = static_cast<int>(*number);
    for (const ResourceLimit& other : out.limits) {
      if (other.resource == limit.resource) return invalid("limit " + limit.name + " is given twice");
    }
    TRY(read_number(item, "soft", limit.soft));
    TRY(read_number(item, "hard", limit.hard));
    if (limit.soft > limit.hard) return invalid(limit.name + ": soft limit above the hard one");
    out.limits.push_back(limit);
    return {};
  });
}

Result<> read_capability_set(const Json& sets, const char* key, uint64_t& mask, ProcessSpec& out) {
  std::vector<std::string> names;
  TRY(read_strings(sets, key, names));
  for (const std::string& name : names) {
    std::optional<int> number = capability_number(name);
    if (number) {
      mask |= uint64_t{1} << *number;
    } else {
      out.notes.push_back("unknown capability " + name + " is ignored");
    }
  }
  return {};
}

Result<> read_capabilities(const Json& process, ProcessSpec& out) {
  const Json* sets = member(process, "capabilities");
  if (sets == nullptr) return {};
  if (!sets->is_object()) return wrong_type("capabilities", "an object");
  CapabilitySets value;
  TRY(read_capability_set(*sets, "bounding", value.bounding, out));
  TRY(read_capability_set(*sets, "effective", value.effective, out));
  TRY(read_capability_set(*sets, "permitted", value.permitted, out));
  TRY(read_capability_set(*sets, "inheritable", value.inheritable, out));
  TRY(read_capability_set(*sets, "ambient", value.ambient, out));
  out.capabilities = value;
  return {};
}

Result<> read_user(const Json& process, ProcessSpec& out) {
  const Json* user = member(process, "user");
  if (user == nullptr) return {};
  if (!user->is_object()) return wrong_type("user", "an object");
  TRY(read_number(*user, "uid", out.uid));
  TRY(read_number(*user, "gid", out.gid));
  if (member(*user, "umask") != nullptr) {
    uint32_t mask = 0;
    TRY(read_number(*user, "umask", mask));
    out.umask = mask & 0777;
  }
  const Json* groups = member(*user, "additionalGids");
  if (groups == nullptr) return {};
  if (!groups->is_array()) return wrong_type("additionalGids", "a list of numbers");
  for (const Json& group : *groups) {
    if (!group.is_number_unsigned() || group.get<uint64_t>() > std::numeric_limits<gid_t>::max())
      return invalid("additionalGids: not a group id: " + group.dump());
    out.additional_gids.push_back(group.get<gid_t>());
  }
  return {};
}

Result<> read_scheduler(const Json& process, ProcessSpec& out) {
  const Json* value = member(process, "scheduler");
  if (value == nullptr) return {};
  SchedulerSpec scheduler;
  std::string policy;
  TRY(read_string(*value, "policy", policy));
  auto number = find_value(kSchedulers, policy);
  if (!number) return invalid("unknown scheduling policy " + policy);
  scheduler.policy = static_cast<unsigned>(*number);
  std::vector<std::string> flags;
  TRY(read_strings(*value, "flags", flags));
  for (const std::string& flag : flags) {
    auto bit = find_value(kSchedulerFlags, flag);
    if (!bit) return invalid("unknown scheduler flag " + flag);
    scheduler.flags |= static_cast<uint64_t>(*bit);
  }
  TRY(read_number(*value, "nice", scheduler.nice));
  TRY(read_number(*value, "priority", scheduler.priority));
  TRY(read_number(*value, "runtime", scheduler.runtime_ns));
  TRY(read_number(*value, "deadline", scheduler.deadline_ns));
  TRY(read_number(*value, "period", scheduler.period_ns));
  if (scheduler.nice < -20 || scheduler.nice > 19) return invalid("nice must be from -20 to 19");
  out.scheduler = scheduler;
  return {};
}

Result<> read_io_priority(const Json& process, ProcessSpec& out) {
  const Json* value = member(process, "ioPriority");
  if (value == nullptr) return {};
  std::string name;
  int priority = 0;
  TRY(read_string(*value, "class", name));
  TRY(read_number(*value, "priority", priority));
  auto number = find_value(kIoClasses, name);
  if (!number) return invalid("unknown I/O priority class " + name);
  if (priority < 0 || priority > 7) return invalid("I/O priority must be from 0 to 7");
  out.io_priority = static_cast<int>(*number << kIoClassShift) | priority;
  return {};
}

Result<> refuse_security_modules(const Json& process) {
  std::string profile;
  TRY(read_string(process, "apparmorProfile", profile));
  if (!profile.empty() && profile != "unconfined" && !path_exists("/sys/kernel/security/apparmor"))
    return unsupported("apparmorProfile " + profile + ": this kernel runs without AppArmor");
  std::string label;
  TRY(read_string(process, "selinuxLabel", label));
  if (!label.empty() && !path_exists("/sys/fs/selinux/enforce"))
    return unsupported("selinuxLabel: this kernel runs without SELinux");
  return {};
}

// ---- linux ----

Result<> read_namespaces(const Json& linux, OciSpec& out) {
  return for_each_object(linux, "namespaces", [&](const Json& item) -> Result<> {
    std::string type;
    NamespaceSpec ns;
    TRY(read_string(item, "type", type));
    TRY(read_string(item, "path", ns.path));
    ns.type = namespace_flag(type);
    if (ns.type == 0) return invalid("unknown namespace type \"" + type + "\"");
    if (out.find_namespace(ns.type) != nullptr) return invalid("namespace " + type + " is given twice");
    if (!ns.path.empty() && !ns.path.starts_with('/'))
      return invalid("namespace " + type + ": the path must be absolute: " + ns.path);
    out.namespaces.push_back(ns);
    return {};
  });
}

Result<> read_device(const Json& item, OciDevice& device) {
  std::string type;
  TRY(read_string(item, "path", device.path));
  TRY(read_string(item, "type", type));
  if (!device.path.starts_with('/')) return invalid("the path must be absolute: \"" + device.path + "\"");
  if (type != "c" && type != "b" && type != "u" && type != "p")
    return invalid("unknown device type \"" + type + "\"");
  device.type = type[0];
  if (device.type != 'p') {
    TRY(read_number(item, "major", device.major));
    TRY(read_number(item, "minor", device.minor));
  }
  uint32_t mode = device.mode;
  TRY(read_number(item, "fileMode", mode));
  device.mode = mode & 07777;
  TRY(read_number(item, "uid", device.uid));
  return read_number(item, "gid", device.gid);
}

Result<> read_sysctls(const Json& linux, OciSpec& out) {
  const Json* values = member(linux, "sysctl");
  if (values == nullptr) return {};
  if (!values->is_object()) return wrong_type("sysctl", "an object");
  for (const auto& [name, value] : values->items()) {
    if (!value.is_string()) return invalid("sysctl " + name + ": the value must be a string");
    out.sysctls.push_back({name, value.get<std::string>()});
  }
  return {};
}

Result<> read_personality(const Json& linux, OciSpec& out) {
  const Json* value = member(linux, "personality");
  if (value == nullptr) return {};
  std::string domain;
  TRY(read_string(*value, "domain", domain));
  std::vector<std::string> flags;
  TRY(read_strings(*value, "flags", flags));
  if (!flags.empty()) return invalid("personality: no flag is defined");
  if (domain == "LINUX") {
    out.personality = PER_LINUX;
  } else if (domain == "LINUX32") {
    out.personality = PER_LINUX32;
  } else {
    return invalid("personality: unknown domain \"" + domain + "\"");
  }
  return {};
}

Result<> read_time_offsets(const Json& linux, OciSpec& out) {
  const Json* value = member(linux, "timeOffsets");
  if (value == nullptr) return {};
  if (!value->is_object()) return wrong_type("timeOffsets", "an object");
  for (const auto& [clock, offset] : value->items()) {
    if (clock != "monotonic" && clock != "boottime") return invalid("timeOffsets: unknown clock " + clock);
    TimeOffset parsed;
    parsed.clock = clock;
    TRY(read_number(offset, "secs", parsed.seconds));
    TRY(read_number(offset, "nanosecs", parsed.nanoseconds));
    out.time_offsets.push_back(parsed);
  }
  if (!out.time_offsets.empty() && !out.new_namespace(CLONE_NEWTIME))
    return invalid("timeOffsets need a new time namespace");
  return {};
}

Result<> read_net_devices(const Json& linux, OciSpec& out) {
  const Json* value = member(linux, "netDevices");
  if (value == nullptr) return {};
  if (!value->is_object()) return wrong_type("netDevices", "an object");
  for (const auto& [host_name, device] : value->items()) {
    NetDeviceSpec parsed{host_name, host_name};
    TRY(read_string(device, "name", parsed.name));
    for (const std::string& name : {parsed.host_name, parsed.name}) {
      if (name.empty() || name.size() > 15 || name == "." || name == ".." ||
          name.find_first_of("/: \t\n") != std::string::npos)
        return invalid("netDevices: not an interface name: \"" + name + "\"");
    }
    out.net_devices.push_back(parsed);
  }
  return {};
}

Result<> read_memory_policy(const Json& linux, OciSpec& out) {
  const Json* value = member(linux, "memoryPolicy");
  if (value == nullptr) return {};
  MemoryPolicySpec policy;
  std::string mode, nodes;
  std::vector<std::string> flags;
  TRY(read_string(*value, "mode", mode));
  TRY(read_string(*value, "nodes", nodes));
  TRY(read_strings(*value, "flags", flags));
  auto number = find_value(kMemoryModes, mode);
  if (!number) return invalid("memoryPolicy: unknown mode \"" + mode + "\"");
  policy.mode = static_cast<int>(*number);
  for (const std::string& flag : flags) {
    auto bit = find_value(kMemoryFlags, flag);
    if (!bit) return invalid("memoryPolicy: unknown flag \"" + flag + "\"");
    policy.mode |= static_cast<int>(*bit);
  }
  if (!nodes.empty()) {
    TRY_ASSIGN(policy.node_mask, parse_number_list(nodes));
  }
  out.memory_policy = policy;
  return {};
}

Result<> read_propagation(const Json& linux, OciSpec& out) {
  std::string word;
  TRY(read_string(linux, "rootfsPropagation", word));
  if (word.empty()) return {};
  auto flags = find_value(kPropagations, word);
  if (!flags) return invalid("rootfsPropagation: unknown value \"" + word + "\"");
  out.rootfs_propagation = static_cast<unsigned long>(*flags);
  return {};
}

Result<> read_absolute_paths(const Json& linux, const char* key, std::vector<std::string>& out) {
  TRY(read_strings(linux, key, out));
  for (const std::string& path : out) {
    if (!path.starts_with('/')) return invalid(std::string(key) + ": not an absolute path: \"" + path + "\"");
  }
  return {};
}

Result<> check_user_namespace(const OciSpec& spec) {
  bool mapped = !spec.uid_mappings.empty() || !spec.gid_mappings.empty();
  if (mapped && !spec.new_namespace(CLONE_NEWUSER)) {
    const NamespaceSpec* joined = spec.find_namespace(CLONE_NEWUSER);
    if (joined == nullptr) return invalid("uidMappings and gidMappings need a user namespace");
  }
  if (spec.new_namespace(CLONE_NEWUSER) && (spec.uid_mappings.empty() || spec.gid_mappings.empty()))
    return invalid("a new user namespace needs uidMappings and gidMappings");
  return {};
}

Result<> read_linux(const Json& linux, OciSpec& out) {
  if (!linux.is_object()) return wrong_type("linux", "an object");
  TRY(read_namespaces(linux, out));
  TRY(read_mappings(linux, "uidMappings", out.uid_mappings));
  TRY(read_mappings(linux, "gidMappings", out.gid_mappings));
  TRY(check_user_namespace(out));
  TRY(read_time_offsets(linux, out));
  TRY(for_each_object(linux, "devices", [&](const Json& item) -> Result<> {
    return read_device(item, out.devices.emplace_back());
  }));
  TRY(read_net_devices(linux, out));
  TRY(read_string(linux, "cgroupsPath", out.cgroups_path));
  if (const Json* resources = member(linux, "resources")) {
    if (!resources->is_object()) return wrong_type("resources", "an object");
    out.resources = *resources;
  }
  TRY(read_absolute_paths(linux, "maskedPaths", out.masked_paths));
  TRY(read_absolute_paths(linux, "readonlyPaths", out.readonly_paths));
  TRY(read_sysctls(linux, out));
  TRY(read_propagation(linux, out));
  TRY(read_personality(linux, out));
  TRY(read_memory_policy(linux, out));
  std::string label;
  TRY(read_string(linux, "mountLabel", label));
  if (!label.empty() && !path_exists("/sys/fs/selinux/enforce"))
    out.notes.push_back("mountLabel is ignored: this kernel runs without SELinux");
  if (member(linux, "intelRdt") != nullptr && !path_exists("/sys/fs/resctrl/schemata"))
    return unsupported("intelRdt: resctrl is not mounted on this machine");
  if (const Json* seccomp = member(linux, "seccomp")) {
    if (!seccomp->is_object()) return wrong_type("seccomp", "an object");
    out.seccomp = *seccomp;
  }
  return {};
}

Result<> read_hooks(const Json& config, HookSet& out) {
  const Json* hooks = member(config, "hooks");
  if (hooks == nullptr) return {};
  auto read = [&](const char* key, std::vector<OciHook>& list) {
    return for_each_object(*hooks, key, [&](const Json& item) -> Result<> {
      OciHook& hook = list.emplace_back();
      TRY(read_string(item, "path", hook.path));
      TRY(read_strings(item, "args", hook.args));
      TRY(read_strings(item, "env", hook.env));
      hook.own_env = item.contains("env");
      if (!hook.path.starts_with('/'))
        return invalid("the path of a hook must be absolute: \"" + hook.path + "\"");
      if (member(item, "timeout") != nullptr) {
        TRY(read_number(item, "timeout", hook.timeout_seconds));
        if (hook.timeout_seconds <= 0) return invalid("the timeout of a hook must be greater than zero");
      }
      return {};
    });
  };
  TRY(read("prestart", out.prestart));
  TRY(read("createRuntime", out.create_runtime));
  TRY(read("createContainer", out.create_container));
  TRY(read("startContainer", out.start_container));
  TRY(read("poststart", out.poststart));
  return read("poststop", out.poststop);
}

// SemVer "1.x.y" with an optional suffix. Any 1.x is taken: unknown properties are ignored by rule.
Result<> check_version(const std::string& version) {
  std::vector<std::string> parts = split(version.substr(0, version.find_first_of("-+")), '.');
  bool valid =
      parts.size() == 3 && is_all_digits(parts[0]) && is_all_digits(parts[1]) && is_all_digits(parts[2]);
  if (!valid) return invalid("ociVersion: not a version: \"" + version + "\"");
  if (parts[0] != "1") return unsupported("ociVersion " + version + ": only 1.x is known here");
  return {};
}

Result<> check_hostname(const OciSpec& spec) {
  bool own = spec.find_namespace(CLONE_NEWUTS) != nullptr;
  if (!spec.hostname.empty() && !own) return invalid("hostname needs a uts namespace");
  if (!spec.domainname.empty() && !own) return invalid("domainname needs a uts namespace");
  if (spec.hostname.size() > 64) return invalid("hostname is longer than 64 bytes");
  if (spec.domainname.size() > 64) return invalid("domainname is longer than 64 bytes");
  return {};
}

}  // namespace

int namespace_flag(std::string_view name) {
  return static_cast<int>(find_value(kNamespaces, name).value_or(0));
}

const NamespaceSpec* OciSpec::find_namespace(int type) const {
  for (const NamespaceSpec& ns : namespaces) {
    if (ns.type == type) return &ns;
  }
  return nullptr;
}

bool OciSpec::new_namespace(int type) const {
  const NamespaceSpec* found = find_namespace(type);
  return found != nullptr && found->path.empty();
}

Result<OciMount> parse_mount(const Json& mount) {
  OciMount out;
  TRY(read_string(mount, "destination", out.destination));
  TRY(read_string(mount, "type", out.type));
  TRY(read_string(mount, "source", out.source));
  if (out.destination.empty()) return invalid("destination is missing");
  // The specification wants an absolute path and tolerates "x" as "/x".
  out.destination = absolute_path("/", out.destination);
  std::vector<std::string> options;
  TRY(read_strings(mount, "options", options));
  for (const std::string& option : options) apply_mount_option(option, out);
  if (out.type == "bind" && !out.bind) out.bind = true;
  TRY(read_mappings(mount, "uidMappings", out.uid_mappings));
  TRY(read_mappings(mount, "gidMappings", out.gid_mappings));
  if (out.uid_mappings.empty() != out.gid_mappings.empty())
    return invalid(out.destination + ": uidMappings and gidMappings go together");
  if (!out.uid_mappings.empty()) out.id_mapped = true;
  if (out.bind && out.source.empty()) return invalid(out.destination + ": a bind mount needs a source");
  return out;
}

Result<ProcessSpec> parse_process(const Json& process) {
  if (!process.is_object()) return wrong_type("process", "an object");
  ProcessSpec out;
  TRY(read_bool(process, "terminal", out.terminal));
  if (const Json* size = member(process, "consoleSize"); size != nullptr && out.terminal) {
    TRY(read_number(*size, "height", out.console_height));
    TRY(read_number(*size, "width", out.console_width));
  }
  TRY(read_string(process, "cwd", out.cwd));
  if (!out.cwd.starts_with('/')) return invalid("cwd must be an absolute path: \"" + out.cwd + "\"");
  TRY(read_strings(process, "args", out.args));
  if (out.args.empty()) return invalid("args must hold at least the command");
  TRY(read_strings(process, "env", out.env));
  TRY(read_user(process, out));
  TRY(read_limits(process, out));
  TRY(read_capabilities(process, out));
  TRY(read_bool(process, "noNewPrivileges", out.no_new_privileges));
  if (member(process, "oomScoreAdj") != nullptr) {
    int adjustment = 0;
    TRY(read_number(process, "oomScoreAdj", adjustment));
    if (adjustment < -1000 || adjustment > 1000) return invalid("oomScoreAdj must be from -1000 to 1000");
    out.oom_score_adj = adjustment;
  }
  TRY(read_scheduler(process, out));
  TRY(read_io_priority(process, out));
  if (const Json* affinity = member(process, "execCPUAffinity")) {
    TRY(read_cpu_list(*affinity, "initial", out.cpu_affinity_initial));
    TRY(read_cpu_list(*affinity, "final", out.cpu_affinity_final));
  }
  TRY(refuse_security_modules(process));
  return out;
}

Result<OciSpec> parse_spec(const Json& config) {
  if (!config.is_object()) return wrong_type("config.json", "an object");
  OciSpec out;
  TRY(read_string(config, "ociVersion", out.oci_version));
  TRY(check_version(out.oci_version));
  if (const Json* process = member(config, "process")) {
    TRY_ASSIGN(out.process, parse_process(*process).in("process"));
  }
  if (const Json* root = member(config, "root")) {
    TRY(read_string(*root, "path", out.root_path));
    TRY(read_bool(*root, "readonly", out.root_readonly));
  }
  TRY(read_string(config, "hostname", out.hostname));
  TRY(read_string(config, "domainname", out.domainname));
  TRY(for_each_object(config, "mounts", [&](const Json& item) -> Result<> {
    TRY_ASSIGN(OciMount mount, parse_mount(item));
    out.mounts.push_back(std::move(mount));
    return {};
  }));
  TRY(read_hooks(config, out.hooks).in("hooks"));
  if (const Json* annotations = member(config, "annotations")) out.annotations = *annotations;
  if (const Json* linux = member(config, "linux")) TRY(read_linux(*linux, out).in("linux"));
  TRY(check_hostname(out));
  return out;
}

}  // namespace stack::runtime
