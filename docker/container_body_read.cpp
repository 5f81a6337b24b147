// Docker's POST /containers/create body -> ContainerSpec. Lenient where Docker's clients differ (null for
// absent, a string for a list of one, Binds or Mounts or Volumes), strict about types: a wrong one is named
// with its path.
#include <algorithm>
#include <charconv>

#include "base/files.h"
#include "base/text.h"
#include "docker/container_body.h"
#include "docker/container_body_names.h"
#include "docker/members.h"
#include "model/mount_text.h"

namespace stack::docker {
namespace {

// --- process ---

// An entrypoint of its own drops the image's command. [""] is how the docker command line says "no
// entrypoint".
void settle_entrypoint(ContainerSpec& spec) {
  if (!spec.entrypoint || spec.entrypoint->empty()) return;
  if (!spec.command) spec.command.emplace();
  if (spec.entrypoint->size() == 1 && spec.entrypoint->front().empty()) spec.entrypoint->clear();
}

void read_healthcheck(const Members& body, ContainerSpec& spec) {
  if (!body.find("Healthcheck")) return;
  Members members = body.object("Healthcheck");
  HealthcheckSpec& check = spec.healthcheck.emplace();
  members.read("Test", check.test);
  members.read("Interval", check.interval);
  members.read("Timeout", check.timeout);
  members.read("StartPeriod", check.start_period);
  members.read("StartInterval", check.start_interval);
  members.read("Retries", check.retries);
}

void read_exposed_ports(const Members& body, ContainerSpec& spec) {
  body.each_member("ExposedPorts", [&](const Members&, const std::string& port) {
    spec.exposed_ports.push_back(port.find('/') == std::string::npos ? port + "/tcp" : port);
  });
}

void read_process(const Members& body, ContainerSpec& spec) {
  body.read("Image", spec.image);
  body.read_words("Entrypoint", spec.entrypoint);
  body.read_words("Cmd", spec.command);
  settle_entrypoint(spec);
  body.read("Env", spec.env);
  body.read("WorkingDir", spec.working_dir);
  body.read("User", spec.user);
  body.read("Hostname", spec.hostname);
  body.read("Domainname", spec.domainname);
  body.read("Tty", spec.tty);
  body.read("OpenStdin", spec.open_stdin);
  body.read("StdinOnce", spec.stdin_once);
  body.read("StopSignal", spec.stop_signal);
  if (body.find("StopTimeout")) {
    int32_t seconds = 0;
    body.read("StopTimeout", seconds);
    spec.stop_timeout = std::chrono::seconds(seconds);
  }
  body.read("Labels", spec.labels);
  read_healthcheck(body, spec);
  read_exposed_ports(body, spec);
}

// --- files ---

void read_bind(const Members& host, const std::string& text, ContainerSpec& spec) {
  auto mount = parse_bind_mount(text);
  if (!mount) return host.fail("Binds", mount.error().text());
  spec.mounts.push_back(*std::move(mount));
}

std::optional<MountKind> mount_kind(const std::string& type) {
  if (type == "bind") return MountKind::Bind;
  if (type == "volume" || type.empty()) return MountKind::Volume;
  if (type == "tmpfs") return MountKind::Tmpfs;
  if (type == "image") return MountKind::Image;
  return std::nullopt;
}

// [["uid","1000"],["noexec"]] -> "uid=1000,noexec"
void read_tmpfs_words(const Members& options, MountSpec& mount) {
  const Json* list = options.find("Options");
  if (!list) return;
  if (!list->is_array()) return options.wrong("Options", "a list of lists");
  std::vector<std::string> words;
  for (const Json& item : *list) {
    bool well_formed =
        item.is_array() && (item.size() == 1 || item.size() == 2) &&
        std::all_of(item.begin(), item.end(), [](const Json& word) { return word.is_string(); });
    if (!well_formed) return options.wrong("Options", "a list of lists of one or two strings");
    std::string word = item[0].get<std::string>();
    if (item.size() == 2) word += "=" + item[1].get<std::string>();
    words.push_back(std::move(word));
  }
  mount.tmpfs_options = join(words, ",");
}

void read_mount_options(const Members& members, MountSpec& mount) {
  Members bind = members.object("BindOptions");
  bind.read("Propagation", mount.propagation);
  bind.read("CreateMountpoint", mount.create_host_path);
  bool non_recursive = false;
  bind.read("NonRecursive", non_recursive);
  mount.recursive = !non_recursive;
  bind.read("ReadOnlyNonRecursive", mount.read_only_top);
  Members volume = members.object("VolumeOptions");
  volume.read("NoCopy", mount.no_copy);
  volume.read("Labels", mount.volume_labels);
  volume.read("Subpath", mount.subpath);
  members.object("ImageOptions").read("Subpath", mount.subpath);
  Members tmpfs = members.object("TmpfsOptions");
  if (tmpfs.find("SizeBytes")) tmpfs.read("SizeBytes", mount.tmpfs_size.emplace().bytes);
  if (tmpfs.find("Mode")) tmpfs.read("Mode", mount.tmpfs_mode.emplace());
  read_tmpfs_words(tmpfs, mount);
}

void read_mount(const Members& members, ContainerSpec& spec) {
  MountSpec mount;
  std::string type;
  members.read("Type", type);
  std::optional<MountKind> kind = mount_kind(type);
  if (!kind) return members.fail("Type", "unsupported mount type \"" + type + "\"");
  mount.kind = *kind;
  members.read("Source", mount.source);
  members.read("Target", mount.target);
  members.read("ReadOnly", mount.read_only);
  if (!mount.target.starts_with('/')) return members.wrong("Target", "an absolute path");
  mount.target = clean_path(mount.target);
  if (mount.kind == MountKind::Bind && !mount.source.starts_with('/')) {
    return members.wrong("Source", "an absolute path");
  }
  read_mount_options(members, mount);
  spec.mounts.push_back(std::move(mount));
}

// Config.Volumes: {"/data": {}} asks for anonymous volumes where nothing else is mounted; entries of the old
// form
// "/host:/data" are binds.
void read_anonymous_volumes(const Members& body, const Members& host, ContainerSpec& spec) {
  body.each_member("Volumes", [&](const Members&, const std::string& name) {
    if (name.find(':') != std::string::npos) return read_bind(host, name, spec);
    if (!name.starts_with('/')) return body.fail("Volumes." + name, "must be an absolute path");
    std::string target = clean_path(name);
    bool mounted = std::any_of(spec.mounts.begin(), spec.mounts.end(),
                               [&](const MountSpec& mount) { return mount.target == target; });
    if (mounted) return;
    MountSpec mount;
    mount.target = target;
    spec.mounts.push_back(std::move(mount));
  });
}

void read_files(const Members& body, const Members& host, ContainerSpec& spec) {
  std::vector<std::string> binds;
  host.read("Binds", binds);
  for (const std::string& bind : binds) read_bind(host, bind, spec);
  host.each_item("Mounts", [&](const Members& members) { read_mount(members, spec); });
  std::map<std::string, std::string> tmpfs;
  host.read("Tmpfs", tmpfs);
  for (const auto& [target, options] : tmpfs) {
    auto mount = parse_tmpfs_mount(target, options);
    if (!mount) return host.fail("Tmpfs", mount.error().text());
    spec.mounts.push_back(*std::move(mount));
  }
  read_anonymous_volumes(body, host, spec);
  host.read("VolumesFrom", spec.volumes_from);
  host.read("ReadonlyRootfs", spec.read_only);
  host.read("StorageOpt", spec.storage_opt);
  int64_t shm_size = 0;
  host.read("ShmSize", shm_size);
  if (shm_size < 0) host.wrong("ShmSize", "a size that is not negative");
  if (shm_size > 0) spec.shm_size = ByteSize{shm_size};
}

// --- network ---

constexpr char kInterfaceOption[] = "com.docker.network.endpoint.ifname";

EndpointSpec read_endpoint(const Members& members, const std::string& network) {
  EndpointSpec endpoint;
  endpoint.network = network == "default" ? "bridge" : network;
  members.read("Aliases", endpoint.aliases);
  members.read("MacAddress", endpoint.mac_address);
  members.read("DriverOpts", endpoint.driver_opts);
  members.read("GwPriority", endpoint.gw_priority);
  Members ipam = members.object("IPAMConfig");
  ipam.read("IPv4Address", endpoint.ipv4_address);
  ipam.read("IPv6Address", endpoint.ipv6_address);
  ipam.read("LinkLocalIPs", endpoint.link_local_ips);
  if (auto name = endpoint.driver_opts.find(kInterfaceOption); name != endpoint.driver_opts.end()) {
    endpoint.interface_name = name->second;
    endpoint.driver_opts.erase(name);
  }
  return endpoint;
}

// The order in which endpoints were written stands in our own members; others keep the order of their names.
void order_endpoints(const Members& own, std::vector<EndpointSpec>& endpoints) {
  size_t next = 0;
  own.each_item("Endpoints", [&](const Members& members) {
    std::string network;
    members.read("Network", network);
    auto at = std::find_if(endpoints.begin(), endpoints.end(),
                           [&](const EndpointSpec& endpoint) { return endpoint.network == network; });
    if (at == endpoints.end()) return;
    members.read("InterfaceName", at->interface_name);
    members.read("Priority", at->priority);
    auto position = at - endpoints.begin();
    if (static_cast<size_t>(position) < next) return;
    std::rotate(endpoints.begin() + static_cast<std::ptrdiff_t>(next), at, at + 1);
    ++next;
  });
}

// NetworkMode names a kind of network, or the one network to begin with.
void apply_network_mode(const std::string& mode, ContainerSpec& spec) {
  if (mode == "none" || mode == "host" || mode.starts_with("container:")) {
    spec.network_mode = mode;
    spec.endpoints.clear();
    return;
  }
  std::string network = mode.empty() || mode == "default" ? "bridge" : mode;
  auto at = std::find_if(spec.endpoints.begin(), spec.endpoints.end(),
                         [&](const EndpointSpec& endpoint) { return endpoint.network == network; });
  if (at != spec.endpoints.end()) {
    std::rotate(spec.endpoints.begin(), at, at + 1);
  } else if (spec.endpoints.empty() || !mode.empty()) {
    spec.endpoints.insert(spec.endpoints.begin(), EndpointSpec{})->network = network;
  }
}

void read_port(const Members& host, const std::string& key, const Json& binding, ContainerSpec& spec) {
  // "80/tcp" alone is the notation of a container port.
  if (key.find(':') != std::string::npos)
    return host.fail("PortBindings", "\"" + key + "\" is not a container port");
  auto port = parse_published_port(key);
  if (!port) return host.fail("PortBindings", port.error().text());
  port->host_ip = string_or(binding, "HostIp");
  std::string host_port = string_or(binding, "HostPort");
  if (auto at = binding.find("HostPort"); at != binding.end() && at->is_number_unsigned())
    host_port = at->dump();
  auto parsed = parse_host_port(host_port, *port);
  if (!parsed) return host.fail("PortBindings." + key, parsed.error().text());
  spec.ports.push_back(*std::move(port));
}

void read_ports(const Members& host, ContainerSpec& spec) {
  const Json* bindings = host.find("PortBindings");
  if (!bindings) return;
  if (!bindings->is_object()) return host.wrong("PortBindings", "an object");
  for (const auto& [key, list] : bindings->items()) {
    if (list.is_null()) continue;
    if (!list.is_array()) return host.wrong("PortBindings." + key, "a list");
    for (const Json& binding : list) {
      if (!binding.is_object()) return host.wrong("PortBindings." + key, "a list of objects");
      read_port(host, key, binding, spec);
    }
  }
}

void read_network(const Members& body, const Members& host, const Members& own, ContainerSpec& spec) {
  body.object("NetworkingConfig")
      .each_member("EndpointsConfig", [&](const Members& members, const std::string& network) {
        spec.endpoints.push_back(read_endpoint(members, network));
      });
  std::string mode;
  host.read("NetworkMode", mode);
  bool disabled = false;
  body.read("NetworkDisabled", disabled);
  apply_network_mode(disabled ? "none" : mode, spec);
  order_endpoints(own, spec.endpoints);
  std::string mac_address;
  body.read("MacAddress", mac_address);
  if (!mac_address.empty() && !spec.endpoints.empty() && spec.endpoints.front().mac_address.empty()) {
    spec.endpoints.front().mac_address = mac_address;
  }
  read_ports(host, spec);
  host.read("PublishAllPorts", spec.publish_all);
  host.read("Links", spec.links);
  host.read("ExtraHosts", spec.extra_hosts);
  host.read("Dns", spec.dns);
  host.read("DnsSearch", spec.dns_search);
  host.read("DnsOptions", spec.dns_options);
}

// --- isolation and resources ---

// The docker command line turns --security-opt systempaths=unconfined into two empty lists.
void read_system_paths(const Members& host, ContainerSpec& spec) {
  const Json* masked = host.find("MaskedPaths");
  const Json* read_only = host.find("ReadonlyPaths");
  bool unconfined = masked && masked->is_array() && masked->empty() && read_only && read_only->is_array() &&
                    read_only->empty();
  if (unconfined) spec.security_opt.push_back("systempaths=unconfined");
}

void read_isolation(const Members& host, ContainerSpec& spec) {
  host.read("Privileged", spec.privileged);
  host.read("CapAdd", spec.cap_add);
  host.read("CapDrop", spec.cap_drop);
  host.read("SecurityOpt", spec.security_opt);
  read_system_paths(host, spec);
  host.read("Sysctls", spec.sysctls);
  host.read("IpcMode", spec.ipc_mode);
  host.read("PidMode", spec.pid_mode);
  host.read("UTSMode", spec.uts_mode);
  host.read("UsernsMode", spec.userns_mode);
  host.read("CgroupnsMode", spec.cgroup_mode);
  host.read("GroupAdd", spec.group_add);
  int oom_score_adj = 0;
  host.read("OomScoreAdj", oom_score_adj);
  if (oom_score_adj != 0) spec.oom_score_adj = oom_score_adj;
  host.read("Init", spec.init);
  host.read("Runtime", spec.runtime);
}

void read_blkio(const Members& host, Json& blkio) {
  int64_t weight = 0;
  host.read("BlkioWeight", weight);
  if (weight != 0) blkio["weight"] = weight;
  for (const BlkioList& list : kBlkioLists) {
    host.each_item(list.docker, [&](const Members& members) {
      std::string path;
      int64_t value = 0;
      members.read("Path", path);
      members.read(list.docker_value, value);
      blkio[list.ours].push_back({{"path", path}, {list.value, value}});
    });
  }
}

void read_devices(const Members& host, ResourceSpec& resources) {
  host.each_item("Devices", [&](const Members& members) {
    DeviceSpec device;
    members.read("PathOnHost", device.host_path);
    members.read("PathInContainer", device.container_path);
    members.read("CgroupPermissions", device.permissions);
    if (device.container_path.empty()) device.container_path = device.host_path;
    if (device.permissions.empty()) device.permissions = "rwm";
    resources.devices.push_back(std::move(device));
  });
  host.each_item("DeviceRequests", [&](const Members& members) {
    members.fail("", "device requests (gpus) are not supported");
  });
  host.read("DeviceCgroupRules", resources.device_cgroup_rules);
}

void read_resources(const Members& host, ResourceSpec& resources) {
  host.read("Memory", resources.memory);
  host.read("MemoryReservation", resources.memory_reservation);
  host.read("MemorySwap", resources.memory_swap);
  int64_t swappiness = -1;  // the docker command line's way to say "not set"
  host.read("MemorySwappiness", swappiness);
  if (swappiness != -1) resources.memory_swappiness = swappiness;
  host.read("NanoCpus", resources.nano_cpus);
  host.read("CpuShares", resources.cpu_shares);
  host.read("CpuPeriod", resources.cpu_period);
  host.read("CpuQuota", resources.cpu_quota);
  host.read("CpuRealtimePeriod", resources.cpu_rt_period);
  host.read("CpuRealtimeRuntime", resources.cpu_rt_runtime);
  host.read("CpusetCpus", resources.cpuset_cpus);
  host.read("CpusetMems", resources.cpuset_mems);
  host.read("PidsLimit", resources.pids_limit);
  host.read("OomKillDisable", resources.oom_kill_disable);
  host.read("CgroupParent", resources.cgroup_parent);
  read_blkio(host, resources.blkio);
  host.each_item("Ulimits", [&](const Members& members) {
    UlimitSpec limit;
    members.read("Name", limit.name);
    members.read("Soft", limit.soft);
    members.read("Hard", limit.hard);
    resources.ulimits.push_back(std::move(limit));
  });
  read_devices(host, resources);
}

// --- life and our own members ---

void read_life(const Members& host, ContainerSpec& spec) {
  Members restart = host.object("RestartPolicy");
  restart.read("Name", spec.restart.name);
  restart.read("MaximumRetryCount", spec.restart.max_retries);
  if (spec.restart.name.empty()) spec.restart.name = "no";
  bool known = false;
  for (const char* name : {"no", "always", "unless-stopped", "on-failure"})
    known |= spec.restart.name == name;
  if (!known) restart.fail("Name", "unknown restart policy \"" + spec.restart.name + "\"");
  host.read("AutoRemove", spec.auto_remove);
  Members log = host.object("LogConfig");
  log.read("Type", spec.log.driver);
  if (spec.log.driver.empty()) spec.log.driver = "json-file";
  log.read("Config", spec.log.options);
  host.read("Annotations", spec.annotations);
}

std::optional<std::string> from_hex(const std::string& text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    if (std::from_chars(text.data() + i, text.data() + i + 2, value, 16).ptr != text.data() + i + 2)
      return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

void read_file_spec(const Members& members, ContainerSpec& spec) {
  FileSpec file;
  members.read("Target", file.target);
  members.read("Content", file.content);
  std::string hex;
  members.read("ContentHex", hex);
  if (!hex.empty()) {
    std::optional<std::string> bytes = from_hex(hex);
    if (!bytes) return members.wrong("ContentHex", "pairs of hexadecimal digits");
    file.content = std::move(*bytes);
  }
  members.read("HostPath", file.host_path);
  members.read("Uid", file.uid);
  members.read("Gid", file.gid);
  members.read("Mode", file.mode);
  members.read("Secret", file.secret);
  if (!file.target.starts_with('/')) return members.wrong("Target", "an absolute path");
  spec.files.push_back(std::move(file));
}

void read_hooks(const Members& own, const char* key, std::vector<HookSpec>& hooks) {
  own.each_item(key, [&](const Members& members) {
    HookSpec hook;
    members.read("Command", hook.command);
    members.read("User", hook.user);
    members.read("Privileged", hook.privileged);
    members.read("WorkingDir", hook.working_dir);
    members.read("Env", hook.env);
    hooks.push_back(std::move(hook));
  });
}

void read_own(const Members& own, ContainerSpec& spec) {
  own.read("Name", spec.name);
  own.read("Platform", spec.platform);
  own.each_item("Files", [&](const Members& members) { read_file_spec(members, spec); });
  own.read("ApiSocket", spec.api_socket);
  int64_t delay = 0;
  int64_t window = 0;
  own.read("RestartDelay", delay);
  own.read("RestartWindow", window);
  spec.restart.delay = Nanoseconds(delay);
  spec.restart.window = Nanoseconds(window);
  read_hooks(own, "PostStart", spec.post_start);
  read_hooks(own, "PreStop", spec.pre_stop);
}

}  // namespace

Result<ContainerSpec> container_from_json(const Json& json) {
  std::optional<Error> error;
  ContainerSpec spec;
  if (!json.is_object()) return invalid("body: must be an object");
  Members body(json, "", error);
  Members host = body.object("HostConfig");
  Members own = body.object("Stack");
  read_process(body, spec);
  read_files(body, host, spec);
  read_network(body, host, own, spec);
  read_isolation(host, spec);
  read_resources(host, spec.resources);
  read_life(host, spec);
  read_own(own, spec);
  if (error) return *std::move(error);
  if (spec.image.empty()) return invalid("Image: must name an image");
  return spec;
}

Result<EndpointSpec> endpoint_from_json(const Json& json, const std::string& network) {
  std::optional<Error> error;
  EndpointSpec endpoint = read_endpoint(Members(json, "EndpointConfig", error), network);
  if (error) return *std::move(error);
  return endpoint;
}

}  // namespace stack::docker
