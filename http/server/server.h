// HTTP/1.1 over unix stream sockets, on the caller's io_context (one thread).
//
//   Router router;
//   router.get("/_ping", [](Request&, Response& response) -> asio::awaitable<void> {
//     response.text(200, "OK");
//     co_return;
//   });
//   Server server(context, [&](Request& q, Response& r) { return router(q, r); }, options);
//   server.listen(std::move(listening_fd));
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "http/server/router.h"

namespace stack::http {

struct ServerOptions {
  // Header fields of every response, in this order: {"Api-Version","1.50"}, {"Ostype","linux"}, {"Server","stack/0.1"}.
  std::vector<std::pair<std::string, std::string>> headers = {};
  size_t header_limit = 64 * 1024;  // request line and header fields; more gets 431
  // At this limit, a new client replaces the connection that has been idle longest; if all are busy, clients wait in the
  // listen backlog.
  size_t connection_limit = 1024;
  // Connections idle for less than this are not closed, because their request may be in transit.
  std::chrono::milliseconds idle_grace{1'000};
  std::chrono::milliseconds header_timeout{30'000};  // from a request's first byte to the end of its header
  std::chrono::milliseconds idle_timeout{300'000};   // between requests
  // A handler threw an exception (a bug); the client got 500 if nothing had been sent.
  std::function<void(const std::string& what)> on_bug = {};
  // accept(2) failed (EMFILE, ENFILE, ENOMEM) and will be retried. Called at most once per 30 seconds.
  std::function<void(const std::string& reason)> on_accept_failure = {};
};

// A snapshot of load, for the decision to exit when idle.
struct ServerActivity {
  size_t connections = 0;                      // open connections, including idle ones, without hijacked ones
  size_t requests = 0;                         // handlers running
  std::chrono::steady_clock::time_point last;  // when a request last started or ended
};

struct ServerState;

class Server {
 public:
  Server(asio::io_context& context, Handler handler, ServerOptions options = {});
  // Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts connections from this listening Unix stream socket (http/wire/unix_socket.h). May be called several times.
  Result<> listen(Fd listening);
  // Serves one connected stream socket.
  Result<> serve(Fd connected);
  // Closes the listeners, notifies running handlers as if their clients had disconnected, and closes idle connections.
  // Idempotent. Running handlers complete in the io_context; the handler object stays alive until then.
  void stop();
  // Closes only the listeners; running requests complete, then their connections close.
  void stop_accepting();

  ServerActivity activity() const;

 private:
  std::shared_ptr<ServerState> state_;
};

}  // namespace stack::http
