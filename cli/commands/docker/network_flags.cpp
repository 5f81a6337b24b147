#include "cli/commands/docker/network_flags.h"

#include <charconv>

#include "base/text.h"

namespace stack::cli::docker_cli {

namespace {

void append(Json& list, const std::string& value) { list.push_back(value); }

// Applies one "key=value" of the long form of --network.
Result<> take_network_option(const std::string& key, const std::string& value, std::string& name,
                             Json& endpoint) {
  if (key == "name")
    name = value;
  else if (key == "alias")
    append(endpoint["Aliases"], value);
  else if (key == "link")
    append(endpoint["Links"], value);
  else if (key == "ip")
    endpoint["IPAMConfig"]["IPv4Address"] = value;
  else if (key == "ip6")
    endpoint["IPAMConfig"]["IPv6Address"] = value;
  else if (key == "link-local-ip")
    append(endpoint["IPAMConfig"]["LinkLocalIPs"], value);
  else if (key == "mac-address")
    endpoint["MacAddress"] = value;
  else if (key == "gw-priority")
    endpoint["GwPriority"] = std::atoi(value.c_str());
  else if (key == "driver-opt") {
    size_t equals = value.find('=');
    endpoint["DriverOpts"][value.substr(0, equals)] =
        equals == std::string::npos ? "" : value.substr(equals + 1);
  } else {
    return invalid("invalid field key " + key);
  }
  return {};
}

// "name", or "name=NAME,alias=A,ip=IP".
Result<std::pair<std::string, Json>> parse_network(const std::string& text) {
  std::string name = text;
  Json endpoint = Json::object();
  if (text.find('=') == std::string::npos) return std::pair(name, endpoint);
  name.clear();
  for (const std::string& field : split(text, ',')) {
    size_t equals = field.find('=');
    if (equals == std::string::npos) return invalid("invalid field " + field);
    TRY(take_network_option(lower(field.substr(0, equals)), field.substr(equals + 1), name, endpoint));
  }
  if (name.empty()) return invalid("network name/id is not specified");
  return std::pair(name, endpoint);
}

void put_legacy_options(const Arguments& arguments, Json& endpoint) {
  for (const char* flag : {"network-alias", "net-alias"})
    for (const std::string& alias : arguments.all(flag)) append(endpoint["Aliases"], alias);
  if (arguments.given("ip")) endpoint["IPAMConfig"]["IPv4Address"] = arguments.text("ip");
  if (arguments.given("ip6")) endpoint["IPAMConfig"]["IPv6Address"] = arguments.text("ip6");
  for (const std::string& address : arguments.all("link-local-ip"))
    append(endpoint["IPAMConfig"]["LinkLocalIPs"], address);
  if (arguments.given("mac-address")) endpoint["MacAddress"] = arguments.text("mac-address");
}

bool is_user_defined(const std::string& mode) {
  return !mode.empty() && mode != "default" && mode != "bridge" && mode != "host" && mode != "none" &&
         !mode.starts_with("container:");
}

}  // namespace

Result<Json> endpoint_settings(const Arguments& arguments) {
  Json endpoint = Json::object();
  if (arguments.given("alias")) endpoint["Aliases"] = arguments.all("alias");
  if (arguments.given("link")) endpoint["Links"] = arguments.all("link");
  if (arguments.given("ip")) endpoint["IPAMConfig"]["IPv4Address"] = arguments.text("ip");
  if (arguments.given("ip6")) endpoint["IPAMConfig"]["IPv6Address"] = arguments.text("ip6");
  if (arguments.given("link-local-ip"))
    endpoint["IPAMConfig"]["LinkLocalIPs"] = arguments.all("link-local-ip");
  for (const std::string& option : arguments.all("driver-opt")) {
    size_t equals = option.find('=');
    if (equals == std::string::npos) return invalid("invalid key/value pair format in driver options");
    endpoint["DriverOpts"][option.substr(0, equals)] = option.substr(equals + 1);
  }
  auto priority = arguments.number("gw-priority", std::numeric_limits<int32_t>::min());
  if (!priority) return std::move(priority).error();
  if (*priority) endpoint["GwPriority"] = **priority;
  return endpoint;
}

Result<> put_networks(Json& body, Json& host, const Arguments& arguments) {
  std::vector<std::string> given = arguments.all("network");
  for (const std::string& name : arguments.all("net")) given.push_back(name);
  std::string mode;
  Json endpoints = Json::object();
  for (const std::string& text : given) {
    TRY_ASSIGN(auto network, parse_network(text));
    if (mode.empty()) mode = network.first;
    if (endpoints.contains(network.first))
      return invalid("network \"" + network.first + "\" is specified multiple times");
    if (is_user_defined(network.first) || !network.second.empty() || given.size() > 1)
      endpoints[network.first] = network.second;
  }
  if (mode.empty()) mode = "default";
  bool own_network = is_user_defined(mode);
  Json legacy = Json::object();
  put_legacy_options(arguments, legacy);
  if (arguments.given("link")) {
    if (own_network)
      legacy["Links"] = arguments.all("link");
    else
      host["Links"] = arguments.all("link");
  }
  if (!legacy.empty()) endpoints[mode].update(legacy);
  host["NetworkMode"] = mode;
  if (!endpoints.empty()) body["NetworkingConfig"] = {{"EndpointsConfig", endpoints}};
  std::vector<std::string> options = arguments.all("dns-option");
  for (const std::string& option : arguments.all("dns-opt")) options.push_back(option);
  if (arguments.given("dns")) host["Dns"] = arguments.all("dns");
  if (!options.empty()) host["DnsOptions"] = options;
  if (arguments.given("dns-search")) host["DnsSearch"] = arguments.all("dns-search");
  if (arguments.given("add-host")) host["ExtraHosts"] = arguments.all("add-host");
  return {};
}

}  // namespace stack::cli::docker_cli
