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
#include "runtime/spec/checked_json.h"
#include "runtime/spec/mount_options.h"

namespace stack::runtime {

namespace {

constexpr NamedValue kNamespaces[] = {
    {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},      {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER},   {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

constexpr NamedValue kPropagations[] = {
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
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
    return invalid("timeOffsets requires a new time namespace");
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
    if (joined == nullptr) return invalid("uidMappings and gidMappings require a user namespace");
  }
  if (spec.new_namespace(CLONE_NEWUSER) && (spec.uid_mappings.empty() || spec.gid_mappings.empty()))
    return invalid("a new user namespace requires uidMappings and gidMappings");
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

// SemVer "1.x.y" with an optional suffix. Accepts any 1.x, because unknown properties must be ignored.
Result<> check_version(const std::string& version) {
  std::vector<std::string> parts = split(version.substr(0, version.find_first_of("-+")), '.');
  bool valid =
      parts.size() == 3 && is_all_digits(parts[0]) && is_all_digits(parts[1]) && is_all_digits(parts[2]);
  if (!valid) return invalid("ociVersion: not a version: \"" + version + "\"");
  if (parts[0] != "1") return unsupported("ociVersion " + version + ": only 1.x is supported");
  return {};
}

Result<> check_hostname(const OciSpec& spec) {
  bool own = spec.find_namespace(CLONE_NEWUTS) != nullptr;
  if (!spec.hostname.empty() && !own) return invalid("hostname requires a uts namespace");
  if (!spec.domainname.empty() && !own) return invalid("domainname requires a uts namespace");
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
  // The specification requires an absolute path and accepts "x" as "/x".
  out.destination = absolute_path("/", out.destination);
  std::vector<std::string> options;
  TRY(read_strings(mount, "options", options));
  for (const std::string& option : options) apply_mount_option(option, out);
  if (out.type == "bind" && !out.bind) out.bind = true;
  TRY(read_mappings(mount, "uidMappings", out.uid_mappings));
  TRY(read_mappings(mount, "gidMappings", out.gid_mappings));
  if (out.uid_mappings.empty() != out.gid_mappings.empty())
    return invalid(out.destination + ": uidMappings and gidMappings must be used together");
  if (!out.uid_mappings.empty()) out.id_mapped = true;
  if (out.bind && out.source.empty()) return invalid(out.destination + ": a bind mount requires a source");
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
