// A blocking HTTP/1.1 client over a Unix socket, for the command line: no event loop, no threads, fast start.
//
//   TRY_ASSIGN(auto client, http::Client::connect("/run/stack/stack.sock"));
//   TRY_ASSIGN(auto answer, client.call({.method = "GET", .target = "/containers/json?all=1"}));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "http/wire/headers.h"

namespace stack::http {

struct ClientRequest {
  std::string method = "GET";
  std::string target = {};  // path and query, already percent-encoded
  std::string body = {};
  std::string content_type = "application/json";  // sent with a body only
  std::vector<std::pair<std::string, std::string>> headers = {};
  // If set, returns the pieces of a chunked body; an empty piece ends it.
  std::function<Result<std::string>()> body_source = {};
};

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
  // The body as JSON; null for an empty one.
  Result<Json> json() const;
};

// A connection after its protocol switch. Blocking.
struct HijackedConnection {
  Fd socket;
  std::string buffered;  // bytes already received, which precede those from `socket`
  int status = 0;        // 101 or 200
  Headers headers;
};

// Not thread-safe. One request at a time. The connection is persistent and reopened if the server closed it while idle. A
// status of 400 or above is an Error of the corresponding kind with the server's message. A broken connection is an Error
// with code() ECONNRESET or EPIPE.
class Client {
 public:
  // Errors like connect_unix: NotFound or ECONNREFUSED if no engine is running.
  static Result<Client> connect(const std::string& socket_path);
  // Uses a connected socket of the caller.
  explicit Client(Fd connected);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Sends the request and reads the complete response.
  Result<Answer> call(ClientRequest request);
  // call() with a JSON body (null: none); returns the response's JSON.
  Result<Json> call_json(std::string method, std::string target, const Json& body = nullptr);

  // Calls `on_bytes` with the response body as it arrives. If `on_bytes` returns false, closes the connection and returns
  // success.
  Result<> stream(ClientRequest request, const std::function<bool(std::string_view bytes)>& on_bytes);
  // The same for bodies with one JSON object per line. A line that is not JSON is an error.
  Result<> lines(ClientRequest request, const std::function<bool(const Json& line)>& on_line);

  // Sends the request and returns as soon as the response header arrives; finish() reads the body. For `/wait`, which sends
  // its header immediately: begin(), start the container, then finish().
  Result<Answer> begin(ClientRequest request);
  // Reads the body of begin()'s response.
  Result<std::string> finish();

  // Sends the request with "Connection: Upgrade, Upgrade: tcp" and takes over the connection; the client cannot be used
  // afterward.
  Result<HijackedConnection> hijack(ClientRequest request);

  // The descriptor, for use with poll(2).
  int fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::http
