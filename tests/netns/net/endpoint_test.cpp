#include "net/link/endpoint.h"

#include "net/link/link.h"
#include "net/link/route.h"
#include "net/link/sysctl.h"
#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::Lab;
using lab::must;

class Endpoints : public testing::Test {
 protected:
  Fd host_netns_ = must(make_network_namespace());
  Host host_ = must(Host::open(host_netns_.get()));
  BridgeSpec spec_ = [] {
    BridgeSpec spec;
    spec.name = "br-test";
    spec.id = "network";
    spec.subnets.push_back({must(parse_cidr("10.89.1.0/24")), must(parse_ip("10.89.1.1"))});
    return spec;
  }();
  Fd inside_ = must(make_network_namespace());

  VethSpec endpoint(const std::string& name, const char* address) const {
    VethSpec made;
    made.host_name = name;
    made.netns = inside_.get();
    made.bridge = "br-test";
    made.addresses.push_back(must(parse_cidr(address)));
    made.gateway4 = must(parse_ip("10.89.1.1"));
    return made;
  }
  Link link(const std::string& name) { return must(find_link(host_, name)).value(); }
};

using Bridges = Endpoints;

TEST_F(Bridges, BridgeIsUpWithItsAddressAndAStableMac) {
  const Link made = must(ensure_bridge(host_, spec_));
  EXPECT_TRUE(made.up);
  EXPECT_EQ(made.kind, "bridge");
  EXPECT_EQ(made.mtu, 1500U);
  EXPECT_NE(lab::ip(host_netns_, "-4 address show br-test").find("inet 10.89.1.1/24 brd 10.89.1.255"),
            std::string::npos);
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  EXPECT_EQ(link("br-test").mac, made.mac);
  must(remove_bridge(host_, "br-test"));
  EXPECT_EQ(must(ensure_bridge(host_, spec_)).mac, made.mac);
}

TEST_F(Bridges, EnsureRepairsDeviations) {
  const Link made = must(ensure_bridge(host_, spec_));
  lab::ip(host_netns_, "link set br-test down");
  lab::ip(host_netns_, "link set br-test address 02:00:00:00:00:09 mtu 1400");
  lab::ip(host_netns_, "address add 10.99.0.1/24 dev br-test");
  lab::ip(host_netns_, "address del 10.89.1.1/24 dev br-test");
  const Link repaired = must(ensure_bridge(host_, spec_));
  EXPECT_TRUE(repaired.up);
  EXPECT_EQ(repaired.index, made.index);
  EXPECT_EQ(repaired.mac, made.mac);
  EXPECT_EQ(repaired.mtu, 1500U);
  const std::string addresses = lab::ip(host_netns_, "-4 address show br-test");
  EXPECT_NE(addresses.find("10.89.1.1/24"), std::string::npos) << addresses;
  EXPECT_EQ(addresses.find("10.99.0.1"), std::string::npos) << addresses;
}

TEST_F(Bridges, NetworkWithoutIpv6HasNoneOnItsBridge) {
  must(ensure_bridge(host_, spec_));
  EXPECT_EQ(must(read_sysctl(host_netns_.get(), "ipv6/conf/br-test/disable_ipv6")), "1");
  spec_.subnets.push_back({must(parse_cidr("fd89::/64")), must(parse_ip("fd89::1"))});
  must(ensure_bridge(host_, spec_));
  EXPECT_EQ(must(read_sysctl(host_netns_.get(), "ipv6/conf/br-test/accept_ra")), "0");
  EXPECT_NE(lab::ip(host_netns_, "-6 address show br-test").find("fd89::1/64"), std::string::npos);
}

TEST_F(Bridges, OtherInterfaceWithTheNameIsAConflict) {
  lab::ip(host_netns_, "link add br-test type veth");
  const auto refused = ensure_bridge(host_, spec_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::Conflict);
}

TEST_F(Bridges, ManyAreRemovedTogetherAndMissingOnesAreIgnored) {
  for (const char* name : {"br-a", "br-b", "other"}) {
    spec_.name = name;
    spec_.subnets.clear();
    must(ensure_bridge(host_, spec_));
  }
  must(remove_links(host_, std::vector<std::string>{"br-a", "br-b", "br-none"}));
  EXPECT_TRUE(must(list_links(host_, "br-")).empty());
  EXPECT_EQ(must(list_links(host_, "other")).size(), 1U);
  must(remove_links(host_, std::vector<std::string>{"br-a"}));
  must(remove_bridge(host_, "br-a"));
}

TEST_F(Bridges, NamesThatTheKernelWouldMisreadAreRejected) {
  for (const char* name : {"", "br-0123456789abcd", "a/b", "a b", "..", "a:1"})
    EXPECT_FALSE(check_interface_name(name)) << name;
  EXPECT_TRUE(check_interface_name("br-0123456789ab"));
}

TEST_F(Endpoints, InterfaceIsReachableImmediately) {
  must(ensure_bridge(host_, spec_));
  const Veth made = must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  EXPECT_EQ(made.mac.text(), "02:42:0a:59:01:05");
  EXPECT_EQ(link("v1").master, link("br-test").index);
  EXPECT_EQ(link("v1").index, made.host_index);
  const std::string addresses = lab::ip(inside_, "address show");
  EXPECT_NE(addresses.find("inet 10.89.1.5/24 brd 10.89.1.255 scope global eth0"), std::string::npos)
      << addresses;
  EXPECT_NE(addresses.find("link/ether 02:42:0a:59:01:05"), std::string::npos) << addresses;
  EXPECT_NE(addresses.find("inet 127.0.0.1/8"), std::string::npos) << addresses;
  EXPECT_EQ(addresses.find("fe80"), std::string::npos) << addresses;
  EXPECT_NE(lab::ip(inside_, "route").find("default via 10.89.1.1 dev eth0"), std::string::npos);
  const auto server = lab::listen_tcp(inside_);
  EXPECT_EQ(lab::tcp_peer(host_netns_, "10.89.1.5", server.port, server), "10.89.1.1");
}

TEST_F(Endpoints, Ipv6AddressIsUsableImmediately) {
  spec_.subnets.push_back({must(parse_cidr("fd89::/64")), must(parse_ip("fd89::1"))});
  must(ensure_bridge(host_, spec_));
  VethSpec dual = endpoint("v1", "10.89.1.5/24");
  dual.addresses.push_back(must(parse_cidr("fd89::5/64")));
  dual.gateway6 = must(parse_ip("fd89::1"));
  must(attach(host_, dual));
  const auto server = lab::listen_tcp(inside_, 0, "::");
  EXPECT_EQ(lab::tcp_peer(host_netns_, "fd89::5", server.port, server), "fd89::1");
  EXPECT_NE(lab::ip(inside_, "-6 route").find("default via fd89::1 dev eth0"), std::string::npos);
}

TEST_F(Endpoints, MtuMacNameAndRoutesAreAsRequested) {
  spec_.mtu = 1400;
  must(ensure_bridge(host_, spec_));
  VethSpec special = endpoint("v1", "10.89.1.5/24");
  special.name = "net0";
  special.mtu = 1400;
  special.mac = must(parse_mac("02:11:22:33:44:55"));
  special.gateway4.reset();
  special.routes.push_back({must(parse_cidr("172.30.0.0/16")), must(parse_ip("10.89.1.9"))});
  must(attach(host_, special));
  const std::string shown = lab::ip(inside_, "link show net0");
  EXPECT_NE(shown.find("mtu 1400"), std::string::npos) << shown;
  EXPECT_NE(shown.find("02:11:22:33:44:55"), std::string::npos) << shown;
  EXPECT_EQ(lab::ip(inside_, "route"),
            "10.89.1.0/24 dev net0 proto kernel scope link src 10.89.1.5 \n"
            "172.30.0.0/16 via 10.89.1.9 dev net0 proto static \n");
}

TEST_F(Endpoints, SecondNetworkIsConnectedToARunningContainer) {
  must(ensure_bridge(host_, spec_));
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  BridgeSpec other = spec_;
  other.name = "br-other";
  other.subnets = {{must(parse_cidr("10.89.2.0/24")), must(parse_ip("10.89.2.1"))}};
  must(ensure_bridge(host_, other));
  VethSpec second = endpoint("v2", "10.89.2.5/24");
  second.bridge = "br-other";
  second.name = must(free_interface_name(inside_.get()));
  second.gateway4.reset();
  EXPECT_EQ(second.name, "eth1");
  must(attach(host_, second));
  EXPECT_NE(lab::ip(inside_, "route").find("default via 10.89.1.1"), std::string::npos);
  must(set_default_routes(inside_.get(), {must(parse_ip("10.89.2.1")), {}}));
  const std::string routes = lab::ip(inside_, "route");
  EXPECT_NE(routes.find("default via 10.89.2.1 dev eth1"), std::string::npos) << routes;
  EXPECT_EQ(routes.find("default via 10.89.1.1"), std::string::npos) << routes;
  must(set_default_routes(inside_.get(), {}));
  must(set_default_routes(inside_.get(), {}));
  EXPECT_EQ(lab::ip(inside_, "route show default"), "");
  must(detach(host_, "v2"));
  must(detach(host_, "v2"));
  EXPECT_EQ(must(free_interface_name(inside_.get())), "eth1");
}

TEST_F(Endpoints, InterfaceOfAKilledEngineIsReplaced) {
  must(ensure_bridge(host_, spec_));
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  must(attach(host_, endpoint("v1", "10.89.1.6/24")));
  const std::string addresses = lab::ip(inside_, "-4 address show eth0");
  EXPECT_NE(addresses.find("10.89.1.6"), std::string::npos) << addresses;
  EXPECT_EQ(addresses.find("10.89.1.5"), std::string::npos) << addresses;
}

TEST_F(Endpoints, NameTakenInTheContainerIsAConflictAndChangesNothing) {
  must(ensure_bridge(host_, spec_));
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  const auto refused = attach(host_, endpoint("v2", "10.89.1.6/24"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::Conflict);
  EXPECT_FALSE(must(find_link(host_, "v2")));
  EXPECT_NE(lab::ip(inside_, "-4 address show eth0").find("10.89.1.5"), std::string::npos);
}

TEST_F(Endpoints, FailedAttachIsUndone) {
  must(ensure_bridge(host_, spec_));
  VethSpec wrong = endpoint("v1", "10.89.1.5/24");
  wrong.gateway4 = must(parse_ip("10.99.0.1"));
  const auto refused = attach(host_, wrong);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("endpoint v1: set default route via 10.99.0.1"), std::string::npos)
      << refused.error().text();
  EXPECT_FALSE(must(find_link(host_, "v1")));
}

TEST_F(Endpoints, MissingBridgeIsNamed) {
  const auto refused = attach(host_, endpoint("v1", "10.89.1.5/24"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(refused.error().text(), "endpoint v1: no bridge br-test");
}

TEST_F(Endpoints, InterfaceIsRemovedWithItsNamespace) {
  must(ensure_bridge(host_, spec_));
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  inside_.reset();
  for (int i = 0; i < 200 && must(find_link(host_, "v1")); ++i) usleep(10'000);
  EXPECT_FALSE(must(find_link(host_, "v1")));
}

TEST_F(Endpoints, NamespaceOfTheCallerIsNeverLeft) {
  const Fd before = must(current_network_namespace());
  must(ensure_bridge(host_, spec_));
  must(attach(host_, endpoint("v1", "10.89.1.5/24")));
  (void)attach(host_, endpoint("v2", "10.89.1.5/24"));
  const Fd other = must(make_network_namespace());
  EXPECT_TRUE(must(same_network_namespace(before.get(), must(current_network_namespace()).get())));
  EXPECT_FALSE(must(same_network_namespace(before.get(), other.get())));
}

TEST_F(Endpoints, LoopbackComesUpWithoutEndpoints) {
  must(bring_up_loopback(inside_.get()));
  const auto server = lab::listen_tcp(inside_, 0, "127.0.0.1");
  EXPECT_TRUE(lab::tcp_connects(inside_, "127.0.0.1", server.port));
}

TEST(Routes, OnLinkSubnetsAreListedAndGatewayRoutesAreNot) {
  Lab lab;
  lab.add_network(lab.network(7));
  lab::ip(lab.host_netns(), "route add 10.0.0.0/8 via 192.168.50.2");
  const auto subnets = must(host_subnets(lab.host()));
  const auto has = [&](const char* text) {
    return std::find(subnets.begin(), subnets.end(), must(parse_cidr(text))) != subnets.end();
  };
  EXPECT_TRUE(has("192.168.50.0/24"));
  EXPECT_TRUE(has("10.89.7.0/24"));
  EXPECT_TRUE(has("fd50::/64"));
  EXPECT_FALSE(has("10.0.0.0/8"));
  EXPECT_FALSE(has("fe80::/64"));
}

TEST(Routes, MtuIsThatOfTheDefaultRoute) {
  Lab lab;
  EXPECT_EQ(must(default_route_mtu(lab.host())), 1500U);
  lab::ip(lab.host_netns(), "link set uplink mtu 1380");
  lab::ip(lab.host_netns(), "route add default via 192.168.50.2");
  EXPECT_EQ(must(default_route_mtu(lab.host())), 1380U);
}

TEST(Sysctl, EnablingForwardingReturnsWhetherItWasOff) {
  const Fd netns = must(make_network_namespace());
  Host host = must(Host::open(netns.get()));
  must(write_sysctl(netns.get(), "ipv4/ip_forward", "0"));
  EXPECT_TRUE(must(enable_ipv4_forwarding(host)));
  EXPECT_FALSE(must(enable_ipv4_forwarding(host)));
  EXPECT_EQ(must(read_sysctl(netns.get(), "ipv4/ip_forward")), "1");
}

TEST(Sysctl, Ipv6ForwardingKeepsRouterAdvertisementsEnabled) {
  const Fd netns = must(make_network_namespace());
  Host host = must(Host::open(netns.get()));
  lab::ip(netns, "link add uplink type veth");
  must(write_sysctl(netns.get(), "ipv6/conf/uplink/accept_ra", "1"));
  must(write_sysctl(netns.get(), "ipv6/conf/all/forwarding", "0"));
  EXPECT_TRUE(must(enable_ipv6_forwarding(host)));
  EXPECT_EQ(must(read_sysctl(netns.get(), "ipv6/conf/uplink/accept_ra")), "2");
}

}  // namespace
}  // namespace stack::net
