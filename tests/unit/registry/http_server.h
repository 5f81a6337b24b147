// A small HTTP server on loopback with scripted responses, for registries and token services that misbehave like
// real ones.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace stack::test {

struct ServedRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string header(const std::string& name) const;
};

struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  // Closes the connection after this many bytes of the body, although Content-Length has the full length.
  std::optional<size_t> cut_after = {};
};

using Handler = std::function<Reply(const ServedRequest& request)>;

// Serves until destruction; one thread per connection, one request per connection.
class HttpServer {
 public:
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string origin() const { return "http://" + host(); }
  // All requests so far, in order.
  std::vector<ServedRequest> requests() const;
  // The number of requests for "GET /v2/app/blobs/sha256:...".
  size_t count(const std::string& method_and_target) const;

 private:
  void accept_all();
  void serve(int connection);

  Handler handler_;
  Fd listener_;
  int port_ = 0;
  std::atomic<bool> ending_ = false;
  mutable std::mutex mutex_;
  std::vector<ServedRequest> requests_;
  std::vector<std::thread> connections_;
  std::thread acceptor_;
};

// A 401 with this challenge.
Reply challenge(const std::string& value);
// Responds with `bytes` and supports Range.
Reply ranged(const ServedRequest& request, const std::string& bytes);

}  // namespace stack::test
