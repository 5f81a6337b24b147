#include "net/firewall/firewall.h"

#include "tests/netns/net/lab.h"

namespace stack::net {
namespace {

using lab::Lab;
using lab::must;

constexpr const char* kHost = Lab::kHostAddress;
constexpr const char* kNeighbor = Lab::kNeighborAddress;

PortForward forward(Protocol protocol, uint16_t host_port, const lab::Container& container, uint16_t port,
                    const std::string& host_ip = "") {
  PortForward made;
  made.protocol = protocol;
  made.host_port = host_port;
  made.container_ip = container.address;
  made.container_port = port;
  if (!host_ip.empty()) made.host_ip = must(parse_ip(host_ip));
  return made;
}

// All tests run with and without bridged packets passing the IP firewall (net.bridge.bridge-nf-call-iptables).
class FirewallPaths : public testing::TestWithParam<bool> {
 protected:
  Lab lab_{GetParam()};
  BridgeSpec front_ = lab_.add_network(lab_.network(1));
  BridgeSpec back_ = lab_.add_network(lab_.network(2));
  lab::Container web_ = lab_.add_container(front_, 10);
};

INSTANTIATE_TEST_SUITE_P(BridgeNetfilter, FirewallPaths, testing::Values(true, false),
                         [](const auto& parameter) { return parameter.param ? "On" : "Off"; });

TEST_P(FirewallPaths, PublishedTcpPortIsReachedFromOutsideWithTheClientsAddress) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), kHost, 8080, server), kNeighbor);
}

TEST_P(FirewallPaths, PublishedUdpPortIsReachedFromOutsideWithTheClientsAddress) {
  const auto server = lab::listen_udp(web_.netns, 53);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Udp, 5353, web_, 53)}));
  EXPECT_EQ(lab::udp_peer(lab_.neighbor(), kHost, 5353, server), kNeighbor);
}

TEST_P(FirewallPaths, PublishedPortIsReachedFromTheHostByItsOutsideAddress) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_EQ(lab::tcp_peer(lab_.host_netns(), kHost, 8080, server), kHost);
}

TEST_P(FirewallPaths, LoopbackIsLeftToTheProxysSocket) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto proxy = lab::listen_tcp(lab_.host_netns(), 8080);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_EQ(lab::tcp_peer(lab_.host_netns(), "127.0.0.1", 8080, proxy), "127.0.0.1");
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), kHost, 8080, server), kNeighbor);
}

TEST_P(FirewallPaths, ContainerOfAnotherNetworkReachesAPublishedPortThroughTheHost) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto other = lab_.add_container(back_, 20);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_EQ(lab::tcp_peer(other.netns, kHost, 8080, server), "10.89.2.20");
  // The address of any bridge is also a local address.
  EXPECT_EQ(lab::tcp_peer(other.netns, "10.89.2.1", 8080, server), "10.89.2.20");
}

TEST_P(FirewallPaths, ContainerOfTheSameNetworkReachesAPublishedPortThroughTheHost) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto udp_server = lab::listen_udp(web_.netns, 53);
  const auto sibling = lab_.add_container(front_, 11);
  must(lab_.firewall().publish(
      std::vector{forward(Protocol::Tcp, 8080, web_, 80), forward(Protocol::Udp, 5353, web_, 53)}));
  EXPECT_EQ(lab::tcp_peer(sibling.netns, kHost, 8080, server), "10.89.1.1");
  EXPECT_EQ(lab::udp_peer(sibling.netns, kHost, 5353, udp_server), "10.89.1.1");
}

TEST_P(FirewallPaths, ContainerReachesItsOwnPublishedPortThroughTheHost) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_EQ(lab::tcp_peer(web_.netns, kHost, 8080, server), "10.89.1.1");
}

TEST_P(FirewallPaths, ContainersOfOneNetworkReachEachOtherDirectly) {
  const auto server = lab::listen_tcp(web_.netns, 6379);
  const auto sibling = lab_.add_container(front_, 11);
  EXPECT_EQ(lab::tcp_peer(sibling.netns, "10.89.1.10", 6379, server), "10.89.1.11");
}

TEST_P(FirewallPaths, ContainersOfANetworkAreIsolatedIfIccIsOff) {
  BridgeSpec apart = lab_.network(3);
  apart.icc = false;
  lab_.add_network(apart);
  const auto one = lab_.add_container(apart, 10);
  const auto other = lab_.add_container(apart, 11);
  const auto server = lab::listen_tcp(one.netns, 80);
  EXPECT_FALSE(lab::tcp_connects(other.netns, "10.89.3.10", 80));
  const auto outside = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(other.netns, kNeighbor, outside.port, outside), kHost);
}

TEST_P(FirewallPaths, UnpublishedPortIsUnreachableFromOtherNetworksAndTheLan) {
  const auto server = lab::listen_tcp(web_.netns, 6379);
  const auto other = lab_.add_container(back_, 20);
  EXPECT_FALSE(lab::tcp_connects(other.netns, "10.89.1.10", 6379));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.1.10", 6379));
  EXPECT_TRUE(lab::tcp_connects(lab_.host_netns(), "10.89.1.10", 6379));
}

TEST_P(FirewallPaths, PublishedPortIsUnreachableThroughTheContainersAddress) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto other = lab_.add_container(back_, 20);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_FALSE(lab::tcp_connects(other.netns, "10.89.1.10", 80));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.1.10", 80));
}

TEST_P(FirewallPaths, OutgoingTrafficHasTheHostsAddress) {
  const auto server = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(web_.netns, kNeighbor, server.port, server), kHost);
  const auto udp_server = lab::listen_udp(lab_.neighbor());
  EXPECT_EQ(lab::udp_peer(web_.netns, kNeighbor, udp_server.port, udp_server), kHost);
}

TEST_P(FirewallPaths, WithoutMasqueradeOutgoingTrafficKeepsItsAddress) {
  BridgeSpec routed = lab_.network(3);
  routed.masquerade = false;
  lab_.add_network(routed);
  const auto client = lab_.add_container(routed, 10);
  const auto server = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(client.netns, kNeighbor, server.port, server), "10.89.3.10");
}

TEST_P(FirewallPaths, OutgoingTrafficHasTheChosenAddress) {
  lab::ip(lab_.host_netns(), "address add 192.168.50.9/24 dev uplink");
  BridgeSpec chosen = lab_.network(3);
  chosen.v4.source = must(parse_ip("192.168.50.9"));
  lab_.add_network(chosen);
  const auto client = lab_.add_container(chosen, 10);
  const auto server = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(client.netns, kNeighbor, server.port, server), "192.168.50.9");
  EXPECT_EQ(lab::tcp_peer(web_.netns, kNeighbor, server.port, server), kHost);
}

TEST_P(FirewallPaths, UnprotectedNetworkIsReachedDirectlyOnAnyPort) {
  BridgeSpec open = lab_.network(3);
  open.v4.mode = GatewayMode::NatUnprotected;
  lab_.add_network(open);
  const auto container = lab_.add_container(open, 10);
  const auto server = lab::listen_tcp(container.netns, 6379);
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), "10.89.3.10", 6379, server), kNeighbor);
  const auto outside = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(container.netns, kNeighbor, outside.port, outside), kHost);
}

TEST_P(FirewallPaths, RoutedNetworkIsReachedDirectlyOnPublishedPortsWithoutNat) {
  BridgeSpec routed = lab_.network(3);
  routed.v4.mode = GatewayMode::Routed;
  lab_.add_network(routed);
  const auto container = lab_.add_container(routed, 10);
  const auto server = lab::listen_tcp(container.netns, 80);
  const auto hidden = lab::listen_tcp(container.netns, 6379);
  const std::vector published{forward(Protocol::Tcp, 0, container, 80)};
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 80));
  must(lab_.firewall().publish(published));
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), "10.89.3.10", 80, server), kNeighbor);
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 6379));
  const auto outside = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(container.netns, kNeighbor, outside.port, outside), "10.89.3.10");
  must(lab_.firewall().unpublish(published));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 80));
}

TEST_P(FirewallPaths, TrustedInterfaceReachesPublishedPortsDirectly) {
  BridgeSpec trusting = lab_.network(3);
  trusting.trusted_interfaces = {"uplink"};
  lab_.add_network(trusting);
  const auto container = lab_.add_container(trusting, 10);
  const auto server = lab::listen_tcp(container.netns, 80);
  const auto hidden = lab::listen_tcp(container.netns, 6379);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 0, container, 80)}));
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), "10.89.3.10", 80, server), kNeighbor);
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 6379));
  EXPECT_FALSE(lab::tcp_connects(web_.netns, "10.89.3.10", 80));
  // The network loses its trust with the property.
  trusting.trusted_interfaces.clear();
  must(lab_.firewall().add_network(trusting));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 80));
}

TEST_P(FirewallPaths, InternalNetworkReachesOnlyItselfAndTheHost) {
  BridgeSpec inner = lab_.network(3);
  inner.internal = true;
  lab_.add_network(inner);
  const auto one = lab_.add_container(inner, 10);
  const auto other = lab_.add_container(inner, 11);
  const auto inside = lab::listen_tcp(one.netns, 80);
  const auto outside = lab::listen_tcp(lab_.neighbor());
  EXPECT_EQ(lab::tcp_peer(other.netns, "10.89.3.10", 80, inside), "10.89.3.11");
  EXPECT_TRUE(lab::tcp_connects(lab_.host_netns(), "10.89.3.10", 80));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "10.89.3.10", 80));
  EXPECT_FALSE(lab::tcp_connects(web_.netns, "10.89.3.10", 80));
  // Not even through a route that a privileged container adds.
  lab::ip(one.netns, "route add default via 10.89.3.1");
  EXPECT_FALSE(lab::tcp_connects(one.netns, kNeighbor, outside.port));
  const auto web_server = lab::listen_tcp(web_.netns, 80);
  EXPECT_FALSE(lab::tcp_connects(one.netns, "10.89.1.10", 80));
}

TEST_P(FirewallPaths, HostIpLimitsAPublishedPortToThatAddress) {
  lab::ip(lab_.host_netns(), "address add 192.168.50.9/24 dev uplink");
  const auto server = lab::listen_tcp(web_.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80, "192.168.50.9")}));
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), "192.168.50.9", 8080, server), kNeighbor);
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), kHost, 8080));
}

TEST_P(FirewallPaths, HostPortOnTwoAddressesCanHaveTwoContainers) {
  lab::ip(lab_.host_netns(), "address add 192.168.50.9/24 dev uplink");
  const auto sibling = lab_.add_container(front_, 11);
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto second = lab::listen_tcp(sibling.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80, kHost),
                                           forward(Protocol::Tcp, 8080, sibling, 80, "192.168.50.9")}));
  EXPECT_TRUE(lab::tcp_peer(lab_.neighbor(), kHost, 8080, server));
  EXPECT_TRUE(lab::tcp_peer(lab_.neighbor(), "192.168.50.9", 8080, second));
}

TEST_P(FirewallPaths, LoopbackPortIsUnreachableForNeighborsEvenIfTheKernelRoutesIt) {
  const auto proxy = lab::listen_tcp(lab_.host_netns(), 8080, "127.0.0.1");
  lab::run_in(lab_.host_netns(), "sh", {"-c", "echo 1 > /proc/sys/net/ipv4/conf/uplink/route_localnet"});
  lab::run_in(lab_.neighbor(), "sh", {"-c", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"});
  lab::ip(lab_.neighbor(), "route add 127.0.0.9 via 192.168.50.1 src 192.168.50.2");
  // Without the rule the host would respond, which makes this case worth testing.
  const auto exposed = lab::listen_tcp(lab_.host_netns(), 8081, "127.0.0.9");
  lab::ip(lab_.neighbor(), "route show table all");
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8081, web_, 80, "127.0.0.9")}));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "127.0.0.9", 8081));
  EXPECT_TRUE(lab::tcp_connects(lab_.host_netns(), "127.0.0.9", 8081));
}

TEST_P(FirewallPaths, UnpublishedPortStopsResponding) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  const std::vector ports{forward(Protocol::Tcp, 8080, web_, 80)};
  must(lab_.firewall().publish(ports));
  EXPECT_TRUE(lab::tcp_connects(lab_.neighbor(), kHost, 8080));
  must(lab_.firewall().unpublish(ports));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), kHost, 8080));
}

TEST_P(FirewallPaths, RunningUdpFlowFollowsAMovedPort) {
  const auto sibling = lab_.add_container(front_, 11);
  const auto on_host = lab::listen_udp(lab_.host_netns(), 5353);
  const auto first = lab::listen_udp(web_.netns, 53);
  const auto second = lab::listen_udp(sibling.netns, 53);
  const Fd client = lab::udp_client(lab_.neighbor());
  EXPECT_TRUE(lab::udp_exchange(client, kHost, 5353, on_host));
  must(lab_.firewall().publish(std::vector{forward(Protocol::Udp, 5353, web_, 53)}));
  EXPECT_TRUE(lab::udp_exchange(client, kHost, 5353, first));
  must(lab_.firewall().unpublish(std::vector{forward(Protocol::Udp, 5353, web_, 53)}));
  must(lab_.firewall().publish(std::vector{forward(Protocol::Udp, 5353, sibling, 53)}));
  EXPECT_TRUE(lab::udp_exchange(client, kHost, 5353, second));
}

TEST_P(FirewallPaths, Ipv6PortsBehaveLikeIpv4) {
  const BridgeSpec dual = lab_.add_network(lab_.network(3, true));
  auto six = lab_.add_container(dual, 10);
  six.address = must(parse_ip("fd89:3::a"));
  const auto sibling = lab_.add_container(dual, 11);
  const auto server = lab::listen_tcp(six.netns, 80, "::");
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, six, 80)}));
  EXPECT_EQ(lab::tcp_peer(lab_.neighbor(), "fd50::1", 8080, server), "fd50::2");
  EXPECT_EQ(lab::tcp_peer(sibling.netns, "fd50::1", 8080, server), "fd89:3::1");
  EXPECT_EQ(lab::tcp_peer(sibling.netns, "fd89:3::a", 80, server), "fd89:3::b");
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), "fd89:3::a", 80));
  const auto outside = lab::listen_tcp(lab_.neighbor(), 0, "::");
  EXPECT_EQ(lab::tcp_peer(sibling.netns, "fd50::2", outside.port, outside), "fd50::1");
}

// ---- state

class FirewallState : public testing::Test {
 protected:
  Lab lab_;
  BridgeSpec front_ = lab_.add_network(lab_.network(1));
  lab::Container web_ = lab_.add_container(front_, 10);
};

TEST_F(FirewallState, ListReturnsThePublishedPorts) {
  std::vector ports{forward(Protocol::Tcp, 8080, web_, 80), forward(Protocol::Udp, 53, web_, 53, kHost)};
  std::sort(ports.begin(), ports.end());
  must(lab_.firewall().publish(ports));
  const auto state = must(lab_.firewall().list());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->bridges, std::vector<std::string>{"br-test1"});
  EXPECT_EQ(state->ports, ports);
}

TEST_F(FirewallState, NftShowsPortsAsElementsOfAMapAndOneRuleForAll) {
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  const std::string before = lab::run_in(lab_.host_netns(), "nft", {"list", "table", "inet", "stack_test"});
  EXPECT_NE(before.find("tcp . 8080 : 10.89.1.10 . 80"), std::string::npos) << before;
  EXPECT_NE(before.find("elements = { \"br-test1\" }"), std::string::npos) << before;
  EXPECT_NE(before.find("dnat ip to"), std::string::npos) << before;
  const auto rules = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
  std::vector<PortForward> many;
  for (uint16_t port = 9000; port < 9002; ++port) many.push_back(forward(Protocol::Tcp, port, web_, port));
  must(lab_.firewall().publish(many));
  const std::string after =
      lab::run_in(lab_.host_netns(), "nft", {"list", "chain", "inet", "stack_test", "published"});
  must(lab_.firewall().unpublish(many));
  EXPECT_EQ(rules(after), rules(lab::run_in(lab_.host_netns(), "nft",
                                            {"list", "chain", "inet", "stack_test", "published"})));
}

TEST_F(FirewallState, PublishingTwiceSucceedsAndAnotherTargetIsAConflict) {
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  const auto refused = lab_.firewall().publish(
      std::vector{forward(Protocol::Tcp, 9090, web_, 80), forward(Protocol::Tcp, 8080, web_, 81)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(refused.error().text(), "host port 8080/tcp is already forwarded to 10.89.1.10 port 80");
  // All or nothing.
  EXPECT_EQ(must(lab_.firewall().list())->ports.size(), 1U);
}

TEST_F(FirewallState, UnpublishingSkipsMissingAndForeignPorts) {
  must(lab_.firewall().publish(
      std::vector{forward(Protocol::Tcp, 8080, web_, 80), forward(Protocol::Tcp, 8081, web_, 81)}));
  must(lab_.firewall().unpublish(
      std::vector{forward(Protocol::Tcp, 8080, web_, 80), forward(Protocol::Tcp, 7000, web_, 80)}));
  const auto state = must(lab_.firewall().list());
  ASSERT_EQ(state->ports.size(), 1U);
  EXPECT_EQ(state->ports[0].host_port, 8081);
}

TEST_F(FirewallState, PortMovesInOneStep) {
  const auto to = [&](const char* ip) {
    PortForward forward;
    forward.host_port = 8080;
    forward.container_ip = must(parse_ip(ip));
    forward.container_port = 80;
    return std::vector{forward};
  };
  must(lab_.firewall().publish(to("10.89.1.10")));
  must(lab_.firewall().change(to("10.89.1.10"), to("10.89.1.11")));
  EXPECT_EQ(must(lab_.firewall().list())->ports, to("10.89.1.11"));
  EXPECT_FALSE(lab_.firewall().change({}, to("10.89.1.12")));
  EXPECT_EQ(must(lab_.firewall().list())->ports, to("10.89.1.11"));
}

TEST_F(FirewallState, ResetReplacesEverythingAndKeepsEstablishedConnections) {
  const auto server = lab::listen_tcp(web_.netns, 80);
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  const BridgeSpec gone = lab_.add_network(lab_.network(2));
  must(lab_.firewall().reset_to(std::vector{front_}, std::vector{forward(Protocol::Tcp, 8090, web_, 80)}));
  const auto state = must(lab_.firewall().list());
  EXPECT_EQ(state->bridges, std::vector<std::string>{"br-test1"});
  EXPECT_TRUE(lab::tcp_peer(lab_.neighbor(), kHost, 8090, server));
  EXPECT_FALSE(lab::tcp_connects(lab_.neighbor(), kHost, 8080));
}

TEST_F(FirewallState, NetworkCanBeChangedAndRemoved) {
  BridgeSpec inner = front_;
  inner.internal = true;
  must(lab_.firewall().add_network(inner));
  const auto outside = lab::listen_tcp(lab_.neighbor());
  EXPECT_FALSE(lab::tcp_connects(web_.netns, kNeighbor, outside.port));
  must(lab_.firewall().add_network(front_));
  EXPECT_TRUE(lab::tcp_connects(web_.netns, kNeighbor, outside.port));
  must(lab_.firewall().remove_network(front_.name));
  must(lab_.firewall().remove_network(front_.name));
  EXPECT_TRUE(must(lab_.firewall().list())->bridges.empty());
}

TEST_F(FirewallState, RemovingTheTableLeavesNothingAndIsIdempotent) {
  must(lab_.firewall().remove_table());
  must(lab_.firewall().remove_table());
  EXPECT_EQ(lab::run_in(lab_.host_netns(), "nft", {"list", "ruleset"}), "");
  EXPECT_FALSE(must(lab_.firewall().list()));
  must(lab_.firewall().unpublish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  must(lab_.firewall().remove_network("br-test1"));
}

TEST_F(FirewallState, GuardPreventsRoutingBetweenForeignInterfaces) {
  const Fd stranger = must(make_network_namespace());
  const std::string path = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(stranger.get());
  lab::ip(lab_.host_netns(), "link add other type veth peer name eth0 netns " + path);
  lab::ip(lab_.host_netns(), "address add 172.20.0.1/24 dev other");
  lab::ip(lab_.host_netns(), "link set other up");
  lab::ip(stranger, "address add 172.20.0.2/24 dev eth0");
  lab::ip(stranger, "link set eth0 up");
  lab::ip(stranger, "route add default via 172.20.0.1");
  lab::ip(lab_.neighbor(), "route add 172.20.0.0/24 via 192.168.50.1");
  EXPECT_TRUE(must(wait_until_running(lab_.host(), "other", 5000)));
  const auto server = lab::listen_tcp(lab_.neighbor());
  EXPECT_TRUE(lab::tcp_connects(stranger, kNeighbor, server.port));
  Firewall guarded(lab_.host(), "stack_test", {.drop_foreign_forwarding = true});
  must(guarded.reset_to(std::vector{front_}, {}));
  EXPECT_FALSE(lab::tcp_connects(stranger, kNeighbor, server.port));
  EXPECT_TRUE(lab::tcp_connects(web_.netns, kNeighbor, server.port));
}

TEST_F(FirewallState, GuardIgnoresBridgesOfOtherEngines) {
  Firewall other(lab_.host(), "stack_second", {.drop_foreign_forwarding = true});
  must(other.ensure());
  const auto server = lab::listen_tcp(web_.netns, 80);
  const auto outside = lab::listen_tcp(lab_.neighbor());
  must(lab_.firewall().publish(std::vector{forward(Protocol::Tcp, 8080, web_, 80)}));
  EXPECT_TRUE(lab::tcp_connects(lab_.neighbor(), kHost, 8080));
  EXPECT_TRUE(lab::tcp_connects(web_.netns, kNeighbor, outside.port));
}

TEST_F(FirewallState, TablesAreFoundByNamePrefix) {
  EXPECT_EQ(must(list_tables(lab_.host(), "stack")), std::vector<std::string>{"stack_test"});
  EXPECT_TRUE(must(list_tables(lab_.host(), "other")).empty());
}

}  // namespace
}  // namespace stack::net
