#include "lab.h"

namespace stack::dns {
namespace {

TEST_F(DnsLab, NamesResolveFromInsideOnPort53) {
  Sandbox sandbox = make_sandbox("c");
  EXPECT_EQ(resolve(sandbox, "web"), "10.1.0.2");
  EXPECT_EQ(resolve(sandbox, "WEB.NET"), "10.1.0.2");
  EXPECT_EQ(resolve(sandbox, "nobody"), "rcode 2");  // no upstream here
}

TEST_F(DnsLab, TcpResolvesToo) {
  Sandbox sandbox = make_sandbox("c");
  Fd fd = ask_socket(sandbox, SOCK_STREAM);
  ASSERT_TRUE(fd);
  std::string bytes;
  std::string asked = question("web");
  put_u16(bytes, static_cast<uint16_t>(asked.size()));
  bytes += asked;
  ASSERT_TRUE(write_all(fd.get(), bytes));
  EXPECT_EQ(address_in(receive(fd)), "10.1.0.2");
}

TEST_F(DnsLab, ContainerCanServePort53Itself) {
  Sandbox sandbox = make_sandbox("c");
  auto own = net::with_namespace(sandbox.netns.get(), []() -> Result<Fd> {
    Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      return Error::last_errno("bind");
    return fd;
  });
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ(resolve(sandbox, "web"), "10.1.0.2");
}

TEST_F(DnsLab, EachContainerHasItsOwnView) {
  Sandbox one = make_sandbox("one");
  Sandbox two = make_sandbox("two");
  on_loop([&] {
    server->zone().set_network("m", {.name = "other", .internal = true});
    server->zone().set_endpoint("m", "db", {.names = {"db"}, .addresses = {ip("10.2.0.2")}});
    server->update_client(ContainerId("two"), {.view = {.networks = {"m"}}});
  });
  EXPECT_EQ(resolve(two, "db"), "10.2.0.2");
  EXPECT_EQ(resolve(two, "web"), "rcode 3");
  EXPECT_EQ(resolve(one, "db"), "rcode 2");
}

TEST_F(DnsLab, NoQueryIsLostWithoutAServer) {
  Sandbox sandbox = make_sandbox("c");
  stop_server();
  std::vector<Fd> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(ask_socket(sandbox, SOCK_DGRAM));
    std::string bytes = question("web");
    ASSERT_GT(::send(waiting.back().get(), bytes.data(), bytes.size(), 0), 0);
  }
  Fd tcp = ask_socket(sandbox, SOCK_STREAM);
  ASSERT_TRUE(tcp);  // the backlog accepts it
  start_server();
  auto sockets = adopt_dns_sockets(std::move(sandbox.kept_udp), std::move(sandbox.kept_tcp));
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->udp_port, sandbox.udp_port);
  add("c", std::move(*sockets));
  for (const Fd& fd : waiting) EXPECT_EQ(address_in(receive(fd)), "10.1.0.2");
  const std::string asked = question("web");
  std::string framed;
  put_u16(framed, static_cast<uint16_t>(asked.size()));
  framed += asked;
  ASSERT_TRUE(write_all(tcp.get(), framed));
  EXPECT_EQ(address_in(receive(tcp)), "10.1.0.2");
}

TEST_F(DnsLab, ChangesOfOtherEndpointsLoseNoQuery) {
  Sandbox sandbox = make_sandbox("c");
  Fd fd = ask_socket(sandbox, SOCK_DGRAM);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = question("web");
    ASSERT_GT(::send(fd.get(), bytes.data(), bytes.size(), 0), 0);
    on_loop([&] {
      std::string id = "e" + std::to_string(i);
      server->zone().set_endpoint("n", id, {.names = {id, "worker"}, .addresses = {ip("10.1.0.9")}});
      if (i > 5) server->zone().remove_endpoint("n", "e" + std::to_string(i - 5));
    });
    ASSERT_EQ(address_in(receive(fd)), "10.1.0.2") << i;
  }
}

TEST_F(DnsLab, RemovedClientsNamespaceDiesWithItsLastDescriptor) {
  Sandbox sandbox = make_sandbox("c");
  on_loop([&] { server->remove_client(ContainerId("c")); });
  on_loop([&] { EXPECT_FALSE(server->has_client(ContainerId("c"))); });
  sandbox = Sandbox();
  EXPECT_EQ(resolve(make_sandbox("c"), "web"), "10.1.0.2");
}

}  // namespace
}  // namespace stack::dns
