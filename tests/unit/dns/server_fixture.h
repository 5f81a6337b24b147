// A server, upstreams, and clients on loopback, all on one io_context in one thread.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <asio.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/dns/server.h"
#include "wire.h"

namespace stack::dns {

inline Fd loopback_socket(int type) {
  Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 16), 0);
  }
  return fd;
}

inline DnsSockets loopback_sockets() {
  auto sockets = adopt_dns_sockets(loopback_socket(SOCK_DGRAM), loopback_socket(SOCK_STREAM));
  EXPECT_TRUE(sockets);
  return std::move(*sockets);
}

// Converts a query to an answer with these A records.
inline std::string answer_with(const std::string& asked, const std::vector<std::string>& ips,
                               uint32_t ttl = 60, uint16_t flags = 0) {
  ParsedQuery parsed = parse_query(asked);
  Query plain = parsed.query;
  plain.edns.reset();
  ReplyBuilder reply(plain, kMaxMessage);
  for (const std::string& ip : ips) reply.add_address(*parse_ip(ip), ttl);
  std::string bytes = reply.finish(Rcode::NoError);
  set_u16(bytes, 2, static_cast<uint16_t>(read_u16(bytes, 2) | flags));
  return bytes;
}

inline std::string refuse_with(const std::string& asked, Rcode rcode) {
  Query plain = parse_query(asked).query;
  plain.edns.reset();
  return empty_reply(plain, rcode);
}

class FakeUpstream {
 public:
  using Respond = std::function<std::optional<std::string>(const std::string& asked, Transport transport)>;

  FakeUpstream(asio::io_context& context, Respond r)
      : respond(std::move(r)),
        udp_(context, {asio::ip::address_v4::loopback(), 0}),
        tcp_(context),
        peer_(context) {
    tcp_.open(asio::ip::tcp::v4());
    tcp_.bind({asio::ip::address_v4::loopback(), udp_.local_endpoint().port()});
    tcp_.listen();
    receive();
    accept();
  }
  UpstreamAddress address() const { return {IpAddress::v4(0x7F000001), udp_.local_endpoint().port()}; }
  void close() {
    udp_.close();
    tcp_.close();
  }

  Respond respond;
  std::vector<std::string> asked;
  std::vector<uint16_t> ports;  // source ports of the queries

 private:
  void receive() {
    udp_.async_receive_from(asio::buffer(buffer_), from_, [this](asio::error_code problem, size_t n) {
      if (problem) return;
      asked.emplace_back(buffer_.data(), n);
      ports.push_back(from_.port());
      if (auto reply = respond(asked.back(), Transport::Udp)) udp_.send_to(asio::buffer(*reply), from_);
      receive();
    });
  }
  void accept() {
    tcp_.async_accept(peer_, [this](asio::error_code problem) {
      if (problem) return;
      peer_.async_receive(asio::buffer(buffer_), [this](asio::error_code failed, size_t n) {
        if (failed || n < 14) return;
        asked.emplace_back(buffer_.data() + 2, n - 2);
        if (auto reply = respond(asked.back(), Transport::Tcp)) {
          std::string framed;
          put_u16(framed, static_cast<uint16_t>(reply->size()));
          asio::write(peer_, asio::buffer(framed + *reply));
        }
        peer_.close();
        accept();
      });
    });
  }

  asio::ip::udp::socket udp_;
  asio::ip::tcp::acceptor tcp_;
  asio::ip::tcp::socket peer_;
  asio::ip::udp::endpoint from_;
  std::array<char, 65536> buffer_{};
};

class ServerTest : public ::testing::Test {
 protected:
  using Respond = FakeUpstream::Respond;

  FakeUpstream& upstream(Respond respond) {
    upstreams.push_back(std::make_unique<FakeUpstream>(context, std::move(respond)));
    return *upstreams.back();
  }

  // Starts the server with the upstreams created so far and one client "c".
  void start(DnsServerOptions options = {}) {
    options.resolv_conf = "/nonexistent/resolv.conf";
    for (const auto& u : upstreams) options.upstreams.push_back(u->address());
    server.emplace(context, options);
    server->zone().set_network("n", {.name = "net"});
    server->zone().set_endpoint("n", "e", {{"web"}, {*parse_ip("10.0.0.2")}});
    add_client("c");
  }
  void add_client(const std::string& id, std::vector<UpstreamAddress> servers = {}) {
    DnsSockets sockets = loopback_sockets();
    port = sockets.udp_port;
    tcp_port = sockets.tcp_port;
    ASSERT_TRUE(server->add_client(ContainerId(id), std::move(sockets), {{{"n"}, {}}, std::move(servers)}));
  }

  void run_until(const std::function<bool()>& done) {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < end) {
      context.restart();
      context.run_one_for(std::chrono::milliseconds(100));
    }
  }

  // Sends one query from its own socket.
  struct Pending {
    explicit Pending(asio::io_context& io) : socket(io, {asio::ip::address_v4::loopback(), 0}) {}
    asio::ip::udp::socket socket;
    std::array<char, 65536> buffer;
    std::optional<std::string> reply;
  };
  std::unique_ptr<Pending> send(const Asked& asked) {
    auto pending = std::make_unique<Pending>(context);
    pending->socket.send_to(asio::buffer(query(asked)), {asio::ip::address_v4::loopback(), port});
    pending->socket.async_receive(asio::buffer(pending->buffer),
                                  [p = pending.get()](asio::error_code problem, size_t n) {
                                    if (!problem) p->reply = std::string(p->buffer.data(), n);
                                  });
    return pending;
  }
  std::string ask_raw(const Asked& asked) {
    auto pending = send(asked);
    run_until([&] { return pending->reply.has_value(); });
    return pending->reply.value_or("");
  }
  std::string ask(const Asked& asked) {
    std::string reply = ask_raw(asked);
    return reply.empty() ? "no answer" : text_of(reply);
  }

  asio::io_context context{1};
  std::vector<std::unique_ptr<FakeUpstream>> upstreams;
  std::optional<DnsServer> server;
  uint16_t port = 0;
  uint16_t tcp_port = 0;
};

}  // namespace stack::dns
