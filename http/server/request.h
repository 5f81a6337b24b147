// A client's request, as seen by handlers.
#pragma once

#include <sys/types.h>

#include <asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "http/wire/headers.h"
#include "http/wire/query.h"

namespace stack::http {

class Connection;

// SO_PEERCRED of the connection; -1 if unknown.
struct PeerCredentials {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

// The request's body, read from the socket only on demand, so that its size is not limited by memory.
class Body {
 public:
  explicit Body(Connection& connection) : connection_(connection) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // The next piece (at most 64 KiB, chunked coding already removed); empty at the end. First sends "100 Continue"
  // if the client waits for it. Fails if the client disconnects or violates the protocol.
  asio::awaitable<Result<std::string>> read();
  // The rest of the body; more than `limit` bytes is an error of kind Invalid.
  asio::awaitable<Result<std::string>> read_all(size_t limit = size_t{16} << 20);
  // The rest of the body as a JSON object; an empty body and null give {}. Other types are errors of kind Invalid.
  asio::awaitable<Result<Json>> read_object(size_t limit = size_t{16} << 20);
  // The rest of the body as JSON; an empty body gives null.
  asio::awaitable<Result<Json>> read_json(size_t limit = size_t{16} << 20);

 private:
  Connection& connection_;
};

struct Request {
  explicit Request(Connection& connection) : body(connection), connection_(connection) {}
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string method;  // upper case
  std::string path;    // decoded, without the version prefix and the query: "/containers/web/json"
  int version = 0;     // NN of /v1.NN, the server's newest if the path has no version
  bool versioned = false;
  std::map<std::string, std::string, std::less<>> params;  // by name in the route's pattern
  Query query;
  Headers headers;
  Body body;
  PeerCredentials peer;

  // The value of a parameter in the matched route's pattern, which the router guarantees.
  const std::string& param(std::string_view name) const;
  // Whether the client requests a protocol switch ("Connection: Upgrade", "Upgrade: ...").
  bool wants_upgrade() const;

  // `callback` runs once, on the server's thread, when the client has closed its connection or the server stops,
  // but only while the handler runs and has not hijacked. A client that closed only its sending half still counts
  // as connected. There is one callback: a second call replaces the first. A handler that waits for anything but
  // the client (an exit, an event) must use it to stop waiting.
  void on_client_gone(std::function<void()> callback);

 private:
  Connection& connection_;
};

}  // namespace stack::http
