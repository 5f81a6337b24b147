// A container's TCP connection: many queries, answered in any order (RFC 7766). Private to this library.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "net/dns/client.h"

namespace stack::dns {

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  static void start(asio::ip::tcp::socket socket, std::shared_ptr<Client> client);
  TcpConnection(asio::ip::tcp::socket socket, std::shared_ptr<Client> client);
  ~TcpConnection();
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  void close();

 private:
  asio::awaitable<void> read_loop();
  asio::awaitable<bool> read_exactly(char* to, size_t n);
  void reply(std::string bytes);
  void write_pending();
  void arm_idle();

  asio::ip::tcp::socket socket_;
  std::shared_ptr<Client> client_;
  asio::steady_timer idle_;
  asio::steady_timer answered_;  // never expires; canceled by each answer
  std::string pending_;          // framed answers waiting to be written
  std::string writing_;
  size_t open_questions_ = 0;
};

}  // namespace stack::dns
