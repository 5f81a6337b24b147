#include "engine/container/oci_config.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "engine/cdi/cdi.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::engine {

namespace {

constexpr std::string_view kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

void set_variable(std::vector<std::string>& env, const std::string& entry) {
  std::string_view key = key_of(entry);
  auto same = std::find_if(env.begin(), env.end(), [&](const std::string& e) { return key_of(e) == key; });
  bool unset = entry.find('=') == std::string::npos;
  if (unset) {
    if (same != env.end()) env.erase(same);
  } else if (same != env.end()) {
    *same = entry;
  } else {
    env.push_back(entry);
  }
}

void set_if_absent(std::vector<std::string>& env, const std::string& entry) {
  std::string_view key = key_of(entry);
  if (std::none_of(env.begin(), env.end(), [&](const std::string& e) { return key_of(e) == key; }))
    env.push_back(entry);
}

}  // namespace

Result<std::vector<std::string>> command_line(const ContainerSpec& spec, const ImageDefaults& image) {
  std::vector<std::string> args;
  if (spec.entrypoint) {
    args = *spec.entrypoint;
    // Docker represents a cleared entrypoint as [""].
    if (args.size() == 1 && args[0].empty()) args.clear();
  } else {
    args = image.entrypoint;
  }
  if (spec.command) {
    args.insert(args.end(), spec.command->begin(), spec.command->end());
  } else if (!spec.entrypoint) {
    args.insert(args.end(), image.command.begin(), image.command.end());
  }
  if (args.empty()) return invalid("no command specified by the service or its image");
  return args;
}

std::vector<std::string> environment(const ContainerSpec& spec, const ImageDefaults& image,
                                     const std::string& hostname, const std::string& home) {
  std::vector<std::string> env{std::string(kDefaultPath), "HOSTNAME=" + hostname};
  if (spec.tty) env.emplace_back("TERM=xterm");
  for (const std::string& entry : image.env) set_variable(env, entry);
  for (const std::string& entry : spec.env) set_variable(env, entry);
  set_if_absent(env, "HOME=" + home);
  return env;
}

namespace {

// A profile, or the path of a profile.
Result<std::string> read_profile(const std::string& value) {
  std::string text = value;
  if (!value.starts_with('{')) {
    TRY_ASSIGN(text, read_file(value));
  }
  TRY_ASSIGN(Json profile, parse_json(text));
  if (profile.is_object() && runtime::seccomp_notifies(profile))
    return unsupported(
        "SCMP_ACT_NOTIFY is not supported, because the engine has no listener (stack-runtime passes it to "
        "listenerPath)");
  return text;
}

}  // namespace

Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options) {
  SecurityOptions out;
  for (const std::string& option : options) {
    size_t at = option.find_first_of("=:");
    std::string key = option.substr(0, at);
    std::string value = at == std::string::npos ? "" : option.substr(at + 1);
    if (key == "no-new-privileges") {
      if (value != "" && value != "true" && value != "false")
        return invalid("invalid security option \"" + option + "\": no-new-privileges must be true or false");
      out.no_new_privileges = value != "false";
    } else if (key == "seccomp") {
      out.seccomp_unconfined = value == "unconfined";
      if (out.seccomp_unconfined || value == "builtin") continue;
      TRY_ASSIGN(out.seccomp_profile, read_profile(value).in("security option seccomp"));
    } else if (key == "systempaths") {
      out.paths_unconfined = value == "unconfined";
    } else if (key == "apparmor" || key == "label") {
      out.ignored.push_back(option);
    } else {
      return invalid("invalid security option \"" + option + "\"");
    }
  }
  return out;
}

Result<std::vector<std::string>> capabilities_of(const ContainerSpec& spec) {
  if (spec.privileged) return runtime::all_capabilities();
  return runtime::effective_capabilities(spec.cap_add, spec.cap_drop);
}

namespace {

Json user_json(const runtime::User& user) {
  Json out{{"uid", user.uid}, {"gid", user.gid}};
  if (!user.additional_gids.empty()) out["additionalGids"] = user.additional_gids;
  return out;
}

Json rlimits_json(const std::vector<UlimitSpec>& ulimits) {
  Json out = Json::array();
  for (const UlimitSpec& limit : ulimits) {
    std::string name = "RLIMIT_";
    for (char c : limit.name) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    auto value = [](int64_t n) { return n < 0 ? UINT64_MAX : static_cast<uint64_t>(n); };
    out.push_back({{"type", name}, {"soft", value(limit.soft)}, {"hard", value(limit.hard)}});
  }
  return out;
}

Result<Json> process_json(const OciInputs& in, const SecurityOptions& security) {
  const ContainerSpec& spec = in.container->spec;
  Result<std::vector<std::string>> capabilities = capabilities_of(spec);
  if (!capabilities) return std::move(capabilities).error();
  Json process{{"terminal", spec.tty},
               {"args", in.args},
               {"env", in.env},
               {"cwd", in.working_dir.empty() ? "/" : in.working_dir},
               {"user", user_json(in.user)},
               {"capabilities", runtime::capabilities_json(*capabilities)},
               {"noNewPrivileges", security.no_new_privileges}};
  if (!spec.resources.ulimits.empty()) process["rlimits"] = rlimits_json(spec.resources.ulimits);
  if (spec.oom_score_adj) process["oomScoreAdj"] = *spec.oom_score_adj;
  return process;
}

std::string tmpfs_options(const MountSpec& mount) {
  std::vector<std::string> options;
  if (!mount.tmpfs_options.empty()) options.push_back(mount.tmpfs_options);
  if (mount.tmpfs_size && mount.tmpfs_size->bytes > 0)
    options.push_back("size=" + std::to_string(mount.tmpfs_size->bytes));
  if (mount.tmpfs_mode) {
    std::array<char, 16> octal{};
    std::snprintf(octal.data(), octal.size(), "mode=%o", *mount.tmpfs_mode);
    options.emplace_back(octal.data());
  }
  return join(options, ",");
}

// Options as Docker and mount(8) write them, for a list of the OCI runtime specification.
Json option_list(std::string_view options, Json first = Json::array()) {
  for (const std::string& option : split(options, ','))
    if (!option.empty()) first.push_back(option);
  return first;
}

// Exchanges two IDs and leaves all others unchanged.
Json exchanged_ids(uint32_t one, uint32_t other) {
  constexpr int64_t kEnd = 4294967295;  // -1 is no ID
  Json map = Json::array();
  int64_t next = 0;
  auto put = [&](int64_t first, int64_t seen, int64_t size) {
    if (size > 0) map.push_back({{"containerID", first}, {"hostID", seen}, {"size", size}});
  };
  for (int64_t id : {std::min(one, other), std::max(one, other)}) {
    put(next, next, id - next);
    if (id < next) continue;  // they are equal
    put(id, id == one ? other : one, 1);
    next = id + 1;
  }
  put(next, next, kEnd - next);
  return map;
}

// The source's owner and the container's user see each other's files as their own.
Result<> map_owner(const MountPoint& mount, const runtime::User& user, Json& json) {
  struct stat owner{};
  if (::stat(mount.source.path.c_str(), &owner) != 0) return Error::last_errno("bind source " + mount.source.path);
  if (owner.st_uid == user.uid && owner.st_gid == user.gid) return {};
  json["uidMappings"] = exchanged_ids(owner.st_uid, user.uid);
  json["gidMappings"] = exchanged_ids(owner.st_gid, user.gid);
  return {};
}

Json mount_json(const MountPoint& mount) {
  const MountSpec& spec = mount.spec;
  Json json{{"destination", spec.target}};
  if (spec.kind == MountKind::Tmpfs) {
    json.update({{"type", "tmpfs"},
                 {"source", "tmpfs"},
                 {"options", option_list(tmpfs_options(spec), {"nosuid", "nodev", "noexec"})}});
    if (spec.read_only) json["options"].push_back("ro");
    return json;
  }
  Json options{spec.recursive ? "rbind" : "bind", spec.propagation.empty() ? "rprivate" : spec.propagation};
  if (spec.read_only || spec.kind == MountKind::Image) {
    // Mounts propagated from the host have the host's flags, so the flag would apply only to some mounts.
    bool own = spec.propagation.empty() || spec.propagation.ends_with("private");
    bool below = spec.kind == MountKind::Bind && spec.recursive && !spec.read_only_top && own;
    options.push_back(below ? "rro" : "ro");
  }
  // An image's files come as a descriptor (mount_sources.h); its reference is for messages.
  bool of_image = spec.kind == MountKind::Image;
  json.update(
      {{"type", "bind"}, {"source", of_image ? spec.source : mount.source.path}, {"options", options}});
  return json;
}

size_t depth(const Json& mount) {
  const auto& path = mount["destination"].get_ref<const std::string&>();
  return path == "/" ? 0 : static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
}

// The container's mounts replace default mounts at the same destination. Parents come before nested mounts.
Result<Json> mounts_json(const OciInputs& in, const Json& defaults) {
  Json own = Json::array();
  for (const MountPoint& mount : in.container->mounts) {
    own.push_back(mount_json(mount));
    if (mount.spec.map_owner) TRY(map_owner(mount, in.user, own.back()));
  }
  for (const OciInputs::OwnFile& file : in.own_files) {
    bool overridden = std::any_of(in.container->mounts.begin(), in.container->mounts.end(),
                                  [&](const MountPoint& m) { return m.spec.target == file.target; });
    if (overridden) continue;
    Json options{"bind", "rprivate"};
    if (file.read_only) options.push_back("ro");
    own.push_back(
        {{"destination", file.target}, {"type", "bind"}, {"source", file.source}, {"options", options}});
  }
  std::stable_sort(own.begin(), own.end(), [](const Json& a, const Json& b) { return depth(a) < depth(b); });
  Json all = Json::array();
  for (const Json& mount : defaults) {
    bool replaced = std::any_of(own.begin(), own.end(),
                                [&](const Json& o) { return o["destination"] == mount["destination"]; });
    if (!replaced) all.push_back(mount);
  }
  for (Json& mount : own) all.push_back(std::move(mount));
  return all;
}

Result<Json> device_json(const DeviceSpec& device) {
  struct stat info{};
  if (::stat(device.host_path.c_str(), &info) != 0) return Error::last_errno("device " + device.host_path);
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
    return invalid("device " + device.host_path + ": not a device node");
  return Json{{"path", device.container_path.empty() ? device.host_path : device.container_path},
              {"type", S_ISCHR(info.st_mode) ? "c" : "b"},
              {"major", major(info.st_rdev)},
              {"minor", minor(info.st_rdev)},
              {"fileMode", info.st_mode & 0777},
              {"uid", info.st_uid},
              {"gid", info.st_gid}};
}

// "c 1:3 rwm" with "*" for any number.
Result<Json> device_rule_json(const std::string& rule) {
  std::vector<std::string> words = split(rule, ' ');
  auto wrong = [&] {
    return invalid("invalid device cgroup rule \"" + rule + "\": expected for example \"c 1:3 rwm\"");
  };
  if (words.size() != 3 || words[0].size() != 1 ||
      std::string_view("abc").find(words[0][0]) == std::string_view::npos)
    return wrong();
  std::vector<std::string> numbers = split(words[1], ':');
  if (numbers.size() != 2 || words[2].empty() || words[2].find_first_not_of("rwm") != std::string::npos)
    return wrong();
  Json out{{"allow", true}, {"type", words[0]}, {"access", words[2]}};
  const char* names[] = {"major", "minor"};
  for (size_t i = 0; i < 2; ++i) {
    if (numbers[i] == "*") continue;
    if (!is_all_digits(numbers[i]) || numbers[i].size() > 9) return wrong();
    out[names[i]] = std::stoll(numbers[i]);
  }
  return out;
}

Json memory_json(const ResourceSpec& r) {
  Json memory = Json::object();
  if (r.memory > 0) {
    memory["limit"] = r.memory;
    // Docker: without a swap limit, swap is as large as memory.
    memory["swap"] = r.memory_swap != 0 ? r.memory_swap : r.memory * 2;
  }
  if (r.memory_reservation > 0) memory["reservation"] = r.memory_reservation;
  if (r.memory_swappiness && *r.memory_swappiness >= 0) memory["swappiness"] = *r.memory_swappiness;
  if (r.oom_kill_disable) memory["disableOOMKiller"] = true;
  return memory;
}

Json cpu_json(const ResourceSpec& r) {
  Json cpu = Json::object();
  if (r.cpu_shares > 0) cpu["shares"] = r.cpu_shares;
  if (r.nano_cpus > 0) {
    cpu["period"] = 100'000;
    cpu["quota"] = std::max<int64_t>(1000, r.nano_cpus / 10'000);
  }
  if (r.cpu_period > 0) cpu["period"] = r.cpu_period;
  if (r.cpu_quota != 0) cpu["quota"] = r.cpu_quota;
  if (r.cpu_rt_period > 0) cpu["realtimePeriod"] = r.cpu_rt_period;
  if (r.cpu_rt_runtime > 0) cpu["realtimeRuntime"] = r.cpu_rt_runtime;
  if (!r.cpuset_cpus.empty()) cpu["cpus"] = r.cpuset_cpus;
  if (!r.cpuset_mems.empty()) cpu["mems"] = r.cpuset_mems;
  return cpu;
}

Result<Json> block_io_json(const Json& blkio) {
  Json out = Json::object();
  if (!blkio.is_object()) return out;
  auto numbers = [](const std::string& path) -> Result<Json> {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return Error::last_errno("blkio_config: " + path);
    return Json{{"major", major(info.st_rdev)}, {"minor", minor(info.st_rdev)}};
  };
  if (int64_t weight = int_or(blkio, "weight"); weight > 0) out["weight"] = weight;
  for (const Json& device : blkio.value("weight_device", Json::array())) {
    TRY_ASSIGN(Json entry, numbers(string_or(device, "path")));
    entry["weight"] = int_or(device, "weight");
    out["weightDevice"].push_back(entry);
  }
  const std::pair<const char*, const char*> kRates[] = {{"device_read_bps", "throttleReadBpsDevice"},
                                                        {"device_write_bps", "throttleWriteBpsDevice"},
                                                        {"device_read_iops", "throttleReadIOPSDevice"},
                                                        {"device_write_iops", "throttleWriteIOPSDevice"}};
  for (auto [ours, theirs] : kRates) {
    for (const Json& device : blkio.value(ours, Json::array())) {
      TRY_ASSIGN(Json entry, numbers(string_or(device, "path")));
      entry["rate"] = int_or(device, "rate");
      out[theirs].push_back(entry);
    }
  }
  return out;
}

}  // namespace

Result<Json> limits_json(const ResourceSpec& r) {
  Json resources = Json::object();
  if (Json memory = memory_json(r); !memory.empty()) resources["memory"] = memory;
  if (Json cpu = cpu_json(r); !cpu.empty()) resources["cpu"] = cpu;
  if (r.pids_limit != 0) resources["pids"] = {{"limit", r.pids_limit}};
  TRY_ASSIGN(Json block_io, block_io_json(r.blkio));
  if (!block_io.empty()) resources["blockIO"] = block_io;
  return resources;
}

namespace {

Result<> fill_resources(const ContainerSpec& spec, Json& linux_part) {
  const ResourceSpec& r = spec.resources;
  Json& resources = linux_part["resources"];
  TRY_ASSIGN(Json limits, limits_json(r));
  resources.update(limits);
  for (const DeviceSpec& device : r.devices) {
    if (is_cdi_device(device.host_path)) continue;
    TRY_ASSIGN(Json node, device_json(device));
    resources["devices"].push_back({{"allow", true},
                                    {"type", node["type"]},
                                    {"major", node["major"]},
                                    {"minor", node["minor"]},
                                    {"access", device.permissions}});
    linux_part["devices"].push_back(std::move(node));
  }
  for (const std::string& rule : r.device_cgroup_rules) {
    TRY_ASSIGN(Json entry, device_rule_json(rule));
    resources["devices"].push_back(std::move(entry));
  }
  return {};
}

void share_namespace(Json& namespaces, const char* type, int64_t pid, bool host) {
  const char* file = std::string_view(type) == "pid" ? "pid" : type;
  for (auto entry = namespaces.begin(); entry != namespaces.end(); ++entry) {
    if ((*entry)["type"] != type) continue;
    if (host) {
      namespaces.erase(entry);
    } else if (pid > 0) {
      (*entry)["path"] = "/proc/" + std::to_string(pid) + "/ns/" + file;
    }
    return;
  }
}

void fill_namespaces(const OciInputs& in, Json& linux_part) {
  const ContainerSpec& spec = in.container->spec;
  Json& namespaces = linux_part["namespaces"];
  share_namespace(namespaces, "ipc", in.ipc_pid, spec.ipc_mode == "host");
  share_namespace(namespaces, "pid", in.pid_pid, spec.pid_mode == "host");
  share_namespace(namespaces, "uts", 0, spec.uts_mode == "host");
  share_namespace(namespaces, "cgroup", 0, spec.cgroup_mode == "host");
}

void fill_sysctls(const ContainerSpec& spec, Json& linux_part) {
  bool own_network = spec.network_mode != "host" && !spec.network_mode.starts_with("container:");
  Json sysctl = Json::object();
  if (own_network) {
    sysctl["net.ipv4.ip_unprivileged_port_start"] = "0";
    sysctl["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  for (const auto& [key, value] : spec.sysctls) sysctl[key] = value;
  if (!sysctl.empty()) linux_part["sysctl"] = sysctl;
}

}  // namespace

Result<Json> oci_config(const OciInputs& in) {
  const ContainerSpec& spec = in.container->spec;
  TRY_ASSIGN(SecurityOptions security, parse_security_options(spec.security_opt));
  Json config = spec.privileged ? runtime::privileged_spec() : runtime::default_spec();
  TRY_ASSIGN(config["process"], process_json(in, security));
  config["root"] = {{"path", "rootfs"}, {"readonly", spec.read_only}};
  if (spec.uts_mode != "host") {
    config["hostname"] = in.hostname;
    if (!spec.domainname.empty()) config["domainname"] = spec.domainname;
  }
  Json defaults = config["mounts"];
  if (spec.ipc_mode == "none")
    std::erase_if(defaults.get_ref<Json::array_t&>(),
                  [](const Json& mount) { return mount["destination"] == "/dev/shm"; });
  if (spec.shm_size && spec.shm_size->bytes > 0) {
    for (Json& mount : defaults) {
      if (mount["destination"] != "/dev/shm") continue;
      for (Json& option : mount["options"])
        if (option.get_ref<const std::string&>().starts_with("size="))
          option = "size=" + std::to_string(spec.shm_size->bytes);
    }
  }
  TRY_ASSIGN(config["mounts"], mounts_json(in, defaults));
  Json& linux_part = config["linux"];
  linux_part["cgroupsPath"] = in.cgroup_path;
  if (security.paths_unconfined) {
    linux_part.erase("maskedPaths");
    linux_part.erase("readonlyPaths");
  }
  TRY(fill_resources(spec, linux_part));
  fill_namespaces(in, linux_part);
  fill_sysctls(spec, linux_part);
  if (!spec.annotations.empty()) config["annotations"] = spec.annotations;
  std::vector<std::string> cdi_devices;
  for (const DeviceSpec& device : spec.resources.devices)
    if (is_cdi_device(device.host_path)) cdi_devices.push_back(device.host_path);
  if (!cdi_devices.empty()) {
    TRY_ASSIGN(Json edits, cdi_edits(cdi_devices, in.cdi_folders));
    TRY(apply_cdi_edits(edits, config));
  }
  return config;
}

Result<Json> exec_process(const ContainerSpec& spec, const std::vector<std::string>& container_env,
                          const ExecProcess& exec) {
  TRY_ASSIGN(SecurityOptions security, parse_security_options(spec.security_opt));
  std::vector<std::string> capabilities;
  if (exec.privileged) {
    capabilities = runtime::all_capabilities();
  } else {
    TRY_ASSIGN(capabilities, capabilities_of(spec));
  }
  std::vector<std::string> env = container_env;
  if (exec.tty) set_if_absent(env, "TERM=xterm");
  for (const std::string& entry : exec.env) set_variable(env, entry);
  Json process{{"terminal", exec.tty},
               {"args", exec.args},
               {"env", env},
               {"cwd", exec.working_dir.empty() ? "/" : exec.working_dir},
               {"user", user_json(exec.user)},
               {"capabilities", runtime::capabilities_json(capabilities)},
               {"noNewPrivileges", security.no_new_privileges}};
  if (!spec.resources.ulimits.empty()) process["rlimits"] = rlimits_json(spec.resources.ulimits);
  if (exec.rows > 0 && exec.columns > 0)
    process["consoleSize"] = {{"height", exec.rows}, {"width", exec.columns}};
  return process;
}

}  // namespace stack::engine
