#include "net/proxy/host_port.h"

#include <gtest/gtest.h>

#include "sockets.h"

namespace stack::proxy {
namespace {

const IpAddress kLoopback = ip("127.0.0.1");

std::string self() { return "pid " + std::to_string(::getpid()) + " (unit_proxy)"; }

bool has_ipv6() { return static_cast<bool>(serve_on(ip("::1"), SOCK_STREAM)); }

TEST(HostPort, ZeroGivesAnyFreePort) {
  auto port = bind_host_port(kLoopback, {0, 0}, Protocol::Tcp);
  ASSERT_TRUE(port) << port.error().text();
  EXPECT_NE(port->port, 0);
  EXPECT_TRUE(connect_to(kLoopback, port->port));
}

TEST(HostPort, TakenPortErrorNamesTheHolder) {
  for (Protocol protocol : {Protocol::Tcp, Protocol::Udp}) {
    Fd holder = serve_on(kLoopback, protocol == Protocol::Tcp ? SOCK_STREAM : SOCK_DGRAM);
    uint16_t number = port_of(holder);
    auto port = bind_host_port(kLoopback, {number, number}, protocol);
    ASSERT_FALSE(port);
    EXPECT_EQ(port.error().kind(), ErrorKind::Conflict);
    std::string name = protocol == Protocol::Tcp ? "/tcp" : "/udp";
    EXPECT_EQ(port.error().text(),
              "port " + std::to_string(number) + name + " on 127.0.0.1 is taken by " + self());
  }
}

TEST(HostPort, WildcardConflictsWithSpecificAddressesAndViceVersa) {
  Fd holder = serve_on(kLoopback, SOCK_STREAM);
  uint16_t number = port_of(holder);
  EXPECT_EQ(bind_host_port(ip("0.0.0.0"), {number, number}, Protocol::Tcp).error().text(),
            "port " + std::to_string(number) + "/tcp on 0.0.0.0 is taken by " + self());
  EXPECT_EQ(port_owner(ip("0.0.0.0"), number, Protocol::Tcp), self());
  EXPECT_EQ(port_owner(ip("127.0.0.2"), number, Protocol::Tcp), std::nullopt);
  EXPECT_EQ(port_owner(kLoopback, number, Protocol::Udp), std::nullopt);
}

TEST(HostPort, DualStackSocketOwnsTheIpv4PortToo) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 loopback here";
  Fd holder = serve_on(ip("::"), SOCK_STREAM);
  EXPECT_EQ(port_owner(kLoopback, port_of(holder), Protocol::Tcp), self());
}

TEST(HostPort, RangeGivesItsFirstFreePort) {
  Fd holder = serve_on(kLoopback, SOCK_STREAM);
  uint16_t number = port_of(holder);
  auto port = bind_host_port(kLoopback, {number, static_cast<uint16_t>(number + 20)}, Protocol::Tcp);
  ASSERT_TRUE(port) << port.error().text();
  EXPECT_GT(port->port, number);
}

TEST(HostPort, SeveralAddressesGetTheSamePort) {
  auto ports = bind_host_ports({kLoopback, ip("127.0.0.2"), ip("127.0.0.3")}, {0, 0}, Protocol::Udp);
  ASSERT_TRUE(ports) << ports.error().text();
  ASSERT_EQ(ports->size(), 3U);
  EXPECT_EQ((*ports)[0].port, (*ports)[2].port);
  Fd holder = serve_on(ip("127.0.0.2"), SOCK_STREAM);
  uint16_t number = port_of(holder);
  auto next = bind_host_ports({kLoopback, ip("127.0.0.2")}, {number, static_cast<uint16_t>(number + 20)},
                              Protocol::Tcp);
  ASSERT_TRUE(next);
  EXPECT_GT(next->front().port, number);
}

TEST(HostPort, WildcardsOfBothFamiliesCanBeBoundTogether) {
  if (!has_ipv6()) GTEST_SKIP() << "no IPv6 loopback here";
  auto ports = bind_host_ports({ip("0.0.0.0"), ip("::")}, {0, 0}, Protocol::Tcp);
  ASSERT_TRUE(ports) << ports.error().text();
  EXPECT_EQ((*ports)[0].port, (*ports)[1].port);
}

TEST(HostPort, AddressOfAnotherMachineIsInvalid) {
  auto port = bind_host_port(ip("192.0.2.1"), {8080, 8080}, Protocol::Tcp);
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().text(), "port 8080/tcp on 192.0.2.1: this machine has no such address");
}

TEST(HostPort, PortInTimeWaitCanBeReused) {
  auto port = bind_host_port(kLoopback, {0, 0}, Protocol::Tcp);
  uint16_t number = port->port;
  Fd client = connect_to(kLoopback, number);
  ASSERT_TRUE(set_nonblocking(port->socket.get(), false));
  accept_one(port->socket).reset();  // the server closes first
  EXPECT_EQ(hear(client, 1), "<end>");
  client.reset();
  port->socket.reset();
  EXPECT_TRUE(bind_host_port(kLoopback, {number, number}, Protocol::Tcp));
}

TEST(HostPort, AdoptionReadsAddressAndProtocol) {
  Fd udp = serve_on(ip("127.0.0.7"), SOCK_DGRAM);
  uint16_t number = port_of(udp);
  auto port = adopt_host_port(std::move(udp));
  ASSERT_TRUE(port);
  EXPECT_EQ(port->host_ip.text(), "127.0.0.7");
  EXPECT_EQ(port->port, number);
  EXPECT_EQ(port->protocol, Protocol::Udp);
}

TEST(HostPort, OtherDescriptorsAreNotAdopted) {
  EXPECT_FALSE(adopt_host_port(make_socket(kLoopback, SOCK_STREAM)));
  EXPECT_FALSE(adopt_host_port(std::move(make_pipe()->read)));
  EXPECT_FALSE(adopt_host_port(std::move(make_socket_pair(SOCK_STREAM)->ours)));
}

}  // namespace
}  // namespace stack::proxy
