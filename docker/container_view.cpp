#include "docker/container_view.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "docker/container_body.h"
#include "docker/container_fields.h"

namespace stack::docker {

namespace {

// The command line as one text: an argument with a blank is in single quotes (moby, daemon/list.go).
std::string command_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    bool quoted = !text.empty() && word.find(' ') != std::string::npos;
    text += (text.empty() ? "" : " ") + (quoted ? "'" + word + "'" : word);
  }
  return text;
}

std::string proper_time(const std::string& text) { return text.empty() ? std::string(kNever) : text; }

std::string ago(const std::string& time, WallTime now) {
  Result<WallTime> then = parse_rfc3339(time);
  if (!then) return "";
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *then));
}

std::string health_text(const ContainerFacts& container) {
  return container.health != nullptr ? std::string(to_text(container.health->status)) : std::string("none");
}

Json health_json(const ContainerFacts& container) {
  Json log = Json::array();
  for (const ProbeResult& probe : container.health->results)
    log.push_back({{"Start", rfc3339(probe.start)},
                   {"End", rfc3339(probe.end)},
                   {"ExitCode", probe.exit_code},
                   {"Output", probe.output}});
  return {
      {"Status", health_text(container)}, {"FailingStreak", container.health->failing_streak}, {"Log", log}};
}

const char* mount_type(MountKind kind) {
  switch (kind) {
    case MountKind::Bind:
      return "bind";
    case MountKind::Volume:
      return "volume";
    case MountKind::Tmpfs:
      return "tmpfs";
    case MountKind::Image:
      return "image";
  }
  return "";
}

Json mount_json(const MountFacts& mount) {
  bool bind = mount.kind == MountKind::Bind;
  bool volume = mount.kind == MountKind::Volume;
  bool read_only = mount.read_only || mount.kind == MountKind::Image;
  Json entry{{"Type", mount_type(mount.kind)},
             {"Source", mount.source},
             {"Destination", mount.destination},
             {"Mode", read_only ? "ro" : (volume ? "z" : "")},
             {"RW", !read_only},
             {"Propagation", ""}};
  if (bind) entry["Propagation"] = mount.propagation.empty() ? "rprivate" : mount.propagation;
  if (volume) {
    entry["Name"] = mount.name;
    entry["Driver"] = "local";
  }
  return entry;
}

Json mounts_json(const ContainerFacts& container) {
  Json out = Json::array();
  for (const MountFacts& mount : container.mounts)
    // Mounts of `--tmpfs` are shown in HostConfig.Tmpfs, as in Docker.
    if (mount.kind != MountKind::Tmpfs) out.push_back(mount_json(mount));
  return out;
}

Json ipam_json(const EndpointSpec& spec) {
  Json ipam = Json::object();
  if (spec.ipv4_address) ipam["IPv4Address"] = spec.ipv4_address->text();
  if (spec.ipv6_address) ipam["IPv6Address"] = spec.ipv6_address->text();
  for (const IpAddress& address : spec.link_local_ips) ipam["LinkLocalIPs"].push_back(address.text());
  return ipam.empty() ? Json() : ipam;
}

Json or_null(const auto& list) { return list.empty() ? Json() : Json(list); }

// The container's DNS names on the network, without duplicates.
std::vector<std::string> dns_names(const ContainerFacts& container, const EndpointFacts& endpoint) {
  std::vector<std::string> names{container.spec.name};
  auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& alias : endpoint.spec.aliases) add(alias);
  add(container.short_id());
  if (!container.spec.hostname.empty()) add(container.spec.hostname);
  return names;
}

std::string address_text(const std::optional<Cidr>& address) {
  return address ? address->address.text() : "";
}
int prefix_length(const std::optional<Cidr>& address) { return address ? address->prefix : 0; }

Json endpoint_json(const ContainerFacts& container, const EndpointFacts& endpoint) {
  bool predefined = endpoint.network == "host" || endpoint.network == "none";
  return {{"IPAMConfig", ipam_json(endpoint.spec)},
          {"Links", or_null(endpoint.spec.links)},
          {"Aliases", or_null(endpoint.spec.aliases)},
          {"DNSNames", predefined ? Json() : Json(dns_names(container, endpoint))},
          {"NetworkID", endpoint.network_id},
          {"EndpointID", endpoint.endpoint_id},
          {"Gateway", endpoint.gateway},
          {"IPAddress", address_text(endpoint.ipv4)},
          {"IPPrefixLen", prefix_length(endpoint.ipv4)},
          {"IPv6Gateway", endpoint.gateway6},
          {"GlobalIPv6Address", address_text(endpoint.ipv6)},
          {"GlobalIPv6PrefixLen", prefix_length(endpoint.ipv6)},
          {"MacAddress", endpoint.mac},
          {"GwPriority", endpoint.spec.gw_priority},
          {"DriverOpts", or_null(endpoint.spec.driver_opts)}};
}

Json networks_json(const ContainerFacts& container) {
  Json out = Json::object();
  for (const EndpointFacts& endpoint : container.endpoints)
    out[endpoint.network] = endpoint_json(container, endpoint);
  return out;
}

// "80/tcp": [{"HostIp","HostPort"}...], exposed but unpublished ones null.
Json port_map(const ContainerFacts& container) {
  Json out = Json::object();
  for (const auto& [key, bindings] : container.ports) {
    Json& list = out[key];
    for (const PortBinding& binding : bindings)
      list.push_back({{"HostIp", binding.host_ip.text()}, {"HostPort", std::to_string(binding.host_port)}});
  }
  return out;
}

Json port_rows(const ContainerFacts& container) {
  Json out = Json::array();
  for (const auto& [key, bindings] : container.ports) {
    Json row{{"PrivatePort", std::atoi(key.c_str())}, {"Type", key.substr(key.find('/') + 1)}};
    if (bindings.empty()) out.push_back(row);
    for (const PortBinding& binding : bindings) {
      row["IP"] = binding.host_ip.text();
      row["PublicPort"] = binding.host_port;
      out.push_back(row);
    }
  }
  return out;
}

// Adds members that Docker always shows and clients expect; the record omits default values.
void fill_defaults(Json& object, const Json& defaults) {
  for (const auto& [key, value] : defaults.items())
    if (!object.contains(key)) object[key] = value;
}

const Json& config_defaults() {
  static const Json defaults{
      {"Hostname", ""},        {"Domainname", ""},      {"User", ""},         {"AttachStdin", false},
      {"AttachStdout", false}, {"AttachStderr", false}, {"Tty", false},       {"OpenStdin", false},
      {"StdinOnce", false},    {"Env", nullptr},        {"Cmd", nullptr},     {"Volumes", nullptr},
      {"WorkingDir", ""},      {"Entrypoint", nullptr}, {"OnBuild", nullptr}, {"Labels", Json::object()}};
  return defaults;
}

const Json& host_defaults() {
  static const Json defaults{{"Binds", nullptr},
                             {"ContainerIDFile", ""},
                             {"PortBindings", Json::object()},
                             {"AutoRemove", false},
                             {"VolumeDriver", ""},
                             {"VolumesFrom", nullptr},
                             {"ConsoleSize", {0, 0}},
                             {"CapAdd", nullptr},
                             {"CapDrop", nullptr},
                             {"CgroupnsMode", "private"},
                             {"Dns", Json::array()},
                             {"DnsOptions", Json::array()},
                             {"DnsSearch", Json::array()},
                             {"ExtraHosts", nullptr},
                             {"GroupAdd", nullptr},
                             {"IpcMode", "private"},
                             {"Cgroup", ""},
                             {"Links", nullptr},
                             {"OomScoreAdj", 0},
                             {"PidMode", ""},
                             {"Privileged", false},
                             {"PublishAllPorts", false},
                             {"ReadonlyRootfs", false},
                             {"SecurityOpt", nullptr},
                             {"UTSMode", ""},
                             {"UsernsMode", ""},
                             {"ShmSize", 67108864},
                             {"Runtime", "stack"},
                             {"Isolation", ""},
                             {"CpuShares", 0},
                             {"Memory", 0},
                             {"NanoCpus", 0},
                             {"CgroupParent", ""},
                             {"BlkioWeight", 0},
                             {"CpuPeriod", 0},
                             {"CpuQuota", 0},
                             {"CpuRealtimePeriod", 0},
                             {"CpuRealtimeRuntime", 0},
                             {"CpusetCpus", ""},
                             {"CpusetMems", ""},
                             {"Devices", Json::array()},
                             {"DeviceCgroupRules", nullptr},
                             {"DeviceRequests", nullptr},
                             {"MemoryReservation", 0},
                             {"MemorySwap", 0},
                             {"MemorySwappiness", nullptr},
                             {"OomKillDisable", nullptr},
                             {"PidsLimit", nullptr},
                             {"Ulimits", Json::array()}};
  return defaults;
}

// The paths that Docker's own default hides, in the order of its profile.
const std::vector<std::string>& masked_paths() {
  static const std::vector<std::string> paths{"/proc/acpi",
                                              "/proc/asound",
                                              "/proc/interrupts",
                                              "/proc/kcore",
                                              "/proc/keys",
                                              "/proc/latency_stats",
                                              "/proc/sched_debug",
                                              "/proc/scsi",
                                              "/proc/timer_list",
                                              "/proc/timer_stats",
                                              "/sys/devices/virtual/powercap",
                                              "/sys/firmware"};
  return paths;
}

const std::vector<std::string>& read_only_paths() {
  static const std::vector<std::string> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                              "/proc/sysrq-trigger"};
  return paths;
}

Json host_config(const ContainerFacts& container, Json host) {
  fill_defaults(host, host_defaults());
  // The kernel's limit if only memory is limited: Docker allows as much swap again.
  if (int_or(host, "Memory") > 0 && int_or(host, "MemorySwap") == 0)
    host["MemorySwap"] = 2 * int_or(host, "Memory");
  fill_defaults(host["RestartPolicy"], {{"Name", "no"}, {"MaximumRetryCount", 0}});
  fill_defaults(host["LogConfig"], {{"Type", "json-file"}, {"Config", Json::object()}});
  const std::vector<std::string>& options = container.spec.security_opt;
  bool open = container.spec.privileged ||
              std::find(options.begin(), options.end(), "systempaths=unconfined") != options.end();
  host["MaskedPaths"] = open ? Json() : Json(masked_paths());
  host["ReadonlyPaths"] = open ? Json() : Json(read_only_paths());
  return host;
}

// The requested variables, then the image's variables that they do not override: Docker's Config.Env, which has
// neither HOSTNAME nor HOME.
std::vector<std::string> config_env(const std::vector<std::string>& own,
                                    const std::vector<std::string>& image) {
  auto name_of = [](const std::string& entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> env = own;
  for (const std::string& entry : image) {
    bool given = std::any_of(own.begin(), own.end(),
                             [&](const std::string& each) { return name_of(each) == name_of(entry); });
    if (!given) env.push_back(entry);
  }
  return env;
}

Json config_json(const ContainerFacts& container, const ContainerDetails& details, Json config) {
  const ContainerSpec& spec = container.spec;
  config["Hostname"] = details.hostname;
  config["Env"] = config_env(spec.env, details.image_env);
  config["Labels"] = container.labels;
  if (!spec.command && !spec.entrypoint) config["Cmd"] = or_null(details.image_command);
  if (!spec.entrypoint) config["Entrypoint"] = or_null(details.image_entrypoint);
  if (spec.entrypoint && spec.entrypoint->empty()) config["Entrypoint"] = nullptr;
  if (spec.working_dir.empty()) config["WorkingDir"] = details.image_working_dir;
  if (spec.user.empty()) config["User"] = details.image_user;
  if (spec.stop_signal.empty() && !details.image_stop_signal.empty())
    config["StopSignal"] = details.image_stop_signal;
  if (details.healthcheck) config["Healthcheck"] = fields_to_json(*details.healthcheck, Defaults::Omitted);
  for (const std::string& port : details.image_ports) config["ExposedPorts"][port] = Json::object();
  for (const PortSpec& port : spec.ports)
    config["ExposedPorts"][std::to_string(port.container_port) + "/" + to_text(port.protocol)] =
        Json::object();
  fill_defaults(config, config_defaults());
  return config;
}

Json state_json(const ContainerFacts& container) {
  Json state{{"Status", container.status},
             {"Running", container.running() || container.status == "restarting"},
             {"Paused", container.status == "paused"},
             {"Restarting", container.status == "restarting"},
             {"OOMKilled", container.oom_killed},
             {"Dead", container.status == "dead"},
             {"Pid", container.pid},
             {"ExitCode", container.exit_code},
             {"Error", container.error},
             {"StartedAt", proper_time(container.started_at)},
             {"FinishedAt", proper_time(container.finished_at)}};
  if (container.health != nullptr) state["Health"] = health_json(container);
  return state;
}

// The first network's members at the top of NetworkSettings, which API 1.52 removed.
void add_legacy_network(const ContainerFacts& container, Json& settings) {
  static const EndpointSpec kNone;
  EndpointFacts first;
  for (const EndpointFacts& endpoint : container.endpoints)
    if (endpoint.network == "bridge") first = endpoint;
  settings["Bridge"] = "";
  settings["HairpinMode"] = false;
  settings["LinkLocalIPv6Address"] = "";
  settings["LinkLocalIPv6PrefixLen"] = 0;
  settings["SecondaryIPAddresses"] = nullptr;
  settings["SecondaryIPv6Addresses"] = nullptr;
  settings["EndpointID"] = first.endpoint_id;
  settings["Gateway"] = first.gateway;
  settings["GlobalIPv6Address"] = address_text(first.ipv6);
  settings["GlobalIPv6PrefixLen"] = prefix_length(first.ipv6);
  settings["IPAddress"] = address_text(first.ipv4);
  settings["IPPrefixLen"] = prefix_length(first.ipv4);
  settings["IPv6Gateway"] = first.gateway6;
  settings["MacAddress"] = first.mac;
}

Json network_settings(const ContainerFacts& container, int version) {
  std::string pid = std::to_string(container.pid);
  Json settings{{"SandboxID", container.pid > 0 ? container.id.text() : ""},
                {"SandboxKey", container.pid > 0 ? "/proc/" + pid + "/ns/net" : ""},
                {"Ports", port_map(container)},
                {"Networks", networks_json(container)}};
  if (version < 52) add_legacy_network(container, settings);
  return settings;
}

std::string network_mode(const ContainerFacts& container) {
  if (!container.spec.network_mode.empty() || container.endpoints.empty()) return container.spec.network_mode;
  return container.endpoints.front().network;
}

}  // namespace

std::string status_text(const ContainerFacts& container, WallTime now) {
  std::string code = std::to_string(container.exit_code);
  if (container.status == "created") return "Created";
  if (container.status == "dead") return "Dead";
  if (container.status == "removing") return "Removal In Progress";
  if (container.status == "exited")
    return "Exited (" + code + ") " + ago(container.finished_at, now) + " ago";
  if (container.status == "restarting")
    return "Restarting (" + code + ") " + ago(container.finished_at, now) + " ago";
  std::string text = "Up " + ago(container.started_at, now);
  if (container.status == "paused") return text + " (Paused)";
  if (container.health == nullptr) return text;
  std::string health = health_text(container);
  return text + " (" + (health == "starting" ? "health: starting" : health) + ")";
}

Json container_summary(const ContainerFacts& container, WallTime now) {
  int64_t created = 0;
  if (Result<WallTime> time = parse_rfc3339(container.created_at); time)
    created = std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
  Json names = Json::array({"/" + container.spec.name});
  for (const std::string& name : container.linked_as) names.push_back("/" + name);
  return {{"Id", container.id.text()},
          {"Names", std::move(names)},
          {"Image", container.spec.image},
          {"ImageID", container.image_id},
          {"Command", command_text(container.command_line)},
          {"Created", created},
          {"Ports", port_rows(container)},
          {"Labels", container.labels},
          {"State", container.status},
          {"Status", status_text(container, now)},
          {"Health",
           {{"Status", health_text(container)},
            {"FailingStreak", container.health != nullptr ? container.health->failing_streak : 0}}},
          {"ExitCode", container.exit_code},
          {"HostConfig", {{"NetworkMode", network_mode(container)}}},
          {"NetworkSettings", {{"Networks", networks_json(container)}}},
          {"Mounts", mounts_json(container)}};
}

Json container_inspect(const ContainerFacts& container, const ContainerDetails& details, int version) {
  Json config = container_to_json(container.spec);
  Json host = config.value("HostConfig", Json::object());
  for (const char* key : {"HostConfig", "NetworkingConfig", "Stack"}) config.erase(key);
  std::vector<std::string> args = container.command_line;
  std::string path = args.empty() ? "" : args.front();
  if (!args.empty()) args.erase(args.begin());
  return {{"Id", container.id.text()},
          {"Created", container.created_at},
          {"Path", path},
          {"Args", args},
          {"State", state_json(container)},
          {"Image", container.image_id},
          {"ResolvConfPath", details.resolv_conf_path},
          {"HostnamePath", details.hostname_path},
          {"HostsPath", details.hosts_path},
          {"LogPath", details.log_path},
          {"Name", "/" + container.spec.name},
          {"RestartCount", container.restart_count},
          {"Driver", "overlay2"},
          {"Platform", "linux"},
          {"MountLabel", ""},
          {"ProcessLabel", ""},
          {"AppArmorProfile", ""},
          {"ExecIDs", or_null(details.exec_ids)},
          {"HostConfig", host_config(container, std::move(host))},
          {"GraphDriver", {{"Name", "overlay2"}, {"Data", nullptr}}},
          {"Mounts", mounts_json(container)},
          {"Config", config_json(container, details, std::move(config))},
          {"NetworkSettings", network_settings(container, version)}};
}

}  // namespace stack::docker
