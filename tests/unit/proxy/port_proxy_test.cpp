#include "net/proxy/port_proxy.h"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "sockets.h"

namespace stack::proxy {
namespace {

const IpAddress kLoopback = ip("127.0.0.1");

class PortProxyTest : public ::testing::Test {
 protected:
  void start(PortProxyOptions options = {}) {
    proxy.emplace(context, options);
    thread = std::thread([this] { context.run(); });
  }
  void TearDown() override {
    on_loop([this] { proxy.reset(); });
    guard.reset();
    thread.join();
  }
  template <typename F>
  void on_loop(F&& f) {
    std::promise<void> done;
    asio::post(context, [&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
  PortProxyStatistics statistics() {
    PortProxyStatistics out;
    on_loop([&] { out = proxy->statistics(); });
    return out;
  }
  // Publishes a fresh port under "p" and returns its number.
  uint16_t publish(Protocol protocol, std::optional<Target> target, const IpAddress& on = kLoopback) {
    uint16_t number = 0;
    on_loop([&] {
      auto bound = bind_host_port(on, {0, 0}, protocol);
      number = bound->port;
      EXPECT_TRUE(proxy->add("p", std::move(*bound), target));
    });
    return number;
  }
  // Serves a listener of this test as the target.
  Target target_of(const Fd& server) { return {kLoopback, port_of(server)}; }

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard = asio::make_work_guard(context);
  std::optional<PortProxy> proxy;
  std::thread thread;
};

TEST_F(PortProxyTest, BytesAndHalfCloseAreForwardedInBothDirections) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  Fd client = connect_to(kLoopback, port);
  Fd inside = accept_one(server);
  say(client, "question");
  EXPECT_EQ(hear(inside, 8), "question");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(hear(inside, 1), "<end>");
  say(inside, "late answer");
  EXPECT_EQ(hear(client, 11), "late answer");
  inside.reset();
  EXPECT_EQ(hear(client, 1), "<end>");
}

TEST_F(PortProxyTest, BulkDataArrivesInBothDirectionsConcurrently) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  Fd client = connect_to(kLoopback, port);
  Fd inside = accept_one(server);
  std::string up(16 << 20, '\0');
  std::string down(16 << 20, '\0');
  for (size_t i = 0; i < up.size(); ++i) {
    up[i] = static_cast<char>(i * 7 >> 3);
    down[i] = static_cast<char>(i * 13 >> 5);
  }
  std::thread write_up([&] { (void)write_all(client.get(), up); });
  std::thread write_down([&] { (void)write_all(inside.get(), down); });
  std::string heard_up;
  std::thread read_up([&] { heard_up = hear(inside, up.size()); });
  std::string heard_down = hear(client, down.size());
  for (std::thread* t : {&write_up, &write_down, &read_up}) t->join();
  EXPECT_TRUE(heard_up == up);
  EXPECT_TRUE(heard_down == down);
}

TEST_F(PortProxyTest, SlowReaderDoesNotBlockOthers) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  Fd slow = connect_to(kLoopback, port);
  Fd slow_inside = accept_one(server);
  ASSERT_TRUE(set_nonblocking(slow.get(), true));
  std::string block(1 << 20, 'x');
  while (::send(slow.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) continue;
  Fd other = connect_to(kLoopback, port);
  Fd other_inside = accept_one(server);
  say(other, "ping");
  EXPECT_EQ(hear(other_inside, 4), "ping");
  slow.reset();
  std::string rest = hear(slow_inside, size_t{1} << 30);
  EXPECT_TRUE(rest.ends_with("<end>") || rest.ends_with("<reset>"));
}

TEST_F(PortProxyTest, ResetIsForwarded) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  Fd client = connect_to(kLoopback, port);
  Fd inside = accept_one(server);
  linger hard{1, 0};
  ASSERT_EQ(::setsockopt(inside.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
  inside.reset();
  EXPECT_EQ(hear(client, 1), "<reset>");
}

TEST_F(PortProxyTest, RefusingTargetResetsTheClient) {
  start();
  Fd closed = serve_on(kLoopback, SOCK_STREAM);
  Target target = target_of(closed);
  closed.reset();
  uint16_t port = publish(Protocol::Tcp, target);
  EXPECT_EQ(hear(connect_to(kLoopback, port), 1), "<reset>");
  EXPECT_EQ(statistics().dial_failures, 1U);
}

TEST_F(PortProxyTest, WithoutTargetClientsWait) {
  start();
  uint16_t port = publish(Protocol::Tcp, std::nullopt);
  Fd client = connect_to(kLoopback, port);
  say(client, "early");
  EXPECT_EQ(statistics().tcp_accepted, 0U);
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  on_loop([&] { proxy->set_target("p", target_of(server)); });
  EXPECT_EQ(hear(accept_one(server), 5), "early");
}

TEST_F(PortProxyTest, NewTargetServesOnlyNewConnections) {
  start();
  Fd first = serve_on(kLoopback, SOCK_STREAM);
  Fd second = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(first));
  Fd old_client = connect_to(kLoopback, port);
  Fd old_inside = accept_one(first);
  on_loop([&] { proxy->set_target("p", target_of(second)); });
  Fd client = connect_to(kLoopback, port);
  say(client, "new");
  EXPECT_EQ(hear(accept_one(second), 3), "new");
  say(old_client, "old");
  EXPECT_EQ(hear(old_inside, 3), "old");
}

TEST_F(PortProxyTest, RemovalClosesPortAndConnections) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  Fd client = connect_to(kLoopback, port);
  Fd inside = accept_one(server);
  on_loop([&] { proxy->remove("p"); });
  EXPECT_EQ(hear(client, 1), "<reset>");
  EXPECT_EQ(hear(inside, 1), "<reset>");
  EXPECT_FALSE(connect_to(kLoopback, port));
  on_loop([] {});
  EXPECT_EQ(statistics().tcp_connections, 0U);
}

TEST_F(PortProxyTest, SocketKeptElsewhereCanBeServedAgain) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  Fd kept;
  uint16_t port = 0;
  on_loop([&] {
    auto bound = bind_host_port(kLoopback, {0, 0}, Protocol::Tcp);
    kept = std::move(*bound->socket.duplicate());
    port = bound->port;
    EXPECT_TRUE(proxy->add("p", std::move(*bound), target_of(server)));
    proxy->remove("p");
  });
  Fd client = connect_to(kLoopback, port);  // nobody accepts; it waits in the backlog
  say(client, "waiting");
  on_loop(
      [&] { EXPECT_TRUE(proxy->add("p", std::move(*adopt_host_port(std::move(kept))), target_of(server))); });
  EXPECT_EQ(hear(accept_one(server), 7), "waiting");
}

TEST_F(PortProxyTest, ConnectionLimitDelaysButServesAll) {
  start({.connection_limit = 2});
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  std::vector<Fd> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect_to(kLoopback, port));
  for (int i = 0; i < 6; ++i) {
    Fd inside = accept_one(server);
    ASSERT_TRUE(inside) << i;
    EXPECT_LE(statistics().tcp_connections, 2U);
    inside.reset();
    clients[static_cast<size_t>(i)].reset();
  }
}

TEST_F(PortProxyTest, HundredsOfConcurrentConnections) {
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server));
  std::vector<Fd> clients;
  std::vector<Fd> insides;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(connect_to(kLoopback, port));
    say(clients.back(), std::string(1, static_cast<char>(i)));
    insides.push_back(accept_one(server));
  }
  EXPECT_EQ(statistics().tcp_connections, 200U);
  for (const Fd& inside : insides) say(inside, hear(inside, 1));
  for (size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(hear(clients[i], 1), std::string(1, static_cast<char>(i)));
}

TEST_F(PortProxyTest, Ipv6ClientReachesIpv4Target) {
  if (!serve_on(ip("::1"), SOCK_STREAM)) GTEST_SKIP() << "no IPv6 loopback here";
  start();
  Fd server = serve_on(kLoopback, SOCK_STREAM);
  uint16_t port = publish(Protocol::Tcp, target_of(server), ip("::1"));
  Fd client = connect_to(ip("::1"), port);
  say(client, "six");
  EXPECT_EQ(hear(accept_one(server), 3), "six");
}

// --- UDP ---

struct Datagram {
  std::string bytes;
  SocketAddress from;
};

Datagram take(const Fd& fd) {
  Datagram out;
  std::string buffer(65536, '\0');
  ssize_t n = ::recvfrom(fd.get(), buffer.data(), buffer.size(), 0, out.from.raw(), &out.from.size);
  out.bytes = n < 0 ? "<timeout>" : buffer.substr(0, static_cast<size_t>(n));
  return out;
}

void give(const Fd& fd, const SocketAddress& to, std::string_view bytes) {
  (void)!::sendto(fd.get(), bytes.data(), bytes.size(), 0, to.raw(), to.size);
}

TEST_F(PortProxyTest, UdpClientsAreSeparate) {
  start();
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server));
  Fd one = connect_to(kLoopback, port, SOCK_DGRAM);
  Fd two = connect_to(kLoopback, port, SOCK_DGRAM);
  say(one, "one");
  Datagram from_one = take(server);
  say(two, "two");
  Datagram from_two = take(server);
  EXPECT_EQ(from_one.bytes + from_two.bytes, "onetwo");
  give(server, from_two.from, "to two");
  give(server, from_one.from, "to one");
  EXPECT_EQ(hear(one, 6), "to one");
  EXPECT_EQ(hear(two, 6), "to two");
  EXPECT_EQ(statistics().udp_clients, 2U);
}

TEST_F(PortProxyTest, UdpAnswersComeFromTheQueriedAddress) {
  start();
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server), ip("0.0.0.0"));
  Fd client = connect_to(ip("127.0.0.9"), port, SOCK_DGRAM);  // connected: ignores other sources
  say(client, "x");
  give(server, take(server).from, "y");
  EXPECT_EQ(hear(client, 1), "y");
}

TEST_F(PortProxyTest, UdpOverIpv6ReachesIpv4Target) {
  if (!serve_on(ip("::1"), SOCK_DGRAM)) GTEST_SKIP() << "no IPv6 loopback here";
  start();
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server), ip("::"));
  Fd client = connect_to(ip("::1"), port, SOCK_DGRAM);
  say(client, "x");
  give(server, take(server).from, "y");
  EXPECT_EQ(hear(client, 1), "y");
}

TEST_F(PortProxyTest, EmptyAndLargestDatagramsPass) {
  start();
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server));
  Fd client = connect_to(kLoopback, port, SOCK_DGRAM);
  (void)!::send(client.get(), "", 0, 0);
  EXPECT_EQ(take(server).bytes, "");
  std::string large(65507, 'z');
  say(client, large);
  EXPECT_EQ(take(server).bytes.size(), large.size());
}

TEST_F(PortProxyTest, IdleUdpClientsAreForgotten) {
  start({.udp_idle = std::chrono::seconds(0)});
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server));
  say(connect_to(kLoopback, port, SOCK_DGRAM), "x");
  EXPECT_EQ(take(server).bytes, "x");
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (statistics().udp_clients > 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(statistics().udp_clients, 0U);
}

TEST_F(PortProxyTest, UdpClientsAreLimited) {
  start({.udp_client_limit = 3});
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(server));
  for (int i = 0; i < 10; ++i) {
    say(connect_to(kLoopback, port, SOCK_DGRAM), "x");
    EXPECT_EQ(take(server).bytes, "x");
  }
  EXPECT_EQ(statistics().udp_clients, 3U);
}

TEST_F(PortProxyTest, UdpClientSwitchesToANewTarget) {
  start();
  Fd first = serve_on(kLoopback, SOCK_DGRAM);
  Fd second = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t port = publish(Protocol::Udp, target_of(first));
  Fd client = connect_to(kLoopback, port, SOCK_DGRAM);
  say(client, "1");
  EXPECT_EQ(take(first).bytes, "1");
  on_loop([&] { proxy->set_target("p", target_of(second)); });
  say(client, "2");
  EXPECT_EQ(take(second).bytes, "2");
}

TEST_F(PortProxyTest, ReturningUdpTargetIsReachedAgain) {
  start();
  Fd server = serve_on(kLoopback, SOCK_DGRAM);
  uint16_t number = port_of(server);
  uint16_t port = publish(Protocol::Udp, target_of(server));
  Fd client = connect_to(kLoopback, port, SOCK_DGRAM);
  say(client, "1");
  EXPECT_EQ(take(server).bytes, "1");
  server.reset();
  say(client, "lost");
  on_loop([] {});
  server = serve_on(kLoopback, SOCK_DGRAM, number);
  std::string heard;
  for (int i = 0; i < 3 && heard != "again"; ++i) {
    say(client, "again");
    heard = take(server).bytes;
  }
  EXPECT_EQ(heard, "again");
}

}  // namespace
}  // namespace stack::proxy
