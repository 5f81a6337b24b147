#include "engine/buildkit/agent_forward.h"

#include <unistd.h>

#include "engine/buildkit/buildkit.pb.h"
#include "http/wire/unix_socket.h"

namespace stack::engine {

namespace {

using AgentSocket = asio::local::stream_protocol::socket;

Task<> pass_requests(std::shared_ptr<AgentSocket> socket, grpc::CallPtr call) {
  std::array<char, 16384> buffer{};
  for (;;) {
    asio::error_code code;
    size_t n = co_await socket->async_read_some(asio::buffer(buffer),
                                                asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
    buildkit::Bytes bytes;
    bytes.set_data(buffer.data(), n);
    Result<> sent = co_await call->send(bytes.SerializeAsString());
    if (!sent) break;
  }
  call->close_sending();
}

Task<> pass_answers(std::shared_ptr<AgentSocket> socket, grpc::CallPtr call) {
  for (;;) {
    Result<std::optional<std::string>> text = co_await call->receive();
    buildkit::Bytes bytes;
    if (!text || !*text || !bytes.ParseFromString(**text)) break;
    asio::error_code code;
    co_await asio::async_write(*socket, asio::buffer(bytes.data()),
                               asio::redirect_error(asio::use_awaitable, code));
    if (code) break;
  }
  asio::error_code ignored;
  socket->close(ignored);
  call->cancel();
}

}  // namespace

struct AgentForward::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& engine_io) : io(engine_io), acceptor(engine_io) {}

  Task<> accept_loop() {
    auto self = shared_from_this();
    for (;;) {
      asio::error_code code;
      AgentSocket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, code));
      if (code) co_return;
      (void)set_cloexec(socket.native_handle(), true);
      auto shared = std::make_shared<AgentSocket>(std::move(socket));
      Result<grpc::CallPtr> call = session->connect_agent(id);
      if (!call) continue;
      start(io, pass_requests(shared, *call));
      start(io, pass_answers(shared, *call));
    }
  }

  asio::io_context& io;
  asio::local::stream_protocol::acceptor acceptor;
  std::string path;
  SessionPtr session;
  std::string id;
};

Result<std::unique_ptr<AgentForward>> AgentForward::open(asio::io_context& io, const std::string& socket,
                                                         SessionPtr session, const std::string& id) {
  TRY_ASSIGN(Fd listening, http::listen_unix(socket, 0600));
  auto state = std::make_shared<State>(io);
  asio::error_code code;
  state->acceptor.assign(asio::local::stream_protocol(), listening.release(), code);
  if (code) return Error("listen on " + socket + ": " + code.message());
  state->path = socket;
  state->session = std::move(session);
  state->id = id;
  stack::start(io, state->accept_loop());
  return std::unique_ptr<AgentForward>(new AgentForward(std::move(state)));
}

AgentForward::~AgentForward() {
  asio::error_code ignored;
  state_->acceptor.close(ignored);
  ::unlink(state_->path.c_str());
}

}  // namespace stack::engine
