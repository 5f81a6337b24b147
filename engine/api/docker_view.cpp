#include "engine/api/docker_view.h"

#include <algorithm>

#include "docker/container_body.h"
#include "engine/container/container_run.h"
#include "model/labels.h"

namespace stack::engine {

namespace {

std::string proper_time(const std::string& text) { return text.empty() ? std::string(kZeroTime) : text; }

std::string ago(const std::string& time) {
  Result<WallTime> then = parse_rfc3339(time);
  if (!then) return "";
  auto passed = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - *then);
  return human_duration(passed);
}

std::string health_text(const Container& container) {
  return container.health ? std::string(to_text(container.health->status)) : std::string("none");
}

Json health_json(const Container& container) {
  Json log = Json::array();
  for (const ProbeResult& probe : container.health->results)
    log.push_back({{"Start", rfc3339(probe.start)},
                   {"End", rfc3339(probe.end)},
                   {"ExitCode", probe.exit_code},
                   {"Output", probe.output}});
  return {
      {"Status", health_text(container)}, {"FailingStreak", container.health->failing_streak}, {"Log", log}};
}

Json mounts_json(const Container& container) {
  Json out = Json::array();
  for (const MountPoint& mount : container.mounts) {
    if (mount.kind == MountKind::Tmpfs) continue;
    bool bind = mount.kind == MountKind::Bind;
    Json entry{{"Type", bind ? "bind" : "volume"},
               {"Source", mount.source},
               {"Destination", mount.destination},
               {"Mode", mount.read_only ? "ro" : (bind ? "" : "z")},
               {"RW", !mount.read_only},
               {"Propagation", bind ? (mount.propagation.empty() ? "rprivate" : mount.propagation) : ""}};
    if (!bind) {
      entry["Name"] = mount.name;
      entry["Driver"] = "local";
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Json endpoint_json(const Container& container, const Endpoint& endpoint, const NetworkService& networks) {
  NetworkPtr network = networks.find(endpoint.network_id);
  bool up = container.run && endpoint.attached;
  std::string gateway;
  if (up && network)
    for (const net::AddressPool& pool : network->pools)
      if (pool.subnet.family() == Family::V4 && pool.gateway && !network->request.internal)
        gateway = pool.gateway->text();
  std::vector<std::string> names{container.spec.name};
  for (const std::string& alias : endpoint.spec.aliases)
    if (std::find(names.begin(), names.end(), alias) == names.end()) names.push_back(alias);
  names.push_back(container.short_id());
  return {{"IPAMConfig",
           endpoint.spec.ipv4_address.empty() ? Json() : Json{{"IPv4Address", endpoint.spec.ipv4_address}}},
          {"Links", nullptr},
          {"Aliases", endpoint.spec.aliases},
          {"DNSNames", names},
          {"NetworkID", endpoint.network_id},
          {"EndpointID", up ? endpoint.endpoint_id : ""},
          {"Gateway", gateway},
          {"IPAddress", up ? endpoint.ipv4 : ""},
          {"IPPrefixLen", up ? endpoint.ipv4_prefix : 0},
          {"IPv6Gateway", ""},
          {"GlobalIPv6Address", up ? endpoint.ipv6 : ""},
          {"GlobalIPv6PrefixLen", up ? endpoint.ipv6_prefix : 0},
          {"MacAddress", up ? endpoint.mac : ""},
          {"DriverOpts", nullptr}};
}

std::string network_name(const Endpoint& endpoint, const NetworkService& networks) {
  NetworkPtr network =
      networks.find(endpoint.network_id.empty() ? endpoint.spec.network : endpoint.network_id);
  return network ? network->name() : endpoint.spec.network;
}

Json networks_json(const Container& container, const NetworkService& networks) {
  Json out = Json::object();
  for (const Endpoint& endpoint : container.endpoints)
    out[network_name(endpoint, networks)] = endpoint_json(container, endpoint, networks);
  if (container.spec.network_mode == "host" || container.spec.network_mode == "none")
    out[container.spec.network_mode] = {{"IPAddress", ""},  {"Aliases", nullptr}, {"NetworkID", ""},
                                        {"EndpointID", ""}, {"Gateway", ""},      {"MacAddress", ""}};
  return out;
}

// "80/tcp": [{"HostIp","HostPort"}...], exposed but unpublished ones null.
Json port_bindings(const Container& container, const images::ImageConfig* image) {
  Json out = Json::object();
  if (!container.run) return out;
  if (image != nullptr)
    for (const std::string& port : image->exposed_ports) out[port] = nullptr;
  for (const std::string& port : container.spec.exposed_ports) out[port] = nullptr;
  for (const PublishedPort& port : container.published) {
    Json& list = out[std::to_string(port.container_port) + "/" + port.protocol];
    std::vector<std::string> addresses = port.host_ip.empty() ? std::vector<std::string>{"0.0.0.0", "::"}
                                                              : std::vector<std::string>{port.host_ip};
    for (const std::string& address : addresses)
      list.push_back({{"HostIp", address}, {"HostPort", std::to_string(port.host_port)}});
  }
  return out;
}

Json ports_list(const Container& container, const images::ImageConfig* image) {
  Json out = Json::array();
  Json bindings = port_bindings(container, image);
  for (const auto& [key, list] : bindings.items()) {
    size_t slash = key.find('/');
    int number = std::atoi(key.c_str());
    std::string protocol = slash == std::string::npos ? "tcp" : key.substr(slash + 1);
    if (list.is_null()) {
      out.push_back({{"PrivatePort", number}, {"Type", protocol}});
      continue;
    }
    for (const Json& binding : list)
      out.push_back({{"IP", binding["HostIp"]},
                     {"PrivatePort", number},
                     {"PublicPort", std::atoi(string_or(binding, "HostPort").c_str())},
                     {"Type", protocol}});
  }
  return out;
}

// Members that Docker always shows, and clients read without asking: what the record leaves out at its
// default.
void fill_defaults(Json& object, const Json& defaults) {
  for (const auto& [key, value] : defaults.items())
    if (!object.contains(key)) object[key] = value;
}

const Json& config_defaults() {
  static const Json defaults{
      {"Hostname", ""},       {"Domainname", ""},      {"User", ""},         {"AttachStdin", false},
      {"AttachStdout", true}, {"AttachStderr", true},  {"Tty", false},       {"OpenStdin", false},
      {"StdinOnce", false},   {"Env", nullptr},        {"Cmd", nullptr},     {"Volumes", nullptr},
      {"WorkingDir", ""},     {"Entrypoint", nullptr}, {"OnBuild", nullptr}, {"Labels", Json::object()}};
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

std::string display_image(const Container& container) { return container.spec.image; }

}  // namespace

std::string status_text(const Container& container) {
  const ContainerState& state = container.state;
  switch (state.status) {
    case Status::Creating:
    case Status::Created:
      return "Created";
    case Status::Dead:
      return "Dead";
    case Status::Exited:
      return "Exited (" + std::to_string(state.exit_code) + ") " + ago(state.finished_at) + " ago";
    case Status::Restarting:
      return "Restarting (" + std::to_string(state.exit_code) + ") " + ago(state.finished_at) + " ago";
    case Status::Paused:
      return "Up " + ago(state.started_at) + " (Paused)";
    case Status::Running:
      break;
  }
  std::string text = "Up " + ago(state.started_at);
  if (!container.health) return text;
  std::string health = health_text(container);
  return text + " (" + (health == "starting" ? "health: starting" : health) + ")";
}

Json container_summary(const Container& container, const ContainerService& service,
                       const NetworkService& networks) {
  auto image = const_cast<ContainerService&>(service).parts().images.find(container.image_id);
  Result<ImageDefaults> defaults = service.image_defaults(container);
  std::string command;
  if (defaults)
    if (Result<std::vector<std::string>> args = command_line(container.spec, *defaults); args)
      for (const std::string& arg : *args) command += (command.empty() ? "" : " ") + arg;
  int64_t created = 0;
  if (Result<WallTime> time = parse_rfc3339(container.created_at); time)
    created = std::chrono::duration_cast<std::chrono::seconds>(time->time_since_epoch()).count();
  return {
      {"Id", container.id},
      {"Names", {"/" + container.spec.name}},
      {"Image", display_image(container)},
      {"ImageID", container.image_id},
      {"Command", command},
      {"Created", created},
      {"Ports", ports_list(container, image ? &image->config() : nullptr)},
      {"Labels", container.spec.labels},
      {"State",
       container.state.status == Status::Creating ? "created" : std::string(to_text(container.state.status))},
      {"Status", status_text(container)},
      {"Health",
       {{"Status", health_text(container)},
        {"FailingStreak", container.health ? container.health->failing_streak : 0}}},
      {"ExitCode", container.state.exit_code},
      {"HostConfig",
       {{"NetworkMode", container.spec.network_mode.empty() && !container.endpoints.empty()
                            ? network_name(container.endpoints[0], networks)
                            : container.spec.network_mode}}},
      {"NetworkSettings", {{"Networks", networks_json(container, networks)}}},
      {"Mounts", mounts_json(container)}};
}

Json container_inspect(const Container& container, const ContainerService& service,
                       const NetworkService& networks) {
  const ContainerState& state = container.state;
  auto image = const_cast<ContainerService&>(service).parts().images.find(container.image_id);
  Result<ImageDefaults> defaults = service.image_defaults(container);
  std::vector<std::string> args;
  if (defaults)
    if (Result<std::vector<std::string>> line = command_line(container.spec, *defaults); line)
      args = std::move(*line);
  Json spec = docker::container_to_json(container.spec);
  Json host_config = spec.value("HostConfig", Json::object());
  spec.erase("HostConfig");
  spec.erase("NetworkingConfig");
  spec.erase("Stack");
  Json config = std::move(spec);
  config["Hostname"] = container.spec.hostname.empty() ? container.short_id() : container.spec.hostname;
  config["Env"] = service.environment_of(container);
  if (defaults) {
    if (!container.spec.command && !container.spec.entrypoint) config["Cmd"] = defaults->command;
    if (!container.spec.entrypoint)
      config["Entrypoint"] = defaults->entrypoint.empty() ? Json() : Json(defaults->entrypoint);
    if (container.spec.working_dir.empty()) config["WorkingDir"] = defaults->working_dir;
    if (container.spec.user.empty()) config["User"] = defaults->user;
  }
  fill_defaults(config, config_defaults());
  fill_defaults(host_config, host_defaults());
  fill_defaults(host_config["RestartPolicy"], {{"Name", "no"}, {"MaximumRetryCount", 0}});
  fill_defaults(host_config["LogConfig"], {{"Type", "json-file"}, {"Config", Json::object()}});
  Json state_json{
      {"Status", state.status == Status::Creating ? "created" : std::string(to_text(state.status))},
      {"Running", container.running()},
      {"Paused", state.status == Status::Paused},
      {"Restarting", state.status == Status::Restarting},
      {"OOMKilled", state.oom_killed},
      {"Dead", state.status == Status::Dead},
      {"Pid", state.pid},
      {"ExitCode", state.exit_code},
      {"Error", state.error},
      {"StartedAt", proper_time(state.started_at)},
      {"FinishedAt", proper_time(state.finished_at)}};
  if (container.health) state_json["Health"] = health_json(container);
  std::string path = args.empty() ? "" : args.front();
  if (!args.empty()) args.erase(args.begin());
  const Endpoint* first = container.endpoints.empty() ? nullptr : &container.endpoints.front();
  Json network_settings{
      {"Ports", port_bindings(container, image ? &image->config() : nullptr)},
      {"Networks", networks_json(container, networks)},
      {"SandboxKey", container.run && state.pid > 0 ? "/proc/" + std::to_string(state.pid) + "/ns/net" : ""},
      {"IPAddress", container.run && first != nullptr ? first->ipv4 : ""},
      {"MacAddress", container.run && first != nullptr ? first->mac : ""}};
  return {{"Id", container.id},
          {"Created", container.created_at},
          {"Path", path},
          {"Args", args},
          {"State", state_json},
          {"Image", container.image_id},
          {"ResolvConfPath", service.own_file(container, "resolv.conf")},
          {"HostnamePath", service.own_file(container, "hostname")},
          {"HostsPath", service.own_file(container, "hosts")},
          {"LogPath", container.spec.log.driver == "json-file" ? service.log_path(container) : ""},
          {"Name", "/" + container.spec.name},
          {"RestartCount", state.restart_count},
          {"Driver", "overlay2"},
          {"Platform", "linux"},
          {"MountLabel", ""},
          {"ProcessLabel", ""},
          {"AppArmorProfile", ""},
          {"ExecIDs", nullptr},
          {"HostConfig", host_config},
          {"GraphDriver", {{"Name", "overlay2"}, {"Data", nullptr}}},
          {"Mounts", mounts_json(container)},
          {"Config", config},
          {"NetworkSettings", network_settings}};
}

Json network_inspect(const Network& network, const Context& context) {
  Json config = Json::array();
  for (const net::AddressPool& pool : network.pools) {
    Json entry{{"Subnet", pool.subnet.text()}};
    if (pool.gateway) entry["Gateway"] = pool.gateway->text();
    if (pool.ip_range) entry["IPRange"] = pool.ip_range->text();
    config.push_back(std::move(entry));
  }
  Json containers = Json::object();
  for (const auto& [id, container] : context.containers) {
    if (!container->run) continue;
    for (const Endpoint& endpoint : container->endpoints) {
      if (endpoint.network_id != network.id || !endpoint.attached) continue;
      containers[id] = {
          {"Name", container->spec.name},
          {"EndpointID", endpoint.endpoint_id},
          {"MacAddress", endpoint.mac},
          {"IPv4Address",
           endpoint.ipv4.empty() ? "" : endpoint.ipv4 + "/" + std::to_string(endpoint.ipv4_prefix)},
          {"IPv6Address",
           endpoint.ipv6.empty() ? "" : endpoint.ipv6 + "/" + std::to_string(endpoint.ipv6_prefix)}};
    }
  }
  return {{"Name", network.name()},
          {"Id", network.id},
          {"Created", network.created_at},
          {"Scope", "local"},
          {"Driver", network.request.driver},
          {"EnableIPv4", network.request.enable_ipv4},
          {"EnableIPv6", network.request.enable_ipv6},
          {"IPAM", {{"Driver", "default"}, {"Options", nullptr}, {"Config", config}}},
          {"Internal", network.request.internal},
          {"Attachable", network.request.attachable},
          {"Ingress", false},
          {"ConfigFrom", {{"Network", ""}}},
          {"ConfigOnly", false},
          {"Containers", containers},
          {"Options", network.request.options},
          {"Labels", network.request.labels}};
}

orchestrator::WaitFacts wait_facts(const Container& container) {
  orchestrator::WaitFacts facts;
  facts.name = container.spec.name;
  switch (container.state.status) {
    case Status::Creating:
    case Status::Created:
      facts.state = orchestrator::ContainerState::Created;
      break;
    case Status::Running:
      facts.state = orchestrator::ContainerState::Running;
      break;
    case Status::Paused:
      facts.state = orchestrator::ContainerState::Paused;
      break;
    case Status::Restarting:
      facts.state = orchestrator::ContainerState::Restarting;
      break;
    case Status::Exited:
      facts.state = orchestrator::ContainerState::Exited;
      break;
    case Status::Dead:
      facts.state = orchestrator::ContainerState::Dead;
      break;
  }
  if (container.health) facts.health = container.health->status;
  facts.exit_code = container.state.exit_code;
  facts.will_restart = container.state.status == Status::Restarting;
  return facts;
}

orchestrator::ObservedContainer observed_container(const Container& container,
                                                   const NetworkService& networks) {
  orchestrator::ObservedContainer observed;
  orchestrator::WaitFacts facts = wait_facts(container);
  observed.id = container.id;
  observed.name = container.spec.name;
  observed.service = container.label(label::kService);
  observed.number = std::atoi(container.label(label::kContainerNumber).c_str());
  observed.oneoff = container.label(label::kOneOff) == "True";
  observed.state = facts.state;
  observed.health = facts.health;
  observed.exit_code = container.state.exit_code;
  observed.config_hash = container.label(label::kConfigHash);
  observed.config_text = container.config_text;
  observed.image = container.spec.image;
  observed.image_id = container.image_id;
  for (const Endpoint& endpoint : container.endpoints)
    observed.networks.insert(network_name(endpoint, networks));
  for (const MountPoint& mount : container.mounts)
    if (mount.kind == MountKind::Volume) observed.volumes.insert(mount.name);
  if (container.run) {
    for (const PublishedPort& port : container.published) {
      PortSpec held;
      held.container_port = port.container_port;
      held.protocol = port.protocol;
      held.host_ip = port.host_ip;
      held.host_port = port.host_port;
      observed.ports.push_back(std::move(held));
    }
  }
  observed.labels = container.spec.labels;
  observed.has_pre_stop = !container.spec.pre_stop.empty();
  return observed;
}

std::vector<std::string> volume_users(const Context& context, const std::string& volume) {
  std::vector<std::string> users;
  for (const auto& [id, container] : context.containers)
    for (const MountPoint& mount : container->mounts)
      if (mount.kind == MountKind::Volume && mount.name == volume) users.push_back(container->spec.name);
  return users;
}

std::vector<images::ImageUser> image_users(const Context& context) {
  std::vector<images::ImageUser> users;
  for (const auto& [id, container] : context.containers)
    users.push_back({container->image_id, id, container->alive()});
  return users;
}

}  // namespace stack::engine
