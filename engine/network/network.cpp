#include "engine/network/network.h"

#include <algorithm>

#include "base/text.h"

namespace stack::engine {

namespace {

constexpr size_t kLongestName = 512;

// Any bytes, made printable.
std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

Result<> check_network_name(const std::string& name) {
  if (name.empty()) return invalid("network name must not be empty");
  bool good = name.size() <= kLongestName && is_letter_or_digit(name.front()) &&
              std::all_of(name.begin(), name.end(),
                          [](char c) {
                            return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-' || c == ' ';
                          }) &&
              name.back() != ' ';
  if (good) return {};
  return invalid(
      "invalid network name " + quoted(name.substr(0, kLongestName)) +
      ": a name must be 1 to 512 characters of [a-zA-Z0-9_.-] and spaces, start with a letter or digit, "
      "and not end with a space");
}

std::string Network::option(const std::string& key) const {
  auto found = request.options.find(key);
  return found == request.options.end() ? "" : found->second;
}

Result<net::BridgeOutside> Network::outside(Family family) const {
  const std::string number = family == Family::V4 ? "4" : "6";
  net::BridgeOutside outside;
  const std::string mode_key = "com.docker.network.bridge.gateway_mode_ipv" + number;
  const std::string mode = option(mode_key);
  if (mode == "nat-unprotected") {
    outside.mode = net::GatewayMode::NatUnprotected;
  } else if (mode == "routed") {
    outside.mode = net::GatewayMode::Routed;
  } else if (mode == "isolated") {
    outside.mode = net::GatewayMode::Isolated;
    if (!request.internal) return invalid(mode_key + ": \"isolated\" requires an internal network");
  } else if (!mode.empty() && mode != "nat") {
    return invalid(mode_key + ": \"" + mode + "\" is not nat, nat-unprotected, routed, or isolated");
  }
  const std::string source_key = "com.docker.network.host_ipv" + number;
  const std::string source = option(source_key);
  if (source.empty()) return outside;
  TRY_ASSIGN(outside.source, parse_ip(source).in(source_key));
  if (outside.source->family() != family)
    return invalid(source_key + ": \"" + source + "\" is not an IPv" + number + " address");
  return outside;
}

net::BridgeSpec Network::bridge_spec() const {
  net::BridgeSpec spec;
  spec.name = bridge;
  spec.id = id;
  spec.v4 = outside(Family::V4).value_or(net::BridgeOutside());
  spec.v6 = outside(Family::V6).value_or(net::BridgeOutside());
  spec.trusted_interfaces = split(option("com.docker.network.bridge.trusted_host_interfaces"), ':');
  std::erase(spec.trusted_interfaces, "");
  bool inhibited = option("com.docker.network.bridge.inhibit_ipv4") == "true";
  for (const net::AddressPool& pool : pools) {
    Family family = pool.subnet.family();
    bool none =
        (inhibited && family == Family::V4) || spec.outside(family).mode == net::GatewayMode::Isolated;
    spec.subnets.push_back({pool.subnet, none ? std::nullopt : pool.gateway});
  }
  spec.internal = request.internal;
  std::string mtu = option("com.docker.network.driver.mtu");
  if (is_all_digits(mtu) && mtu.size() < 6) spec.mtu = static_cast<uint32_t>(std::stoul(mtu));
  spec.icc = option("com.docker.network.bridge.enable_icc") != "false";
  spec.masquerade = option("com.docker.network.bridge.enable_ip_masquerade") != "false";
  return spec;
}

Result<net::ChildKind> Network::child_kind() const {
  if (request.driver == "ipvlan") return net::ipvlan_kind(option("ipvlan_mode"), option("ipvlan_flag"));
  return net::macvlan_kind(option("macvlan_mode"));
}

// Each container uses one address per family; several pools of one family add up.
uint64_t Network::capacity() const {
  uint64_t of_family[2] = {0, 0};
  for (const net::AddressPool& pool : pools)
    of_family[pool.subnet.family() == Family::V4 ? 0 : 1] += net::capacity_of(pool);
  uint64_t least = is_bridge() ? net::kMostBridgePorts : UINT64_MAX;
  for (uint64_t sum : of_family)
    if (sum > 0) least = std::min(least, sum);
  return least;
}

Result<net::AddressPool> make_pool(const NetworkRequest::Pool& wanted) {
  net::AddressPool pool;
  TRY_ASSIGN(Cidr subnet, parse_cidr(wanted.subnet));
  pool.subnet = subnet.network();
  if (!wanted.ip_range.empty()) {
    TRY_ASSIGN(Cidr range, parse_cidr(wanted.ip_range));
    pool.ip_range = range.network();
  }
  if (!wanted.gateway.empty()) {
    TRY_ASSIGN(pool.gateway, parse_ip(wanted.gateway));
  } else {
    TRY_ASSIGN(pool.gateway, net::default_gateway(pool.subnet, pool.ip_range));
  }
  for (const auto& [name, address] : wanted.auxiliary) {
    TRY_ASSIGN(pool.auxiliary[name], parse_ip(address));
  }
  TRY(net::validate(pool));
  return pool;
}

}  // namespace stack::engine
