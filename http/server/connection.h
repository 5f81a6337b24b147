// One client connection: reads requests, runs the handler, writes responses. Private to this library.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/server/request.h"
#include "http/wire/request_parser.h"
#include "http/server/response.h"
#include "http/server/server.h"

namespace stack::http {

using Socket = asio::local::stream_protocol::socket;
using Acceptor = asio::local::stream_protocol::acceptor;

struct ServerState : std::enable_shared_from_this<ServerState> {
  ServerState(asio::io_context& io, Handler h, ServerOptions o);
  // Runs until the acceptor is closed.
  asio::awaitable<void> accept_loop(std::shared_ptr<Acceptor> acceptor);
  // Reports failures of accept(2), rate-limited.
  void accept_failed(const asio::error_code& problem);
  void start(Socket socket);
  // Makes room for another client: closes the connection that has been idle longest.
  void evict_idle();

  asio::io_context& context;
  Handler handler;
  ServerOptions options;
  std::list<std::weak_ptr<Acceptor>> acceptors;
  std::set<Connection*> connections;
  size_t requests = 0;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
  asio::steady_timer connection_closed;  // canceled when a connection ends
  std::optional<std::chrono::steady_clock::time_point> accept_failure_told;
  bool draining = false;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::shared_ptr<ServerState> server);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves requests until the connection ends.
  asio::awaitable<void> run();
  // From outside run(). `forcibly` also ends a running request.
  void shut_down(bool forcibly);
  // When it began to wait for a request or the rest of a header; nullopt if it is busy.
  std::optional<std::chrono::steady_clock::time_point> waiting_since() const { return waiting_since_; }
  // Closes an idle connection.
  void evict();

  // For Body, Request and Response.
  asio::awaitable<Result<std::string>> read_body();
  asio::awaitable<Result<>> start_streaming(Response& response);
  asio::awaitable<Result<>> write_chunk(std::string_view bytes);
  asio::awaitable<Result<RawStream>> hijack(Response& response, std::string framing);
  void watch_client(std::function<void()> callback);
  bool wants_upgrade() const { return wants_upgrade_; }

 private:
  enum class Heading { Ready, Closed, Refused };

  asio::awaitable<Heading> read_header();
  asio::awaitable<bool> fill_input(size_t limit);
  void feed_parser();
  Result<> describe(Request& request) const;
  asio::awaitable<void> handle(Request& request, Response& response);
  asio::awaitable<void> finish(Response& response);
  asio::awaitable<void> refuse(int status, std::string text);
  asio::awaitable<bool> drain_body();
  asio::awaitable<void> linger();
  asio::awaitable<Result<>> send(std::string bytes);
  std::string head_of(const Response& response, std::string_view framing) const;
  void arm_timer(std::chrono::milliseconds timeout);
  void disarm_timer();
  void stop_watching();
  void client_gone();

  Socket socket_;
  std::shared_ptr<ServerState> server_;
  PeerCredentials peer_;
  asio::steady_timer timer_;
  std::unique_ptr<RequestParser> parser_;
  std::string input_;    // received, not yet parsed
  std::string scratch_;  // read buffer
  bool ended_ = false;   // end of file from the client
  bool keep_alive_ = true;
  bool head_ = false;  // responding to HEAD
  bool wants_upgrade_ = false;
  bool chunked_ = false;
  bool continue_due_ = false;
  bool handling_ = false;
  std::optional<std::chrono::steady_clock::time_point> waiting_since_;
  bool watching_ = false;
  unsigned watch_ = 0;   // distinguishes the current watch from canceled ones
  unsigned arming_ = 0;  // the same for the timer, which may already have expired when it is canceled
  std::function<void()> gone_;
};

}  // namespace stack::http
