// What a client asked, as handlers see it.
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

// SO_PEERCRED of the connection; -1 where the kernel does not tell.
struct PeerCredentials {
  pid_t pid = -1;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};

// The request's body, read from the socket only as the handler asks for it, so that its size is not bounded
// by memory.
class Body {
 public:
  explicit Body(Connection& connection) : connection_(connection) {}
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  // The next piece (at most 64 KiB, chunked coding already removed); empty at the end. Sends "100 Continue"
  // first where the client waits for it. An error where the client vanishes or breaks the protocol.
  asio::awaitable<Result<std::string>> read();
  // All that is left; more than `limit` bytes is an error of kind Invalid.
  asio::awaitable<Result<std::string>> read_all(size_t limit = size_t{16} << 20);
  // All that is left as a JSON object; an empty body and null give {}. Another type is an error of kind Invalid.
  asio::awaitable<Result<Json>> read_object(size_t limit = size_t{16} << 20);
  // All that is left as JSON; an empty body gives null.
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
  int version = 0;     // NN of /v1.NN, the newest the server speaks where the path is unversioned
  bool versioned = false;
  std::map<std::string, std::string, std::less<>> params;  // by the names in the route's pattern
  Query query;
  Headers headers;
  Body body;
  PeerCredentials peer;

  // The value of a pattern's parameter; the router guarantees those of the matched route.
  const std::string& param(std::string_view name) const;
  // Did the client ask for a protocol switch ("Connection: Upgrade", "Upgrade: ...")?
  bool wants_upgrade() const;

  // `callback` runs once, on the server's thread, when the client has closed its connection or the server
  // stops, but only while the handler runs and has not hijacked. A client that only closed its sending half
  // is still there. One callback at a time: a second call replaces the first. A handler that waits for
  // something else than the client (an exit, an event) must use it to stop waiting.
  void on_client_gone(std::function<void()> callback);

 private:
  Connection& connection_;
};

}  // namespace stack::http
