// HTTP/1.1 over unix stream sockets, on the caller's io_context (one thread).
//
//   Router router;
//   router.get("/_ping", [](Request&, Response& response) -> asio::awaitable<void> { response.text(200,
//   "OK"); co_return; }); Server server(context, [&](Request& q, Response& r) { return router(q, r); },
//   options); server.listen(std::move(listening_fd));
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
  // Fields of every answer, in this order: {"Api-Version","1.50"}, {"Ostype","linux"},
  // {"Server","stack/0.1"}.
  std::vector<std::pair<std::string, std::string>> headers = {};
  size_t header_limit = 64 * 1024;  // request line and header fields; more gets 431
  // At so many, the one idle for longest is closed for a further client; where all are busy, clients wait in
  // the listen backlog.
  size_t connection_limit = 1024;
  // A connection that has waited for less, perhaps because its request is still on its way, is not closed for that.
  std::chrono::milliseconds idle_grace{1'000};
  std::chrono::milliseconds header_timeout{30'000};  // from a request's first byte to the end of its header
  std::chrono::milliseconds idle_timeout{300'000};   // between requests
  // A handler let an exception escape (a bug); the client got 500 where nothing was sent yet.
  std::function<void(const std::string& what)> on_bug = {};
  // accept(2) failed (EMFILE, ENFILE, ENOMEM); it is tried again. Called once in 30 seconds at most.
  std::function<void(const std::string& reason)> on_accept_failure = {};
};

// A snapshot of load, for the decision to exit when idle.
struct ServerActivity {
  size_t connections = 0;                      // open, idle ones included, hijacked ones not
  size_t requests = 0;                         // handlers running
  std::chrono::steady_clock::time_point last;  // when a request last began or ended
};

struct ServerState;

class Server {
 public:
  Server(asio::io_context& context, Handler handler, ServerOptions options = {});
  // Stops.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Accepts from this listening unix stream socket (engine/http/wire/unix_socket.h), one of several.
  Result<> listen(Fd listening);
  // Takes one connected stream socket.
  Result<> serve(Fd connected);
  // Closes the listeners, tells running handlers that their clients are gone, and closes connections that
  // wait for a request. Idempotent. Handlers still running complete in the io_context; the handler object is
  // kept alive until then.
  void stop();
  // Closes the listeners only: running requests complete undisturbed, their connections close afterwards.
  void stop_accepting();

  ServerActivity activity() const;

 private:
  std::shared_ptr<ServerState> state_;
};

}  // namespace stack::http
