// A small HTTP server on loopback whose every answer is scripted: registries and token services that behave as real ones do
// on their bad days.
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
  // Closes the connection after so many bytes of the body, although Content-Length promised all of it.
  std::optional<size_t> cut_after = {};
};

using Handler = std::function<Reply(const ServedRequest& request)>;

// Serves until it is destroyed; a thread for each connection, one request for each.
class HttpServer {
 public:
  explicit HttpServer(Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string origin() const { return "http://" + host(); }
  // All that was asked so far, in order.
  std::vector<ServedRequest> requests() const;
  // How often this was asked: "GET /v2/app/blobs/sha256:...".
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
// Answers from `bytes` as a server that knows Range does.
Reply ranged(const ServedRequest& request, const std::string& bytes);

}  // namespace stack::test
