#include "docker/container_forms.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/files.h"
#include "base/text.h"
#include "model/mount_text.h"

namespace stack {

namespace {

constexpr std::array<const char*, 4> kMountTypes{"bind", "volume", "tmpfs", "image"};  // by MountKind
constexpr char kInterfaceOption[] = "com.docker.network.endpoint.ifname";

}  // namespace

std::string TextForm<MountKind>::write(MountKind kind) { return kMountTypes[static_cast<size_t>(kind)]; }

std::optional<MountKind> TextForm<MountKind>::read(const std::string& text) {
  if (text.empty()) return MountKind::Volume;
  const auto* at = std::find(kMountTypes.begin(), kMountTypes.end(), text);
  if (at == kMountTypes.end()) return std::nullopt;
  return static_cast<MountKind>(at - kMountTypes.begin());
}

void settle(const Members& members, MountSpec& mount) {
  if (!mount.target.starts_with('/')) return members.wrong("Target", "an absolute path");
  mount.target = clean_path(mount.target);
  if (mount.kind == MountKind::Bind && !mount.source.starts_with('/'))
    members.wrong("Source", "an absolute path");
}

void settle(const Members& members, FileSpec& file) {
  if (!file.target.starts_with('/')) members.wrong("Target", "an absolute path");
}

void settle(const Members&, EndpointSpec& endpoint) {
  auto name = endpoint.driver_opts.find(kInterfaceOption);
  if (name == endpoint.driver_opts.end()) return;
  endpoint.interface_name = name->second;
  endpoint.driver_opts.erase(name);
}

void settle(const Members&, DeviceSpec& device) {
  if (device.container_path.empty()) device.container_path = device.host_path;
  if (device.permissions.empty()) device.permissions = "rwm";
}

void settle(const Members& members, RestartSpec& restart) {
  if (restart.name.empty()) restart.name = "no";
  for (const char* name : {"no", "always", "unless-stopped", "on-failure"})
    if (restart.name == name) return;
  members.fail("Name", "unknown restart policy \"" + restart.name + "\"");
}

void settle(const Members&, LogSpec& log) {
  if (log.driver.empty()) log.driver = "json-file";
}

}  // namespace stack

namespace stack::docker {

// --- mounts ---

Json tmpfs_option_list(const std::string& options) {
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

void read_tmpfs_option_list(const Members& members, const char* key, std::string& options) {
  const Json* list = members.find(key);
  if (!list) return;
  if (!list->is_array()) return members.wrong(key, "a list of lists");
  std::vector<std::string> words;
  for (const Json& item : *list) {
    bool well_formed =
        item.is_array() && (item.size() == 1 || item.size() == 2) &&
        std::all_of(item.begin(), item.end(), [](const Json& word) { return word.is_string(); });
    if (!well_formed) return members.wrong(key, "a list of lists of one or two strings");
    std::string word = item[0].get<std::string>();
    if (item.size() == 2) word += "=" + item[1].get<std::string>();
    words.push_back(std::move(word));
  }
  options = join(words, ",");
}

// --- ports ---

Json exposed_ports(const std::vector<std::string>& ports) {
  Json object = Json::object();
  for (const std::string& port : ports) object[port] = Json::object();
  return object;
}

void read_exposed_ports(const Members& members, const char* key, std::vector<std::string>& ports) {
  members.each_member(key, [&](const Members&, const std::string& port) {
    ports.push_back(port.find('/') == std::string::npos ? port + "/tcp" : port);
  });
}

Json port_bindings(const std::vector<PortSpec>& ports) {
  Json bindings = Json::object();
  for (const PortSpec& port : ports) {
    std::string host_port = port.host_port == 0 ? "" : std::to_string(port.host_port);
    if (port.host_port_end != 0) host_port += "-" + std::to_string(port.host_port_end);
    bindings[std::to_string(port.container_port) + "/" + to_text(port.protocol)].push_back(
        {{"HostIp", port.host_ip ? port.host_ip->text() : ""}, {"HostPort", host_port}});
  }
  return bindings;
}

namespace {

void read_binding(const Members& members, const char* key, const std::string& name, const Json& binding,
                  std::vector<PortSpec>& ports) {
  // "80/tcp" alone is a container port.
  if (name.find(':') != std::string::npos)
    return members.fail(key, "\"" + name + "\" is not a container port");
  auto port = parse_published_port(name);
  if (!port) return members.fail(key, port.error().text());
  if (std::string host_ip = string_or(binding, "HostIp"); !host_ip.empty()) {
    Result<IpAddress> address = parse_ip(host_ip);
    if (!address) return members.fail(key + ("." + name), address.error().text());
    port->host_ip = *address;
  }
  std::string host_port = string_or(binding, "HostPort");
  if (auto at = binding.find("HostPort"); at != binding.end() && at->is_number_unsigned())
    host_port = at->dump();
  auto parsed = parse_host_port(host_port, *port);
  if (!parsed) return members.fail(key + ("." + name), parsed.error().text());
  ports.push_back(*std::move(port));
}

}  // namespace

void read_port_bindings(const Members& members, const char* key, std::vector<PortSpec>& ports) {
  const Json* bindings = members.find(key);
  if (!bindings) return;
  if (!bindings->is_object()) return members.wrong(key, "an object");
  for (const auto& [name, list] : bindings->items()) {
    if (list.is_null()) continue;
    if (!list.is_array()) return members.wrong(key + ("." + name), "a list");
    for (const Json& binding : list) {
      if (!binding.is_object()) return members.wrong(key + ("." + name), "a list of objects");
      read_binding(members, key, name, binding, ports);
    }
  }
}

// --- content of files ---

namespace {

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

}  // namespace

void write_content(const FieldWriter& writer, const std::string& content) {
  bool plain = is_plain_text(content);
  writer.put(plain ? "Content" : "ContentHex", plain ? content : to_hex(content));
}

void read_content(const Members& members, std::string& content) {
  members.read("Content", content);
  std::string hex;
  members.read("ContentHex", hex);
  if (hex.empty()) return;
  std::optional<std::string> bytes = from_hex(hex);
  if (!bytes) return members.wrong("ContentHex", "pairs of hexadecimal digits");
  content = std::move(*bytes);
}

// --- block I/O ---

namespace {

struct BlkioList {
  const char* ours;          // name in ResourceSpec::blkio
  const char* docker;        // name in HostConfig
  const char* value;         // member beside "path"
  const char* docker_value;  // member beside "Path"
};

constexpr std::array<BlkioList, 5> kBlkioLists{{
    {"weight_device", "BlkioWeightDevice", "weight", "Weight"},
    {"device_read_bps", "BlkioDeviceReadBps", "rate", "Rate"},
    {"device_read_iops", "BlkioDeviceReadIOps", "rate", "Rate"},
    {"device_write_bps", "BlkioDeviceWriteBps", "rate", "Rate"},
    {"device_write_iops", "BlkioDeviceWriteIOps", "rate", "Rate"},
}};

}  // namespace

void write_blkio(const FieldWriter& writer, const Json& blkio) {
  if (!blkio.is_object()) return;
  writer.put("BlkioWeight", int_or(blkio, "weight"));
  for (const BlkioList& list : kBlkioLists) {
    auto at = blkio.find(list.ours);
    if (at == blkio.end() || !at->is_array()) continue;
    Json items = Json::array();
    for (const Json& item : *at)
      items.push_back({{"Path", string_or(item, "path")}, {list.docker_value, int_or(item, list.value)}});
    writer.put(list.docker, std::move(items));
  }
}

void read_blkio(const Members& members, Json& blkio) {
  int64_t weight = 0;
  members.read("BlkioWeight", weight);
  if (weight != 0) blkio["weight"] = weight;
  for (const BlkioList& list : kBlkioLists) {
    members.each_item(list.docker, [&](const Members& item) {
      std::string path;
      int64_t value = 0;
      item.read("Path", path);
      item.read(list.docker_value, value);
      blkio[list.ours].push_back({{"path", path}, {list.value, value}});
    });
  }
}

}  // namespace stack::docker
