// A blocking HTTP/1.1 client over a unix socket, for the command line: no event loop, no threads, starts in
// no time.
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
  // If set, the body is what this returns, piece by piece until empty, sent chunked as it comes.
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
  std::string buffered;  // already received: comes before what `socket` gives
  int status = 0;        // 101 or 200
  Headers headers;
};

// Not thread-safe. One request at a time; the connection is kept between them, and made again where the
// server closed it while idle. A status of 400 and above is an Error of the kind that stands for it, with the
// server's message as its text. A connection that breaks is an Error with code() ECONNRESET or EPIPE.
class Client {
 public:
  // Errors as of connect_unix: NotFound or ECONNREFUSED where no engine serves.
  static Result<Client> connect(const std::string& socket_path);
  // A connected socket of the caller's.
  explicit Client(Fd connected);
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // Sends and reads the whole answer.
  Result<Answer> call(ClientRequest request);
  // call() with a JSON body (null: none), giving the answer's JSON.
  Result<Json> call_json(std::string method, std::string target, const Json& body = nullptr);

  // Calls `on_bytes` with the answer's body as it arrives; false from it ends the call with success, and the
  // connection with it.
  Result<> stream(ClientRequest request, const std::function<bool(std::string_view bytes)>& on_bytes);
  // The same for bodies of JSON objects, one a line. A line that is not JSON is an error.
  Result<> lines(ClientRequest request, const std::function<bool(const Json& line)>& on_line);

  // Sends, and returns the answer without its body as soon as the header has come; the body follows by
  // finish(). For `/wait`, which answers its header at once: start it, start the container, then finish().
  Result<Answer> begin(ClientRequest request);
  // The rest of the body of begin()'s answer.
  Result<std::string> finish();

  // Sends with "Connection: Upgrade, Upgrade: tcp" and takes the connection over; the client cannot be used
  // afterwards.
  Result<HijackedConnection> hijack(ClientRequest request);

  // The descriptor, for poll(2) beside others.
  int fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack::http
