#include "model/mount_text.h"

#include <charconv>

#include "base/files.h"
#include "base/text.h"

namespace stack {
namespace {

bool is_propagation(const std::string& option) {
  for (const char* known : {"private", "rprivate", "shared", "rshared", "slave", "rslave"}) {
    if (option == known) return true;
  }
  return false;
}

// False if the option is unknown.
bool apply_bind_option(MountSpec& mount, const std::string& option) {
  // SELinux labels, and hints for Docker Desktop, mean nothing here.
  for (const char* ignored : {"", "rw", "z", "Z", "rbind", "consistent", "cached", "delegated"})
    if (option == ignored) return true;
  if (option == "ro" || option == "readonly") return mount.read_only = true;
  if (option == "nocopy") return mount.no_copy = true;
  if (option == "bind") {
    mount.recursive = false;
    return true;
  }
  if (!is_propagation(option)) return false;
  mount.propagation = option;
  return true;
}

Result<uint32_t> parse_octal(std::string_view text) {
  uint32_t mode = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (status != std::errc{} || end != text.data() + text.size()) return invalid("not an octal mode");
  return mode;
}

Result<> apply_tmpfs_option(MountSpec& mount, const std::string& option) {
  if (option == "rw" || option.empty()) return {};
  if (option == "ro") {
    mount.read_only = true;
  } else if (option.starts_with("size=")) {
    TRY_ASSIGN(mount.tmpfs_size, parse_byte_size(option.substr(5)));
  } else if (option.starts_with("mode=")) {
    TRY_ASSIGN(mount.tmpfs_mode, parse_octal(option.substr(5)).in(option));
  } else {
    if (!mount.tmpfs_options.empty()) mount.tmpfs_options += ",";
    mount.tmpfs_options += option;
  }
  return {};
}

Result<uint16_t> parse_port_number(std::string_view text) {
  uint16_t value = 0;
  auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || end != text.data() + text.size() || value == 0) {
    return invalid("\"" + std::string(text) + "\" is not a port");
  }
  return value;
}

// Splits "[::1]:8080:80" or "127.0.0.1:8080:80" at the last colons.
Result<> split_published(std::string_view text, PortSpec& port) {
  size_t last = text.rfind(':');
  std::string_view container = last == std::string_view::npos ? text : text.substr(last + 1);
  TRY_ASSIGN(port.container_port, parse_port_number(container));
  if (last == std::string_view::npos) return {};
  std::string_view host = text.substr(0, last);
  size_t colon = host.rfind(':');
  if (colon == std::string_view::npos) return parse_host_port(host, port);
  std::string_view address = host.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (!address.empty()) {
    TRY_ASSIGN(port.host_ip, parse_ip(address));
  }
  return parse_host_port(host.substr(colon + 1), port);
}

}  // namespace

Result<MountSpec> parse_bind_mount(const std::string& text) {
  std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || !parts[1].starts_with('/')) {
    return invalid("\"" + text + "\" is not source:target[:options]");
  }
  MountSpec mount;
  mount.kind = parts[0].starts_with('/') ? MountKind::Bind : MountKind::Volume;
  mount.create_host_path = mount.kind == MountKind::Bind;
  mount.source = parts[0];
  mount.target = clean_path(parts[1]);
  mount.short_form = text;
  if (parts.size() == 3) {
    for (const std::string& option : split(parts[2], ','))
      if (!apply_bind_option(mount, option)) return invalid("invalid mode: " + parts[2]);
  }
  return mount;
}

Result<MountSpec> parse_tmpfs_mount(const std::string& target, const std::string& options) {
  if (!target.starts_with('/')) return invalid("tmpfs \"" + target + "\": must be an absolute path");
  MountSpec mount;
  mount.kind = MountKind::Tmpfs;
  mount.target = clean_path(target);
  mount.short_form = options;
  for (const std::string& option : split(options, ','))
    TRY(apply_tmpfs_option(mount, option).in("tmpfs " + target));
  return mount;
}

Result<> parse_host_port(std::string_view text, PortSpec& port) {
  if (text.empty() || text == "0") return {};
  size_t dash = text.find('-');
  TRY_ASSIGN(port.host_port, parse_port_number(text.substr(0, dash)));
  if (dash == std::string_view::npos) return {};
  TRY_ASSIGN(port.host_port_end, parse_port_number(text.substr(dash + 1)));
  if (port.host_port_end < port.host_port)
    return invalid("\"" + std::string(text) + "\" is not a port range");
  if (port.host_port_end == port.host_port) port.host_port_end = 0;
  return {};
}

Result<PortSpec> parse_published_port(const std::string& text) {
  PortSpec port;
  size_t slash = text.rfind('/');
  if (slash != std::string::npos) {
    std::optional<Protocol> protocol = parse_protocol(text.substr(slash + 1));
    if (!protocol) return invalid("port \"" + text + "\": unknown protocol");
    port.protocol = *protocol;
  }
  TRY(split_published(std::string_view(text).substr(0, slash), port).in("port \"" + text + "\""));
  return port;
}

}  // namespace stack
