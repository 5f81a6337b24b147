// Lenient about differences between Docker's clients (null for absent, a string for a list of one, Binds or Mounts
// or Volumes), strict about types: the error has the path of the member.
#include "docker/container_body.h"

#include <algorithm>

#include "base/files.h"
#include "docker/container_fields.h"
#include "model/device_request.h"
#include "model/mount_text.h"

namespace stack::docker {
namespace {

// The container's own entrypoint drops the image's command. The docker command line sends [""] for "no entrypoint".
void settle_entrypoint(ContainerSpec& spec) {
  if (!spec.entrypoint || spec.entrypoint->empty()) return;
  if (!spec.command) spec.command.emplace();
  if (spec.entrypoint->size() == 1 && spec.entrypoint->front().empty()) spec.entrypoint->clear();
}

// --- the other notations of mounts ---

void read_bind(const Members& host, const std::string& text, std::vector<MountSpec>& mounts) {
  auto mount = parse_bind_mount(text);
  if (!mount) return host.fail("Binds", mount.error().text());
  mounts.push_back(*std::move(mount));
}

void read_binds(const Members& host, std::vector<MountSpec>& mounts) {
  std::vector<std::string> texts;
  host.read("Binds", texts);
  std::vector<MountSpec> binds;
  for (const std::string& text : texts) read_bind(host, text, binds);
  mounts.insert(mounts.begin(), std::make_move_iterator(binds.begin()), std::make_move_iterator(binds.end()));
}

void read_tmpfs(const Members& host, std::vector<MountSpec>& mounts) {
  std::map<std::string, std::string> tmpfs;
  host.read("Tmpfs", tmpfs);
  for (const auto& [target, options] : tmpfs) {
    auto mount = parse_tmpfs_mount(target, options);
    if (!mount) return host.fail("Tmpfs", mount.error().text());
    mounts.push_back(*std::move(mount));
  }
}

// Config.Volumes: {"/data": {}} requests an anonymous volume unless something else is mounted there; entries of the
// old form "/host:/data" are binds.
void read_anonymous_volumes(const Members& body, const Members& host, std::vector<MountSpec>& mounts) {
  body.each_member("Volumes", [&](const Members&, const std::string& name) {
    if (name.find(':') != std::string::npos) return read_bind(host, name, mounts);
    if (!name.starts_with('/')) return body.fail("Volumes." + name, "must be an absolute path");
    std::string target = clean_path(name);
    bool mounted = std::any_of(mounts.begin(), mounts.end(),
                               [&](const MountSpec& mount) { return mount.target == target; });
    if (mounted) return;
    MountSpec mount;
    mount.target = target;
    mount.short_form = name;
    mounts.push_back(std::move(mount));
  });
}

// All volumes are local; if there is no volume, the name of another driver is stored without effect.
void check_volume_driver(const Members& host, const ContainerSpec& spec) {
  bool local = spec.volume_driver.empty() || spec.volume_driver == "local";
  bool has_volume = std::any_of(spec.mounts.begin(), spec.mounts.end(),
                                [](const MountSpec& mount) { return mount.kind == MountKind::Volume; });
  if (!local && has_volume) host.fail("VolumeDriver", "plugin \"" + spec.volume_driver + "\" not found");
}

// --- network ---

EndpointSpec read_endpoint(const Members& members, const std::string& network) {
  EndpointSpec endpoint;
  FieldReader::read_all(members, endpoint);
  endpoint.network = network == "default" ? "bridge" : network;
  return endpoint;
}

// Our own members contain the order of the endpoints; without them, the order is by name.
void order_endpoints(const std::vector<std::string>& order, std::vector<EndpointSpec>& endpoints) {
  std::stable_sort(endpoints.begin(), endpoints.end(), [&](const EndpointSpec& a, const EndpointSpec& b) {
    return std::find(order.begin(), order.end(), a.network) <
           std::find(order.begin(), order.end(), b.network);
  });
}

// NetworkMode is a kind of network or the name of the first network.
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

void read_network(const Members& body, const Members& host, ContainerSpec& spec) {
  body.object("NetworkingConfig")
      .each_member("EndpointsConfig", [&](const Members& members, const std::string& network) {
        spec.endpoints.push_back(read_endpoint(members, network));
      });
  std::string mode;
  host.read("NetworkMode", mode);
  bool disabled = false;
  body.read("NetworkDisabled", disabled);
  apply_network_mode(disabled ? "none" : mode, spec);
  std::vector<std::string> order;
  body.object("Stack").read("EndpointOrder", order);
  order_endpoints(order, spec.endpoints);
  std::string mac_address;
  body.read("MacAddress", mac_address);
  if (mac_address.empty() || spec.endpoints.empty() || spec.endpoints.front().mac_address) return;
  Result<MacAddress> mac = parse_mac(mac_address);
  if (!mac) return body.wrong("MacAddress", "a MAC address");
  spec.endpoints.front().mac_address = *mac;
}

// --- isolation ---

// The docker command line turns --security-opt systempaths=unconfined into two empty lists.
void read_system_paths(const Members& host, ContainerSpec& spec) {
  const Json* masked = host.find("MaskedPaths");
  const Json* read_only = host.find("ReadonlyPaths");
  bool unconfined = masked && masked->is_array() && masked->empty() && read_only && read_only->is_array() &&
                    read_only->empty();
  if (unconfined) spec.security_opt.push_back("systempaths=unconfined");
}

void check_isolation(const Members& host, const ContainerSpec& spec) {
  if (!spec.isolation.empty() && spec.isolation != "default")
    host.fail("Isolation", "invalid isolation \"" + spec.isolation + "\": Linux supports \"default\" only");
}

void read_device_requests(const Members& host, ResourceSpec& resources) {
  host.each_item("DeviceRequests", [&](const Members& members) {
    DeviceRequest request;
    members.read("Driver", request.driver);
    int64_t count = 0;
    members.read("Count", count);
    members.read("DeviceIDs", request.device_ids);
    if (count != 0 || request.device_ids.empty()) request.count = count;
    // A list of alternatives, each a list of capabilities.
    if (const Json* sets = members.find("Capabilities");
        sets != nullptr && sets->is_array() && !sets->empty())
      for (const Json& one : sets->front())
        if (one.is_string()) request.capabilities.push_back(one.get<std::string>());
    Result<std::vector<std::string>> names = cdi_names(request);
    if (!names) return members.fail("", names.error().text());
    for (const std::string& name : *names) resources.devices.push_back({name, name, "rwm"});
  });
}

// --- writing ---

std::string docker_network_mode(const ContainerSpec& spec) {
  if (!spec.network_mode.empty()) return spec.network_mode;
  return spec.endpoints.empty() ? "none" : spec.endpoints.front().network;
}

// Writes mounts in the short forms that clients used.
void write_short_forms(const ContainerSpec& spec, Json& body) {
  for (const MountSpec& mount : spec.mounts) {
    if (!mount.short_form) continue;
    if (mount.kind == MountKind::Tmpfs) {
      body["HostConfig"]["Tmpfs"][mount.target] = *mount.short_form;
    } else if (mount.kind == MountKind::Volume && mount.source.empty()) {
      body["Volumes"][*mount.short_form] = Json::object();
    } else {
      body["HostConfig"]["Binds"].push_back(*mount.short_form);
    }
  }
}

void write_network(const ContainerSpec& spec, Json& body) {
  body["HostConfig"]["NetworkMode"] = docker_network_mode(spec);
  for (const EndpointSpec& endpoint : spec.endpoints) {
    body["NetworkingConfig"]["EndpointsConfig"][endpoint.network] = endpoint_to_json(endpoint);
    body["Stack"]["EndpointOrder"].push_back(endpoint.network);
  }
}

}  // namespace

Json container_to_json(const ContainerSpec& spec) {
  Json body = fields_to_json(spec, Defaults::Omitted);
  write_short_forms(spec, body);
  write_network(spec, body);
  return body;
}

Result<ContainerSpec> container_from_json(const Json& json) {
  std::optional<Error> error;
  ContainerSpec spec;
  if (!json.is_object()) return invalid("body: must be an object");
  Members body(json, "", error);
  Members host = body.object("HostConfig");
  FieldReader::read_all(body, spec);
  settle_entrypoint(spec);
  read_binds(host, spec.mounts);
  read_tmpfs(host, spec.mounts);
  read_anonymous_volumes(body, host, spec.mounts);
  check_volume_driver(host, spec);
  read_network(body, host, spec);
  read_system_paths(host, spec);
  check_isolation(host, spec);
  read_device_requests(host, spec.resources);
  // docker-py sends it beside HostConfig.
  if (spec.runtime.empty()) body.read("Runtime", spec.runtime);
  if (error) return *std::move(error);
  if (spec.image.empty()) return invalid("Image: must name an image");
  return spec;
}

Json endpoint_to_json(const EndpointSpec& endpoint) { return fields_to_json(endpoint, Defaults::Omitted); }

Result<EndpointSpec> endpoint_from_json(const Json& json, const std::string& network) {
  std::optional<Error> error;
  EndpointSpec endpoint = read_endpoint(Members(json, "EndpointConfig", error), network);
  if (error) return *std::move(error);
  return endpoint;
}

}  // namespace stack::docker
