#include <gtest/gtest.h>

#include "engine/network/address_lease.h"
#include "engine/network/host_files.h"

namespace stack::engine {
namespace {

TEST(ResolverSettings, WordsAreSeparatedByAnyBlanks) {
  ResolverSettings settings = parse_resolver_settings(
      "# nameserver 9.9.9.9\n"
      "nameserver\t10.0.0.1\n"
      "  nameserver \t 10.0.0.2  \n"
      "search\tone.example\ttwo.example\n"
      "options\tndots:2 timeout:1\n"
      "; options rotate\n");
  EXPECT_EQ(settings.servers, (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(settings.search, (std::vector<std::string>{"one.example", "two.example"}));
  EXPECT_EQ(settings.options, (std::vector<std::string>{"ndots:2", "timeout:1"}));
}

TEST(ResolvConf, OwnSettingsReplaceTheHosts) {
  ResolverSettings host{{"10.0.0.1"}, {"one.example"}, {"ndots:2"}};
  ContainerSpec spec;
  EXPECT_EQ(resolv_conf_text(host, spec, true),
            "nameserver 127.0.0.11\nsearch one.example\noptions ndots:2\n");
  EXPECT_EQ(resolv_conf_text(host, spec, false),
            "nameserver 10.0.0.1\nsearch one.example\noptions ndots:2\n");
  spec.dns = {"8.8.8.8"};
  spec.dns_search = {"."};
  spec.dns_options = {"rotate"};
  EXPECT_EQ(resolv_conf_text(host, spec, true), "nameserver 127.0.0.11\noptions rotate ndots:0\n");
  EXPECT_EQ(resolv_conf_text(host, spec, false), "nameserver 8.8.8.8\noptions rotate\n");
}

TEST(HostsFile, KeepsLinesOfTheContainer) {
  std::string text =
      fixed_hosts({"db=10.0.0.9", "v6:[fd00::1]", "gateway:host-gateway"}, "10.89.0.1", false) +
      endpoint_hosts({"10.89.0.5"}, "web.example web");
  EXPECT_EQ(
      text,
      "127.0.0.1\tlocalhost\n10.0.0.9\tdb\nfd00::1\tv6\n10.89.0.1\tgateway\n10.89.0.5\tweb.example web\n");
  EXPECT_EQ(update_hosts(text + "1.2.3.4\tmine\n5.6.7.8\tweb.example web", {"10.89.0.5"},
                         {"10.89.1.7", "fd00::7"}, "web.example web"),
            "127.0.0.1\tlocalhost\n10.0.0.9\tdb\nfd00::1\tv6\n10.89.0.1\tgateway\n1.2.3.4\tmine\n"
            "5.6.7.8\tweb.example web\n10.89.1.7\tweb.example web\nfd00::7\tweb.example web\n");
}

NetworkPtr network_of(const std::vector<std::string>& subnets) {
  auto network = std::make_shared<Network>();
  network->request.name = "net";
  for (const std::string& subnet : subnets) network->pools.push_back(*make_pool({subnet, "", "", {}}));
  return network;
}

TEST(AddressLease, IsReturnedOnDestruction) {
  NetworkPtr network = network_of({"10.1.0.0/24", "fd00::/64"});
  Endpoint endpoint;
  {
    auto leases = lease_addresses(network, endpoint, "web");
    ASSERT_TRUE(leases) << leases.error().text();
    EXPECT_EQ(leases->size(), 2U);
    EXPECT_EQ(endpoint.ipv4->text(), "10.1.0.2/24");
    EXPECT_EQ(endpoint.ipv6->text(), "fd00::2/64");
    EXPECT_EQ(network->pools[0].taken.size(), 1U);
  }
  for (const net::AddressPool& pool : network->pools) EXPECT_TRUE(pool.taken.empty());
  // The address of the last run.
  network->pools[0].last = *parse_ip("10.1.0.77");
  ASSERT_TRUE(lease_addresses(network, endpoint, "web"));
  EXPECT_EQ(endpoint.ipv4->text(), "10.1.0.2/24");
}

TEST(AddressLease, IsAllOrNothing) {
  NetworkPtr network = network_of({"10.1.0.0/24", "fd00::/127"});
  Endpoint first;
  auto held = lease_addresses(network, first, "first");
  ASSERT_TRUE(held) << held.error().text();
  for (int i = 0; i < 300; ++i) {
    Endpoint next;
    EXPECT_FALSE(lease_addresses(network, next, "next"));
  }
  EXPECT_EQ(network->pools[0].taken.size(), 1U);
}

TEST(AddressLease, RequestedAddressSelectsThePoolOfItsFamily) {
  NetworkPtr network = network_of({"10.1.0.0/24", "10.2.0.0/24"});
  Endpoint endpoint;
  endpoint.spec.ipv4_address = *parse_ip("10.2.0.9");
  auto leases = lease_addresses(network, endpoint, "web");
  ASSERT_TRUE(leases) << leases.error().text();
  EXPECT_EQ(leases->size(), 1U);
  EXPECT_EQ(endpoint.ipv4->text(), "10.2.0.9/24");
  EXPECT_TRUE(network->pools[0].taken.empty());
  Endpoint stranger;
  stranger.spec.ipv4_address = *parse_ip("10.9.0.9");
  EXPECT_EQ(lease_addresses(network, stranger, "web").error().text(),
            "address 10.9.0.9 is not in any subnet of network net");
}

TEST(Network, NameIsPartOfDnsNamesAndMessages) {
  for (const char* good : {"shop_default", "a", "0.net-x", "two words"}) EXPECT_TRUE(check_network_name(good)) << good;
  using namespace std::string_literals;
  for (const std::string& bad :
       {""s, "../x"s, "a\0b"s, "a/b"s, "_a"s, "a b "s, std::string(513, 'a'), "\xff"s})
    EXPECT_FALSE(check_network_name(bad)) << bad;
}

TEST(Network, OptionsOfTheOutsideAreChecked) {
  auto outside = [](const std::string& key, const std::string& value, bool internal = false) {
    NetworkPtr network = network_of({"10.1.0.0/24"});
    network->request.options[key] = value;
    network->request.internal = internal;
    return network->outside(Family::V4);
  };
  const std::string mode = "com.docker.network.bridge.gateway_mode_ipv4";
  EXPECT_EQ(outside(mode, "routed")->mode, net::GatewayMode::Routed);
  EXPECT_EQ(outside(mode, "isolated", true)->mode, net::GatewayMode::Isolated);
  EXPECT_FALSE(outside(mode, "isolated"));
  EXPECT_FALSE(outside(mode, "route"));
  const std::string source = "com.docker.network.host_ipv4";
  EXPECT_EQ(outside(source, "192.0.2.1")->source->text(), "192.0.2.1");
  EXPECT_FALSE(outside(source, "2001:db8::1"));
  EXPECT_FALSE(outside(source, "192.0.2.300"));
}

TEST(Network, BridgeHasNoAddressIfInhibitedOrIsolated) {
  NetworkPtr network = network_of({"10.1.0.0/24"});
  EXPECT_TRUE(network->bridge_spec().subnets.front().gateway);
  network->request.options["com.docker.network.bridge.inhibit_ipv4"] = "true";
  EXPECT_FALSE(network->bridge_spec().subnets.front().gateway);
  network->request.options = {{"com.docker.network.bridge.gateway_mode_ipv4", "isolated"}};
  network->request.internal = true;
  EXPECT_FALSE(network->bridge_spec().subnets.front().gateway);
}

TEST(Network, RecordIsReadBack) {
  NetworkPtr network = network_of({"10.1.0.0/24"});
  network->request.driver = "bridge";
  network->request.options["com.docker.network.bridge.enable_icc"] = "false";
  network->bridge = "br-1";
  Result<NetworkPtr> again = read_network("id", record_of(*network));
  ASSERT_TRUE(again);
  EXPECT_EQ(record_of(**again), record_of(*network));
  EXPECT_FALSE((*again)->bridge_spec().icc);
  EXPECT_EQ((*again)->capacity(), 253U);
}

}  // namespace
}  // namespace stack::engine
