// The server's sockets and state for one container. Private to this library.
#pragma once

#include <array>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "net/dns/answer.h"
#include "net/dns/forward.h"
#include "net/dns/resolv_conf.h"
#include "net/dns/server.h"

namespace stack::dns {

// State shared by all clients.
struct ServerCore {
  ServerCore(asio::io_context& io, const DnsServerOptions& o);

  asio::io_context& context;
  DnsServerOptions options;
  Zone zone;
  Forwarder forwarder;
  std::shared_ptr<ServerSet> host_servers;
  DnsStatistics statistics;
  uint64_t random;
};

class TcpConnection;

class Client : public std::enable_shared_from_this<Client> {
 public:
  explicit Client(ServerCore& core);
  Result<> open(DnsSockets sockets);
  void set(ClientSpec spec);
  void start();
  // Closes everything; the object is destroyed after its last operation completes.
  void close();

  // Called with the answer, now or later; not called if the query has no answer or the client was closed.
  using Deliver = std::function<void(std::string)>;
  // Returns false if the bytes get no answer.
  bool resolve(std::string_view bytes, Transport transport, const Deliver& deliver);

 private:
  friend class TcpConnection;
  template <typename D>
  bool resolve_with(std::string_view bytes, Transport transport, const D& deliver);
  void receive();
  void receive_later();
  void on_datagram(std::string_view bytes);
  void send(const asio::ip::udp::endpoint& to, std::string_view bytes);
  asio::awaitable<void> accept_loop();
  void forward(Query query, Transport transport, Deliver deliver);

  ServerCore* core_;  // null when closed
  asio::ip::udp::socket udp_;
  asio::ip::tcp::acceptor tcp_;
  asio::steady_timer pause_;
  asio::steady_timer slot_free_;  // never expires; canceled when a TCP connection ends
  asio::ip::udp::endpoint sender_;
  std::array<char, 1232> buffer_;
  View view_;
  std::shared_ptr<ServerSet> own_servers_;
  size_t in_flight_ = 0;
  std::set<TcpConnection*> connections_;
};

}  // namespace stack::dns
