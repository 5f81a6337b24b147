#include "orchestrator/plan/service_container.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/files.h"
#include "base/text.h"
#include "model/device_request.h"
#include "model/mount_text.h"

namespace stack::orchestrator {
namespace {

using compose::Project;
using compose::Service;

constexpr std::string_view kServicePrefix = "service:";

std::vector<std::string> environment_list(const compose::Environment& environment) {
  std::vector<std::string> list;
  for (const auto& [name, value] : environment) list.push_back(value ? name + "=" + *value : name);
  return list;
}

// Docker uses whole seconds; rounding up prevents "500ms" from becoming an immediate kill.
std::chrono::seconds whole_seconds(Nanoseconds duration) {
  return std::chrono::ceil<std::chrono::seconds>(duration);
}

// --- process ---

HealthcheckSpec healthcheck_spec(const compose::Healthcheck& check) {
  HealthcheckSpec spec;
  if (check.disable) {
    spec.test = {"NONE"};
    return spec;
  }
  spec.test = check.test;
  spec.interval = check.interval.value_or(Nanoseconds{});
  spec.timeout = check.timeout.value_or(Nanoseconds{});
  spec.start_period = check.start_period.value_or(Nanoseconds{});
  spec.start_interval = check.start_interval.value_or(Nanoseconds{});
  spec.retries = static_cast<int>(std::min<uint64_t>(check.retries.value_or(0), 1'000'000));
  return spec;
}

void set_process(const Service& service, ContainerSpec& spec) {
  spec.entrypoint = service.entrypoint;
  spec.command = service.command;
  // An entrypoint in the service drops the image's command.
  if (spec.entrypoint && !spec.entrypoint->empty() && !spec.command) spec.command.emplace();
  spec.env = environment_list(service.environment);
  spec.working_dir = service.working_dir;
  spec.user = service.user;
  spec.group_add = service.group_add;
  spec.hostname = service.hostname;
  spec.domainname = service.domainname;
  spec.tty = service.tty;
  spec.open_stdin = service.stdin_open;
  spec.stop_signal = service.stop_signal;
  if (service.stop_grace_period) spec.stop_timeout = whole_seconds(*service.stop_grace_period);
  if (service.healthcheck) spec.healthcheck = healthcheck_spec(*service.healthcheck);
  spec.labels = service.labels;
  spec.annotations = service.annotations;
}

// --- files ---

std::string real_volume_name(const Project& project, const std::string& key) {
  auto at = project.volumes.find(key);
  return at == project.volumes.end() ? key : at->second.name;
}

}  // namespace

MountSpec mount_spec(const Project& project, const compose::VolumeMount& volume) {
  MountSpec mount;
  mount.source = volume.source;
  mount.target = volume.target;
  mount.read_only = volume.read_only;
  switch (volume.type) {
    case compose::MountType::Bind:
      mount.kind = MountKind::Bind;
      mount.map_owner = volume.id_map == "host-user";
      if (!volume.bind) break;
      mount.propagation = volume.bind->propagation;
      mount.create_host_path = volume.bind->create_host_path;
      mount.recursive = volume.bind->recursive != "disabled";
      mount.read_only_top = volume.bind->recursive == "writable";
      break;
    case compose::MountType::Volume:
      mount.kind = MountKind::Volume;
      if (!volume.source.empty()) mount.source = real_volume_name(project, volume.source);
      if (!volume.volume) break;
      mount.no_copy = volume.volume->nocopy;
      mount.subpath = volume.volume->subpath;
      mount.volume_labels = volume.volume->labels;
      break;
    case compose::MountType::Tmpfs:
      mount.kind = MountKind::Tmpfs;
      if (!volume.tmpfs) break;
      if (volume.tmpfs->size.bytes > 0) mount.tmpfs_size = volume.tmpfs->size;
      mount.tmpfs_mode = volume.tmpfs->mode;
      break;
    case compose::MountType::Image:
      mount.kind = MountKind::Image;
      // A service name refers to the service's image.
      if (auto other = project.services.find(volume.source); other != project.services.end())
        mount.source = image_name(project, other->second);
      if (volume.image) mount.subpath = volume.image->subpath;
      break;
  }
  return mount;
}

namespace {

Result<uint32_t> owner_id(const std::string& text) {
  uint32_t id = 0;
  if (text.empty()) return id;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (status != std::errc{} || end != text.data() + text.size())
    return invalid("\"" + text + "\" is not a numeric id");
  return id;
}

// Mounts the file itself, like Compose, so that edits are visible in the container; an owner or mode requires a copy.
Result<FileSpec> file_spec(const compose::FileMount& mount, const compose::FileObject& object, bool secret) {
  FileSpec file;
  file.target = mount.target;
  file.secret = secret;
  if (object.external) return unsupported("external configs and secrets are not supported");
  TRY_ASSIGN(file.uid, owner_id(mount.uid));
  TRY_ASSIGN(file.gid, owner_id(mount.gid));
  file.mode = mount.mode.value_or(0444);
  bool as_is = mount.uid.empty() && mount.gid.empty() && !mount.mode;
  if (!object.file.empty() && (as_is || !object.bytes)) {
    file.host_path = object.file;
  } else if (object.bytes) {
    file.content = *object.bytes;
  } else {
    return invalid("its content was not loaded");
  }
  return file;
}

Result<> add_files(const std::vector<compose::FileMount>& mounts,
                   const std::map<std::string, compose::FileObject>& objects, bool secret,
                   ContainerSpec& spec) {
  const char* what = secret ? "secret " : "config ";
  for (const compose::FileMount& mount : mounts) {
    auto object = objects.find(mount.source);
    if (object == objects.end()) return invalid(what + mount.source + ": not defined");
    TRY_ASSIGN(auto file, file_spec(mount, object->second, secret).in(what + mount.source));
    spec.files.push_back(std::move(file));
  }
  return {};
}

// The first container of the service, or the name itself if there is no such service.
std::string container_of(const Project& project, const std::string& service) {
  auto at = project.services.find(service);
  return at == project.services.end() ? compose::default_name(project, service) + project.separator + "1"
                                      : service_container_name(project, at->second, 1);
}

// "service[:ro]" or "container:name[:ro]" -> "name[:ro]".
std::string volumes_from_spec(const Project& project, const std::string& text) {
  if (text.starts_with("container:")) return text.substr(10);
  size_t colon = text.find(':');
  std::string options = colon == std::string::npos ? "" : text.substr(colon);
  return container_of(project, text.substr(0, colon)) + options;
}

Result<> set_files(const Project& project, const Service& service, ContainerSpec& spec) {
  for (const compose::VolumeMount& volume : service.volumes)
    spec.mounts.push_back(mount_spec(project, volume));
  for (const std::string& text : service.tmpfs) {
    size_t colon = text.find(':');
    std::string options = colon == std::string::npos ? "" : text.substr(colon + 1);
    TRY_ASSIGN(auto mount, parse_tmpfs_mount(text.substr(0, colon), options));
    spec.mounts.push_back(std::move(mount));
  }
  TRY(add_files(service.configs, project.configs, false, spec));
  TRY(add_files(service.secrets, project.secrets, true, spec));
  for (const std::string& from : service.volumes_from)
    spec.volumes_from.push_back(volumes_from_spec(project, from));
  spec.read_only = service.read_only;
  if (service.shm_size.bytes > 0) spec.shm_size = service.shm_size;
  spec.storage_opt = service.storage_opt;
  return {};
}

// --- network ---

// "service:x" -> "container:<name>", otherwise unchanged.
std::string namespace_mode(const Project& project, const std::string& mode) {
  if (!mode.starts_with(kServicePrefix)) return mode;
  return "container:" + container_of(project, mode.substr(kServicePrefix.size()));
}

Result<EndpointSpec> endpoint_spec(const std::string& network, const compose::ServiceNetwork& config) {
  EndpointSpec endpoint;
  endpoint.network = network;
  endpoint.aliases = config.aliases;
  if (!config.ipv4_address.empty()) {
    TRY_ASSIGN(endpoint.ipv4_address, parse_ip(config.ipv4_address).in("network " + network));
  }
  if (!config.ipv6_address.empty()) {
    TRY_ASSIGN(endpoint.ipv6_address, parse_ip(config.ipv6_address).in("network " + network));
  }
  if (!config.mac_address.empty()) {
    TRY_ASSIGN(endpoint.mac_address, parse_mac(config.mac_address).in("network " + network));
  }
  for (const std::string& text : config.link_local_ips) {
    TRY_ASSIGN(IpAddress address, parse_ip(text).in("network " + network));
    endpoint.link_local_ips.push_back(address);
  }
  endpoint.interface_name = config.interface_name;
  endpoint.priority = static_cast<int>(config.priority);
  endpoint.gw_priority = static_cast<int>(config.gw_priority);
  endpoint.driver_opts = config.driver_opts;
  return endpoint;
}

// The network that network_mode names; nullopt if it does not name one.
std::optional<std::string> network_of_mode(const std::string& mode) {
  if (mode == "default") return "bridge";
  if (mode.empty() || mode == "none" || mode == "host" || mode.find(':') != std::string::npos)
    return std::nullopt;
  return mode;
}

Result<> set_endpoints(const Project& project, const Service& service, ContainerSpec& spec) {
  for (const auto& [key, config] : service.networks) {
    auto network = project.networks.find(key);
    const std::string& name = network == project.networks.end() ? key : network->second.name;
    TRY_ASSIGN(EndpointSpec endpoint, endpoint_spec(name, config));
    spec.endpoints.push_back(std::move(endpoint));
  }
  std::stable_sort(spec.endpoints.begin(), spec.endpoints.end(),
                   [](const EndpointSpec& a, const EndpointSpec& b) { return a.priority > b.priority; });
  if (std::optional<std::string> network = network_of_mode(service.network_mode)) {
    TRY_ASSIGN(EndpointSpec endpoint, endpoint_spec(*network, {}));
    spec.endpoints.assign(1, std::move(endpoint));
  } else {
    spec.network_mode = namespace_mode(project, service.network_mode);
  }
  if (!service.mac_address.empty() && !spec.endpoints.empty() && !spec.endpoints.front().mac_address) {
    TRY_ASSIGN(spec.endpoints.front().mac_address, parse_mac(service.mac_address));
  }
  return {};
}

Result<PortSpec> port_spec(const compose::PortMapping& mapping) {
  PortSpec port;
  if (mapping.target == 0 || mapping.target > 65535) return invalid("container port out of range");
  port.container_port = static_cast<uint16_t>(mapping.target);
  if (std::optional<Protocol> protocol = parse_protocol(mapping.protocol)) port.protocol = *protocol;
  if (!mapping.host_ip.empty()) {
    TRY_ASSIGN(port.host_ip, parse_ip(mapping.host_ip));
  }
  TRY(parse_host_port(mapping.published, port));
  return port;
}

// "3000-3005/udp" -> one entry per port.
void add_exposed(const std::string& text, std::set<std::string>& exposed) {
  size_t slash = text.find('/');
  std::string protocol = slash == std::string::npos ? "/tcp" : text.substr(slash);
  PortSpec range;
  if (!parse_host_port(std::string_view(text).substr(0, slash), range)) return;
  for (unsigned port = range.host_port; port <= std::max(range.host_port, range.host_port_end); ++port) {
    exposed.insert(std::to_string(port) + protocol);
  }
}

Result<> set_ports(const Service& service, ContainerSpec& spec) {
  std::set<std::string> exposed;
  for (const compose::PortMapping& mapping : service.ports) {
    TRY_ASSIGN(auto port, port_spec(mapping).in("port " + std::to_string(mapping.target)));
    exposed.insert(std::to_string(port.container_port) + "/" + to_text(port.protocol));
    spec.ports.push_back(std::move(port));
  }
  for (const std::string& text : service.expose) add_exposed(text, exposed);
  spec.exposed_ports.assign(exposed.begin(), exposed.end());
  return {};
}

// "db" or "db:database" -> "shop-db-1:database".
std::string link_spec(const Project& project, const std::string& link) {
  size_t colon = link.find(':');
  std::string service = link.substr(0, colon);
  std::string alias = colon == std::string::npos ? service : link.substr(colon + 1);
  return container_of(project, service) + ":" + alias;
}

}  // namespace

std::string extra_host_spec(std::string text) {
  if (size_t equals = text.find('='); equals != std::string::npos) text[equals] = ':';
  return text;
}

namespace {

Result<> set_network(const Project& project, const Service& service, ContainerSpec& spec) {
  TRY(set_endpoints(project, service, spec));
  TRY(set_ports(service, spec));
  for (const std::string& link : service.links) spec.links.push_back(link_spec(project, link));
  for (const std::string& link : service.external_links) {
    spec.links.push_back(link.find(':') == std::string::npos ? link + ":" + link : link);
  }
  for (const std::string& host : service.extra_hosts) spec.extra_hosts.push_back(extra_host_spec(host));
  spec.dns = service.dns;
  spec.dns_search = service.dns_search;
  spec.dns_options = service.dns_opt;
  return {};
}

// --- isolation and resources ---

// The path of a seccomp profile is relative to the Compose file.
std::string security_option(const Project& project, const std::string& option) {
  size_t at = option.find_first_of("=:");
  if (at == std::string::npos || option.substr(0, at) != "seccomp") return option;
  std::string value = option.substr(at + 1);
  if (value == "unconfined" || value == "builtin" || value.starts_with('{')) return option;
  return "seccomp=" + absolute_path(project.working_dir, value);
}

void set_isolation(const Project& project, const Service& service, ContainerSpec& spec) {
  spec.privileged = service.privileged;
  spec.cap_add = service.cap_add;
  spec.cap_drop = service.cap_drop;
  for (const std::string& option : service.security_opt)
    spec.security_opt.push_back(security_option(project, option));
  spec.sysctls = service.sysctls;
  spec.ipc_mode = namespace_mode(project, service.ipc);
  spec.pid_mode = namespace_mode(project, service.pid);
  spec.uts_mode = namespace_mode(project, service.uts);
  spec.userns_mode = service.userns_mode;
  spec.cgroup_mode = service.cgroup;
  if (service.oom_score_adj != 0) spec.oom_score_adj = static_cast<int>(service.oom_score_adj);
  spec.init = service.init;
  spec.api_socket = service.use_api_socket;
  spec.runtime = service.runtime;
  spec.platform = service.platform;
}

template <typename Device>
void put_rates(Json& blkio, const char* key, const char* value, const std::vector<Device>& devices) {
  for (const Device& device : devices) {
    if constexpr (requires { device.rate; }) {
      blkio[key].push_back({{"path", device.path}, {value, device.rate}});
    } else {
      blkio[key].push_back({{"path", device.path}, {value, device.weight}});
    }
  }
}

Json blkio_json(const compose::BlkioConfig& config) {
  Json blkio;
  if (config.weight != 0) blkio["weight"] = config.weight;
  put_rates(blkio, "weight_device", "weight", config.weight_device);
  put_rates(blkio, "device_read_bps", "rate", config.device_read_bps);
  put_rates(blkio, "device_read_iops", "rate", config.device_read_iops);
  put_rates(blkio, "device_write_bps", "rate", config.device_write_bps);
  put_rates(blkio, "device_write_iops", "rate", config.device_write_iops);
  return blkio;
}

int64_t nano_cpus(double cpus) { return std::llround(cpus * 1e9); }

// deploy.resources overrides the flat members.
void apply_deploy(const compose::Deploy& deploy, ResourceSpec& resources) {
  if (deploy.limits) {
    if (deploy.limits->cpus > 0) resources.nano_cpus = nano_cpus(deploy.limits->cpus);
    if (deploy.limits->memory.bytes > 0) resources.memory = deploy.limits->memory.bytes;
    if (deploy.limits->pids != 0) resources.pids_limit = deploy.limits->pids;
  }
  if (!deploy.reservations) return;
  if (deploy.reservations->memory.bytes > 0) resources.memory_reservation = deploy.reservations->memory.bytes;
  // On one machine, a reservation becomes a relative share.
  if (deploy.reservations->cpus > 0 && resources.cpu_shares == 0)
    resources.cpu_shares = std::max<int64_t>(2, std::llround(deploy.reservations->cpus * 1024));
}

Result<> add_device_requests(const std::vector<compose::DeviceRequest>& requests, ResourceSpec& resources) {
  for (const compose::DeviceRequest& request : requests) {
    TRY_ASSIGN(std::vector<std::string> names,
               cdi_names({request.driver, request.count, request.device_ids, request.capabilities}));
    for (const std::string& name : names) resources.devices.push_back({name, name, "rwm"});
  }
  return {};
}

Result<ResourceSpec> resource_spec(const Service& service) {
  ResourceSpec resources;
  resources.memory = service.mem_limit.bytes;
  resources.memory_reservation = service.mem_reservation.bytes;
  resources.memory_swap = service.memswap_limit.bytes;
  resources.memory_swappiness = service.mem_swappiness;
  resources.nano_cpus = nano_cpus(service.cpus);
  resources.cpu_shares = service.cpu_shares;
  resources.cpu_period = service.cpu_period;
  resources.cpu_quota = service.cpu_quota;
  resources.cpu_rt_period = service.cpu_rt_period;
  resources.cpu_rt_runtime = service.cpu_rt_runtime;
  resources.cpuset_cpus = service.cpuset;
  resources.pids_limit = service.pids_limit;
  resources.oom_kill_disable = service.oom_kill_disable;
  if (service.blkio_config) resources.blkio = blkio_json(*service.blkio_config);
  for (const auto& [name, limit] : service.ulimits)
    resources.ulimits.push_back({name, limit.soft, limit.hard});
  for (const compose::DeviceMapping& device : service.devices) {
    resources.devices.push_back({device.source, device.target, device.permissions});
  }
  resources.device_cgroup_rules = service.device_cgroup_rules;
  resources.cgroup_parent = service.cgroup_parent;
  TRY(add_device_requests(service.gpus, resources).in("gpus"));
  if (service.deploy) apply_deploy(*service.deploy, resources);
  if (service.deploy && service.deploy->reservations)
    TRY(add_device_requests(service.deploy->reservations->devices, resources).in("reservations.devices"));
  return resources;
}

// --- restart policy ---

RestartSpec restart_spec(const compose::RestartPolicy& policy) {
  switch (policy.mode) {
    case compose::RestartMode::No:
      return {};
    case compose::RestartMode::Always:
      return {.name = "always"};
    case compose::RestartMode::UnlessStopped:
      return {.name = "unless-stopped"};
    case compose::RestartMode::OnFailure:
      return {.name = "on-failure", .max_retries = static_cast<int>(policy.max_retries)};
  }
  return {};
}

// deploy.restart_policy overrides `restart`.
RestartSpec restart_spec(const compose::DeployRestartPolicy& policy) {
  if (policy.condition == "none" || policy.condition == "no") return {};
  RestartSpec spec;
  spec.name = "always";
  if (policy.condition == "on-failure" || policy.condition == "unless-stopped") spec.name = policy.condition;
  spec.max_retries = static_cast<int>(std::min<uint64_t>(policy.max_attempts.value_or(0), 1'000'000'000));
  spec.delay = policy.delay.value_or(Nanoseconds{});
  spec.window = policy.window.value_or(Nanoseconds{});
  return spec;
}

// A job ends after its first success.
void make_job(RestartSpec& restart) {
  if (restart.name != "no") restart.name = "on-failure";
}

std::vector<HookSpec> hook_specs(const std::vector<compose::ServiceHook>& hooks) {
  std::vector<HookSpec> specs;
  for (const compose::ServiceHook& hook : hooks) {
    specs.push_back({hook.command.value_or(compose::StringList{}), hook.user, hook.privileged,
                     hook.working_dir, environment_list(hook.environment)});
  }
  return specs;
}

void set_life(const Service& service, ContainerSpec& spec) {
  if (service.restart) spec.restart = restart_spec(*service.restart);
  if (service.deploy && service.deploy->restart_policy)
    spec.restart = restart_spec(*service.deploy->restart_policy);
  if (service.deploy && service.deploy->mode.ends_with("-job")) make_job(spec.restart);
  if (service.logging) {
    if (!service.logging->driver.empty()) spec.log.driver = service.logging->driver;
    spec.log.options = service.logging->options;
  }
  spec.post_start = hook_specs(service.post_start);
  spec.pre_stop = hook_specs(service.pre_stop);
}

}  // namespace

Result<ContainerSpec> service_spec(const Project& project, const Service& service) {
  ContainerSpec spec;
  spec.image = image_name(project, service);
  set_process(service, spec);
  TRY(set_files(project, service, spec));
  TRY(set_network(project, service, spec));
  set_isolation(project, service, spec);
  TRY_ASSIGN(spec.resources, resource_spec(service).in("service " + service.name));
  set_life(service, spec);
  return spec;
}

std::vector<std::string> shared_services(const Service& service) {
  std::set<std::string> names;
  for (const std::string* mode :
       {&service.network_mode, &service.ipc, &service.pid, &service.uts, &service.cgroup}) {
    if (mode->starts_with(kServicePrefix)) names.insert(mode->substr(kServicePrefix.size()));
  }
  for (const std::string& from : service.volumes_from) {
    if (!from.starts_with("container:")) names.insert(from.substr(0, from.find(':')));
  }
  return {names.begin(), names.end()};
}

std::string service_container_name(const Project& project, const Service& service, int number) {
  if (!service.container_name.empty()) return service.container_name;
  return compose::default_name(project, service.name) + project.separator + std::to_string(number);
}

std::vector<std::string> unsupported_parts(const Service& service) {
  std::vector<std::string> texts;
  auto say = [&](const char* key) {
    texts.push_back("service " + service.name + ": " + key + " is not supported; ignoring it");
  };
  if (service.credential_spec) say("credential_spec");
  if (!service.models.empty()) say("models");
  return texts;
}

}  // namespace stack::orchestrator
