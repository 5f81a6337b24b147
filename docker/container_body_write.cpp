#include "docker/container_body.h"

#include <algorithm>

#include "base/text.h"
#include "docker/container_body_names.h"

namespace stack::docker {
namespace {

// Members at their default are left out, as Docker's own omitempty does.
void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}
void put(Json& object, const char* key, bool value) {
  if (value) object[key] = true;
}
void put(Json& object, const char* key, int64_t value) {
  if (value != 0) object[key] = value;
}
void put(Json& object, const char* key, const std::vector<std::string>& value) {
  if (!value.empty()) object[key] = value;
}
void put(Json& object, const char* key, const std::map<std::string, std::string>& value) {
  if (!value.empty()) object[key] = value;
}
void put(Json& object, const char* key, Json value) {
  if (!value.empty()) object[key] = std::move(value);
}

Json healthcheck_to_json(const HealthcheckSpec& spec) {
  Json json = Json::object();
  put(json, "Test", spec.test);
  put(json, "Interval", int64_t{spec.interval.count()});
  put(json, "Timeout", int64_t{spec.timeout.count()});
  put(json, "StartPeriod", int64_t{spec.start_period.count()});
  put(json, "StartInterval", int64_t{spec.start_interval.count()});
  put(json, "Retries", int64_t{spec.retries});
  return json;
}

// "uid=1000,noexec" -> [["uid","1000"],["noexec"]], the form of TmpfsOptions.Options.
Json tmpfs_options_to_json(const std::string& options) {
  Json list = Json::array();
  if (options.empty()) return list;
  for (const std::string& option : split(options, ',')) {
    size_t equals = option.find('=');
    if (equals == std::string::npos) {
      list.push_back(Json::array({option}));
    } else {
      list.push_back(Json::array({option.substr(0, equals), option.substr(equals + 1)}));
    }
  }
  return list;
}

Json bind_options(const MountSpec& mount) {
  Json options = Json::object();
  put(options, "Propagation", mount.propagation);
  put(options, "NonRecursive", !mount.recursive);
  put(options, "ReadOnlyNonRecursive", mount.read_only_top);
  put(options, "CreateMountpoint", mount.create_host_path);
  return options;
}

Json volume_options(const MountSpec& mount) {
  Json options = Json::object();
  put(options, "NoCopy", mount.no_copy);
  put(options, "Labels", mount.volume_labels);
  put(options, "Subpath", mount.subpath);
  return options;
}

Json tmpfs_options(const MountSpec& mount) {
  Json options = Json::object();
  if (mount.tmpfs_size) options["SizeBytes"] = mount.tmpfs_size->bytes;
  if (mount.tmpfs_mode) options["Mode"] = *mount.tmpfs_mode;
  put(options, "Options", tmpfs_options_to_json(mount.tmpfs_options));
  return options;
}

Json image_options(const MountSpec& mount) {
  Json options = Json::object();
  put(options, "Subpath", mount.subpath);
  return options;
}

Json mount_to_json(const MountSpec& mount) {
  Json json{{"Target", mount.target}};
  put(json, "Source", mount.source);
  put(json, "ReadOnly", mount.read_only);
  switch (mount.kind) {
    case MountKind::Bind:
      json["Type"] = "bind";
      put(json, "BindOptions", bind_options(mount));
      break;
    case MountKind::Volume:
      json["Type"] = "volume";
      put(json, "VolumeOptions", volume_options(mount));
      break;
    case MountKind::Tmpfs:
      json["Type"] = "tmpfs";
      put(json, "TmpfsOptions", tmpfs_options(mount));
      break;
    case MountKind::Image:
      json["Type"] = "image";
      put(json, "ImageOptions", image_options(mount));
      break;
  }
  return json;
}

Json endpoint_to_json(const EndpointSpec& endpoint) {
  Json json = Json::object();
  put(json, "Aliases", endpoint.aliases);
  put(json, "MacAddress", endpoint.mac_address);
  put(json, "DriverOpts", endpoint.driver_opts);
  put(json, "GwPriority", int64_t{endpoint.gw_priority});
  Json ipam = Json::object();
  put(ipam, "IPv4Address", endpoint.ipv4_address);
  put(ipam, "IPv6Address", endpoint.ipv6_address);
  put(ipam, "LinkLocalIPs", endpoint.link_local_ips);
  put(json, "IPAMConfig", std::move(ipam));
  return json;
}

std::string port_key(const PortSpec& port) {
  return std::to_string(port.container_port) + "/" + port.protocol;
}

Json ports_to_json(const std::vector<PortSpec>& ports) {
  Json bindings = Json::object();
  for (const PortSpec& port : ports) {
    std::string host_port = port.host_port == 0 ? "" : std::to_string(port.host_port);
    if (port.host_port_end != 0) host_port += "-" + std::to_string(port.host_port_end);
    bindings[port_key(port)].push_back({{"HostIp", port.host_ip}, {"HostPort", host_port}});
  }
  return bindings;
}

void put_blkio(Json& host, const Json& blkio) {
  if (!blkio.is_object()) return;
  if (int64_t weight = int_or(blkio, "weight"); weight != 0) host["BlkioWeight"] = weight;
  for (const BlkioList& list : kBlkioLists) {
    auto at = blkio.find(list.ours);
    if (at == blkio.end() || !at->is_array()) continue;
    for (const Json& item : *at) {
      host[list.docker].push_back(
          {{"Path", string_or(item, "path")}, {list.docker_value, int_or(item, list.value)}});
    }
  }
}

void put_resources(Json& host, const ResourceSpec& resources) {
  put(host, "Memory", resources.memory);
  put(host, "MemoryReservation", resources.memory_reservation);
  put(host, "MemorySwap", resources.memory_swap);
  if (resources.memory_swappiness) host["MemorySwappiness"] = *resources.memory_swappiness;
  put(host, "NanoCpus", resources.nano_cpus);
  put(host, "CpuShares", resources.cpu_shares);
  put(host, "CpuPeriod", resources.cpu_period);
  put(host, "CpuQuota", resources.cpu_quota);
  put(host, "CpuRealtimePeriod", resources.cpu_rt_period);
  put(host, "CpuRealtimeRuntime", resources.cpu_rt_runtime);
  put(host, "CpusetCpus", resources.cpuset_cpus);
  put(host, "CpusetMems", resources.cpuset_mems);
  put(host, "PidsLimit", resources.pids_limit);
  put(host, "OomKillDisable", resources.oom_kill_disable);
  put_blkio(host, resources.blkio);
  for (const UlimitSpec& limit : resources.ulimits) {
    host["Ulimits"].push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
  }
  for (const DeviceSpec& device : resources.devices) {
    host["Devices"].push_back({{"PathOnHost", device.host_path},
                               {"PathInContainer", device.container_path},
                               {"CgroupPermissions", device.permissions}});
  }
  put(host, "DeviceCgroupRules", resources.device_cgroup_rules);
  put(host, "CgroupParent", resources.cgroup_parent);
}

std::string docker_network_mode(const ContainerSpec& spec) {
  if (!spec.network_mode.empty()) return spec.network_mode;
  return spec.endpoints.empty() ? "none" : spec.endpoints.front().network;
}

Json restart_to_json(const RestartSpec& restart) {
  Json json{{"Name", restart.name}};
  put(json, "MaximumRetryCount", int64_t{restart.max_retries});
  return json;
}

void put_isolation(Json& host, const ContainerSpec& spec) {
  put(host, "Privileged", spec.privileged);
  put(host, "CapAdd", spec.cap_add);
  put(host, "CapDrop", spec.cap_drop);
  put(host, "SecurityOpt", spec.security_opt);
  put(host, "Sysctls", spec.sysctls);
  put(host, "IpcMode", spec.ipc_mode);
  put(host, "PidMode", spec.pid_mode);
  put(host, "UTSMode", spec.uts_mode);
  put(host, "UsernsMode", spec.userns_mode);
  put(host, "CgroupnsMode", spec.cgroup_mode);
  if (spec.oom_score_adj) host["OomScoreAdj"] = *spec.oom_score_adj;
  if (spec.init) host["Init"] = *spec.init;
  put(host, "Runtime", spec.runtime);
}

Json host_config(const ContainerSpec& spec) {
  Json host{{"NetworkMode", docker_network_mode(spec)}, {"RestartPolicy", restart_to_json(spec.restart)}};
  for (const MountSpec& mount : spec.mounts) host["Mounts"].push_back(mount_to_json(mount));
  put(host, "VolumesFrom", spec.volumes_from);
  put(host, "ReadonlyRootfs", spec.read_only);
  if (spec.shm_size) host["ShmSize"] = spec.shm_size->bytes;
  put(host, "StorageOpt", spec.storage_opt);
  put(host, "PortBindings", ports_to_json(spec.ports));
  put(host, "PublishAllPorts", spec.publish_all);
  put(host, "Links", spec.links);
  put(host, "ExtraHosts", spec.extra_hosts);
  put(host, "Dns", spec.dns);
  put(host, "DnsSearch", spec.dns_search);
  put(host, "DnsOptions", spec.dns_options);
  put(host, "GroupAdd", spec.group_add);
  put(host, "Annotations", spec.annotations);
  put(host, "AutoRemove", spec.auto_remove);
  Json log_config{{"Type", spec.log.driver}};
  put(log_config, "Config", spec.log.options);
  host["LogConfig"] = std::move(log_config);
  put_isolation(host, spec);
  put_resources(host, spec.resources);
  return host;
}

bool is_plain_text(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](unsigned char c) {
    return (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t' || c == '\r';
  });
}

std::string to_hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Json file_to_json(const FileSpec& file) {
  Json json{{"Target", file.target}, {"Mode", file.mode}};
  put(json, is_plain_text(file.content) ? "Content" : "ContentHex",
      is_plain_text(file.content) ? file.content : to_hex(file.content));
  put(json, "HostPath", file.host_path);
  put(json, "Uid", int64_t{file.uid});
  put(json, "Gid", int64_t{file.gid});
  put(json, "Secret", file.secret);
  return json;
}

Json hooks_to_json(const std::vector<HookSpec>& hooks) {
  Json list = Json::array();
  for (const HookSpec& hook : hooks) {
    Json json{{"Command", hook.command}};
    put(json, "User", hook.user);
    put(json, "Privileged", hook.privileged);
    put(json, "WorkingDir", hook.working_dir);
    put(json, "Env", hook.env);
    list.push_back(std::move(json));
  }
  return list;
}

// What Docker's body has no place for; the endpoints' order among it.
Json own_members(const ContainerSpec& spec) {
  Json own = Json::object();
  put(own, "Name", spec.name);
  put(own, "Platform", spec.platform);
  for (const FileSpec& file : spec.files) own["Files"].push_back(file_to_json(file));
  for (const EndpointSpec& endpoint : spec.endpoints) {
    Json json{{"Network", endpoint.network}};
    put(json, "InterfaceName", endpoint.interface_name);
    put(json, "Priority", int64_t{endpoint.priority});
    own["Endpoints"].push_back(std::move(json));
  }
  put(own, "ApiSocket", spec.api_socket);
  put(own, "RestartDelay", int64_t{spec.restart.delay.count()});
  put(own, "RestartWindow", int64_t{spec.restart.window.count()});
  put(own, "PostStart", hooks_to_json(spec.post_start));
  put(own, "PreStop", hooks_to_json(spec.pre_stop));
  return own;
}

Json endpoints_config(const std::vector<EndpointSpec>& endpoints) {
  Json config = Json::object();
  for (const EndpointSpec& endpoint : endpoints) config[endpoint.network] = endpoint_to_json(endpoint);
  return config;
}

}  // namespace

Json container_to_json(const ContainerSpec& spec) {
  Json body{{"Image", spec.image}, {"HostConfig", host_config(spec)}};
  if (spec.entrypoint) body["Entrypoint"] = *spec.entrypoint;
  if (spec.command) body["Cmd"] = *spec.command;
  put(body, "Env", spec.env);
  put(body, "WorkingDir", spec.working_dir);
  put(body, "User", spec.user);
  put(body, "Hostname", spec.hostname);
  put(body, "Domainname", spec.domainname);
  put(body, "Tty", spec.tty);
  put(body, "OpenStdin", spec.open_stdin);
  put(body, "StdinOnce", spec.stdin_once);
  put(body, "StopSignal", spec.stop_signal);
  if (spec.stop_timeout) body["StopTimeout"] = spec.stop_timeout->count();
  if (spec.healthcheck) body["Healthcheck"] = healthcheck_to_json(*spec.healthcheck);
  put(body, "Labels", spec.labels);
  for (const std::string& port : spec.exposed_ports) body["ExposedPorts"][port] = Json::object();
  if (!spec.endpoints.empty())
    body["NetworkingConfig"] = {{"EndpointsConfig", endpoints_config(spec.endpoints)}};
  put(body, "Stack", own_members(spec));
  return body;
}

}  // namespace stack::docker
