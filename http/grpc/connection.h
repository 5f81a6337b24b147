// gRPC over HTTP/2 on a hijacked connection, as BuildKit's clients speak it with the engine (/grpc, /session): messages as bytes,
// without TLS or compression (https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "http/server/stream.h"

namespace stack::grpc {

enum class Code {
  Ok = 0,
  Canceled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  NotFound = 5,
  Unimplemented = 12,
  Internal = 13
};

struct Status {
  Code code = Code::Ok;
  std::string message;
};
Status status_of(const Error& error);

using Metadata = std::vector<std::pair<std::string, std::string>>;

class Connection;

// One call. On the engine's thread.
class Call {
 public:
  Call(asio::io_context& io, std::weak_ptr<Connection> connection, int32_t id)
      : changed_(io), connection_(std::move(connection)), id_(id) {}

  const std::string& path() const { return path_; }  // "/package.Service/Method"
  // The first value of a header field; "" where it is absent.
  std::string header(std::string_view name) const;

  // The peer's next message; nullopt at their end. An error where the call or the connection broke, or the peer's status is
  // not Ok: NotFound and Unsupported for the codes NotFound and Unimplemented.
  Task<Result<std::optional<std::string>>> receive();
  // The same for a message that is here already, without waiting.
  std::optional<std::string> take_ready();
  // Returns when the message may leave: a peer that does not read holds up the caller.
  Task<Result<>> send(std::string_view message);
  // No more messages of ours (of a client).
  void close_sending();
  // Ends the call at once.
  void cancel();
  // Runs once when the call is over: canceled by the peer, or the connection is gone.
  void on_end(std::function<void()> callback);
  bool over() const { return over_; }

 private:
  friend class Connection;
  void take_bytes(std::string_view bytes);
  void end(Status status);
  void answer(const Status& status);

  Signal changed_;
  std::weak_ptr<Connection> connection_;
  int32_t id_;
  std::string path_;
  Metadata headers_;
  Metadata trailers_;
  std::string input_;  // of a message that is not complete
  std::deque<std::string> messages_;
  size_t unread_ = 0;   // bytes received and not yet taken, to be acknowledged
  std::string output_;  // framed, not yet sent
  bool peer_done_ = false;
  bool sending_done_ = false;
  bool over_ = false;
  std::optional<Status> answer_;  // of a server
  Status status_;                 // of a client
  std::vector<std::function<void()>> on_end_;
};
using CallPtr = std::shared_ptr<Call>;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Answers one call; the status ends it.
  using Handler = std::function<Task<Status>(CallPtr call)>;

  // `handler` absent: we are the client.
  static std::shared_ptr<Connection> create(asio::io_context& io, http::RawStream stream, Handler handler);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Until the connection ends.
  Task<> run();
  void close();
  bool open() const { return !closed_; }
  // Starts a call as the client.
  Result<CallPtr> call(const std::string& path, const Metadata& metadata);
  // One request and its one answer.
  Task<Result<std::string>> ask(std::string path, std::string message, Metadata metadata = {});

 private:
  friend class Call;
  struct Callbacks;
  struct Session;
  Connection(asio::io_context& io, http::RawStream stream, Handler handler);
  Result<> prepare();
  void wake_writer();
  Task<> write_loop();
  void begin_call(int32_t id);
  Task<> serve(CallPtr call);
  void end_call(int32_t id, Status status);
  void resume(const Call& call);
  void acknowledge(const Call& call, size_t bytes);
  void reset(const Call& call);

  asio::io_context& io_;
  http::RawStream stream_;
  Handler handler_;
  std::unique_ptr<Session> session_;
  std::map<int32_t, CallPtr> calls_;
  Signal writable_;
  bool closed_ = false;
};

}  // namespace stack::grpc
