#include "cli/commands/docker/publish_flag.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/text.h"

namespace stack::cli::docker_cli {

namespace {

struct Range {
  int first = 0;
  int last = 0;
  int size() const { return last - first + 1; }
};

Result<int> port_number(std::string_view text) {
  int number = 0;
  auto end = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || number < 0 || number > 65535)
    return invalid("invalid port: " + std::string(text));
  return number;
}

Result<Range> port_range(std::string_view text) {
  size_t dash = text.find('-');
  TRY_ASSIGN(int first, port_number(text.substr(0, dash)));
  if (dash == std::string_view::npos) return Range{first, first};
  TRY_ASSIGN(int last, port_number(text.substr(dash + 1)));
  if (last < first) return invalid("invalid range specified for port: " + std::string(text));
  return Range{first, last};
}

Result<std::string> checked_address(std::string address) {
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  unsigned char bytes[sizeof(in6_addr)];
  bool known = address.empty() || ::inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
               ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
  if (!known) return invalid("invalid IP address: " + address);
  return address;
}

struct PublishParts {
  std::string address;
  std::string host;
  std::string container;
  std::string protocol = "tcp";
};

Result<PublishParts> split_parts(const std::string& text) {
  PublishParts parts;
  std::string ports = text;
  if (size_t slash = text.find('/'); slash != std::string::npos) {
    ports = text.substr(0, slash);
    parts.protocol = lower(text.substr(slash + 1));
  }
  if (parts.protocol != "tcp" && parts.protocol != "udp" && parts.protocol != "sctp")
    return invalid("invalid proto: " + parts.protocol);
  size_t last = ports.rfind(':');
  parts.container = last == std::string::npos ? ports : ports.substr(last + 1);
  if (parts.container.empty()) return invalid("no port specified: " + text + "<empty>");
  if (last == std::string::npos) return parts;
  std::string before = ports.substr(0, last);
  size_t middle = before.rfind(':');
  if (middle != std::string::npos && !before.ends_with(']')) {
    TRY_ASSIGN(parts.address, checked_address(before.substr(0, middle)));
    parts.host = before.substr(middle + 1);
  } else if (before.starts_with('[')) {
    TRY_ASSIGN(parts.address, checked_address(before));
  } else {
    parts.host = before;
  }
  return parts;
}

}  // namespace

Result<> parse_publish_flag(const std::string& text, Json& exposed, Json& bindings) {
  TRY_ASSIGN(PublishParts parts, split_parts(text));
  auto inside = port_range(parts.container);
  if (!inside || inside->first == 0) return invalid("invalid containerPort: " + parts.container);
  Range outside;
  if (!parts.host.empty()) {
    auto range = port_range(parts.host);
    if (!range) return invalid("invalid hostPort: " + parts.host);
    outside = *range;
    if (outside.size() != inside->size() && inside->size() != 1)
      return invalid("invalid ranges specified for container and host Ports: " + parts.container + " and " +
                     parts.host);
  }
  for (int i = 0; i < inside->size(); ++i) {
    std::string key = std::to_string(inside->first + i) + "/" + parts.protocol;
    std::string host = parts.host;
    if (!host.empty() && outside.size() == inside->size()) host = std::to_string(outside.first + i);
    exposed[key] = Json::object();
    bindings[key].push_back({{"HostIp", parts.address}, {"HostPort", host}});
  }
  return {};
}

Result<> put_ports(Json& body, Json& host, const Arguments& arguments) {
  Json exposed = Json::object(), bindings = Json::object();
  for (const std::string& text : arguments.all("publish")) TRY(parse_publish_flag(text, exposed, bindings));
  for (const std::string& text : arguments.all("expose")) {
    size_t slash = text.find('/');
    std::string protocol = slash == std::string::npos ? "tcp" : lower(text.substr(slash + 1));
    auto range = port_range(std::string_view(text).substr(0, slash));
    if (!range)
      return invalid("invalid range format for --expose: " + text + ", error: " + range.error().text());
    for (int port = range->first; port <= range->last; ++port)
      exposed[std::to_string(port) + "/" + protocol] = Json::object();
  }
  if (!exposed.empty()) body["ExposedPorts"] = exposed;
  if (!bindings.empty()) host["PortBindings"] = bindings;
  host["PublishAllPorts"] = arguments.is_set("publish-all");
  return {};
}

}  // namespace stack::cli::docker_cli
