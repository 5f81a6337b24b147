#include "http/server/server.h"

#include <sys/socket.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "http/server/connection.h"

namespace stack::http {

namespace {
constexpr std::chrono::milliseconds kRetryAccept{50};
constexpr std::chrono::seconds kTellAcceptFailure{30};
// Interval at which a full server looks for an idle connection to close.
constexpr std::chrono::milliseconds kRetryEviction{100};
}  // namespace

ServerState::ServerState(asio::io_context& io, Handler h, ServerOptions o)
    : context(io), handler(std::move(h)), options(std::move(o)), connection_closed(io) {}

void ServerState::start(Socket socket) {
  auto connection = std::make_shared<Connection>(std::move(socket), shared_from_this());
  asio::co_spawn(
      context, [](std::shared_ptr<Connection> c) -> asio::awaitable<void> { co_await c->run(); }(connection),
      asio::detached);
}

void ServerState::evict_idle() {
  Connection* longest = nullptr;
  for (Connection* connection : connections) {
    if (!connection->waiting_since()) continue;
    if (longest == nullptr || *connection->waiting_since() < *longest->waiting_since()) longest = connection;
  }
  auto latest = std::chrono::steady_clock::now() - options.idle_grace;
  if (longest != nullptr && *longest->waiting_since() <= latest) longest->evict();
}

void ServerState::accept_failed(const asio::error_code& problem) {
  auto now = std::chrono::steady_clock::now();
  if (!options.on_accept_failure || (accept_failure_told && now - *accept_failure_told < kTellAcceptFailure))
    return;
  accept_failure_told = now;
  options.on_accept_failure(problem.message());
}

asio::awaitable<void> ServerState::accept_loop(std::shared_ptr<Acceptor> acceptor) {
  auto self = shared_from_this();
  while (acceptor->is_open()) {
    asio::error_code problem;
    if (connections.size() >= options.connection_limit) {
      evict_idle();
      connection_closed.expires_after(kRetryEviction);
      co_await connection_closed.async_wait(asio::redirect_error(asio::use_awaitable, problem));
      continue;
    }
    Socket socket = co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, problem));
    if (!problem) {
      start(std::move(socket));
    } else if (acceptor->is_open()) {
      // Out of descriptors or memory: the client waits in the backlog.
      accept_failed(problem);
      evict_idle();
      asio::steady_timer pause(context, kRetryAccept);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, problem));
    }
  }
}

Server::Server(asio::io_context& context, Handler handler, ServerOptions options)
    : state_(std::make_shared<ServerState>(context, std::move(handler), std::move(options))) {}

Server::~Server() { stop(); }

Result<> Server::listen(Fd listening) {
  asio::error_code problem;
  auto acceptor = std::make_shared<Acceptor>(state_->context);
  acceptor->assign(asio::local::stream_protocol(), listening.get(), problem);
  if (problem) return Error("listening socket: " + problem.message());
  listening.release();
  state_->acceptors.push_back(acceptor);
  asio::co_spawn(
      state_->context,
      [](std::shared_ptr<ServerState> s, std::shared_ptr<Acceptor> a) -> asio::awaitable<void> {
        co_await s->accept_loop(a);
      }(state_, acceptor),
      asio::detached);
  return {};
}

Result<> Server::serve(Fd connected) {
  Socket socket(state_->context);
  asio::error_code problem;
  socket.assign(asio::local::stream_protocol(), connected.get(), problem);
  if (problem) return Error("connected socket: " + problem.message());
  connected.release();
  state_->start(std::move(socket));
  return {};
}

void Server::stop_accepting() {
  state_->draining = true;
  asio::error_code ignored;
  for (const auto& weak : state_->acceptors)
    if (auto acceptor = weak.lock()) acceptor->close(ignored);
  state_->acceptors.clear();
  state_->connection_closed.cancel();
  std::vector<Connection*> all(state_->connections.begin(), state_->connections.end());
  for (Connection* connection : all) connection->shut_down(false);
}

void Server::stop() {
  stop_accepting();
  // Callbacks may destroy connections, so each is held during its callback.
  std::vector<std::shared_ptr<Connection>> all;
  for (Connection* connection : state_->connections)
    if (auto held = connection->weak_from_this().lock()) all.push_back(std::move(held));
  for (const auto& connection : all) connection->shut_down(true);
}

ServerActivity Server::activity() const {
  return {state_->connections.size(), state_->requests, state_->last};
}

}  // namespace stack::http
