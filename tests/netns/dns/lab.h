// A server in its own thread, containers as bare network namespaces, and blocking queries from inside them.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include "net/dns/message.h"
#include "net/dns/server.h"
#include "net/firewall/dns_redirect.h"
#include "net/link/namespace.h"

namespace stack::dns {

struct Sandbox {
  Fd netns;
  uint16_t udp_port = 0;
  uint16_t tcp_port = 0;
  // Copies, like those of a process that outlives the server.
  Fd kept_udp;
  Fd kept_tcp;
};

inline IpAddress ip(const char* text) { return *parse_ip(text); }

// A socket of the sandbox, connected to 127.0.0.11; every wait ends after five seconds.
inline Fd ask_socket(const Sandbox& sandbox, int type, uint16_t port = 53) {
  auto opened = net::with_namespace(sandbox.netns.get(), [&]() -> Result<Fd> {
    Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    timeval limit{5, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(0x7F00000B);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      return Error::last_errno("connect");
    return fd;
  });
  return opened ? std::move(*opened) : Fd();
}

inline std::string question(const std::string& name, uint16_t type = kTypeA, uint16_t id = 0x4242) {
  std::string out;
  for (uint16_t word : std::initializer_list<uint16_t>{id, kFlagRd, 1, 0, 0, 0}) put_u16(out, word);
  out += *wire_name_of(name);
  put_u16(out, type);
  put_u16(out, kClassIn);
  return out;
}

// The last four bytes of a one-record A answer as an address, or the error.
inline std::string address_in(const std::string& reply) {
  if (reply.size() < kHeaderSize + 4) return "no answer";
  if (read_u16(reply, 6) != 1) return "rcode " + std::to_string(read_u16(reply, 2) & 0xF);
  return IpAddress::v4(read_u32(reply, reply.size() - 4)).text();
}

inline std::string receive(const Fd& fd) {
  std::string reply(4096, '\0');
  ssize_t n = ::recv(fd.get(), reply.data(), reply.size(), 0);
  reply.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return reply;
}

inline std::string resolve(const Sandbox& sandbox, const std::string& name) {
  Fd fd = ask_socket(sandbox, SOCK_DGRAM);
  std::string bytes = question(name);
  (void)!::send(fd.get(), bytes.data(), bytes.size(), 0);
  return address_in(receive(fd));
}

class DnsLab : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    start_server();
  }
  void TearDown() override { stop_server(); }

  void start_server() {
    guard.emplace(context.get_executor());
    context.restart();
    thread = std::thread([this] {
      ::pthread_getcpuclockid(::pthread_self(), &cpu_clock);
      context.run();
    });
    on_loop([this] {
      server.emplace(context,
                     DnsServerOptions{.resolv_conf = "/nonexistent", .systemd_resolv_conf = "/nonexistent"});
      server->zone().set_network("n", {.name = "net"});
      server->zone().set_endpoint("n", "web",
                                  {.names = {"demo-web-1", "web"}, .addresses = {ip("10.1.0.2")}});
    });
  }
  void stop_server() {
    if (!thread.joinable()) return;
    on_loop([this] { server.reset(); });
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

  // `lo` is initially down, like in a namespace that gets its first endpoint later.
  Sandbox make_sandbox(const std::string& id) {
    Sandbox out;
    out.netns = std::move(*net::make_network_namespace());
    auto sockets = make_dns_sockets(out.netns.get());
    EXPECT_TRUE(sockets) << sockets.error().text();
    out.udp_port = sockets->udp_port;
    out.tcp_port = sockets->tcp_port;
    EXPECT_TRUE(net::install_dns_redirect(out.netns.get(), out.udp_port, out.tcp_port));
    out.kept_udp = std::move(*sockets->udp.duplicate());
    out.kept_tcp = std::move(*sockets->tcp.duplicate());
    add(id, std::move(*sockets));
    return out;
  }
  void add(const std::string& id, DnsSockets sockets) {
    on_loop([&] {
      EXPECT_TRUE(server->add_client(ContainerId(id), std::move(sockets), {.view = {.networks = {"n"}}}));
    });
  }

  asio::io_context context{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> guard;
  std::optional<DnsServer> server;
  std::thread thread;
  clockid_t cpu_clock = 0;
};

}  // namespace stack::dns
