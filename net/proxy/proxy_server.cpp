#include "net/proxy/proxy_server.h"

#include <sys/socket.h>
#include <unistd.h>

namespace stack::proxy {

namespace {

constexpr std::chrono::seconds kPatience{10};
// Interval at which a process without an engine checks whether its socket still exists.
constexpr std::chrono::milliseconds kLookAgain{50};
constexpr int kMessagesPerTurn = 64;

// The socket's mode already denies access to others; this check also works on file systems without modes.
bool is_trusted(int socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == ::geteuid());
}

}  // namespace

ProxyServer::ProxyServer(asio::io_context& context, Fd listener, std::string path)
    : context_(context),
      listener_(context, listener.release()),
      engine_(context),
      path_(std::move(path)),
      patience_(context, kPatience),
      proxy_(context) {
  patience_.async_wait([this](const asio::error_code& canceled) {
    if (!canceled) engine_left();
  });
  accept();
}

void ProxyServer::accept() {
  listener_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& problem) {
    if (problem) return;
    Fd connection(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection && is_trusted(connection.get())) {
      patience_.cancel();
      asio::error_code ignored;
      engine_.close(ignored);
      engine_.assign(connection.release(), ignored);
      greet();
      receive();
    }
    accept();
  });
}

void ProxyServer::greet() {
  for (const std::string& message : encode_greetings({ports_.begin(), ports_.end()}))
    (void)::send(engine_.native_handle(), message.data(), message.size(), MSG_NOSIGNAL);
}

void ProxyServer::receive() {
  engine_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& problem) {
    if (problem) return;  // another engine has connected
    for (int i = 0; i < kMessagesPerTurn; ++i) {
      Result<MessageWithFds> message = receive_with_fds(engine_.native_handle(), kMostControlBytes);
      if (!message && message.error().code() == EAGAIN) break;
      if (!message || message->bytes.empty()) {
        asio::error_code ignored;
        engine_.close(ignored);
        return engine_left();
      }
      Result<ProxyRequest> request = decode_request(message->bytes, std::move(message->fds));
      if (request) carry_out(std::move(*request));
    }
    receive();
  });
}

void ProxyServer::carry_out(ProxyRequest request) {
  switch (request.kind) {
    case ProxyRequest::Kind::Add: {
      Result<BoundPort> port = adopt_host_port(std::move(request.socket));
      if (port && proxy_.add(request.name, std::move(*port), request.target)) ports_.insert(request.name);
      return;
    }
    case ProxyRequest::Kind::SetTarget:
      return proxy_.set_target(request.name, request.target);
    case ProxyRequest::Kind::Remove:
      proxy_.remove(request.name);
      ports_.erase(request.name);
      return;
    case ProxyRequest::Kind::Settle:
      (void)::send(engine_.native_handle(), kSettled.data(), kSettled.size(), MSG_NOSIGNAL);
      return;
  }
}

bool ProxyServer::can_be_found() const { return path_.empty() || ::access(path_.c_str(), F_OK) == 0; }

void ProxyServer::engine_left() {
  if (ports_.empty() || !can_be_found()) return context_.stop();
  patience_.expires_after(kLookAgain);
  patience_.async_wait([this](const asio::error_code& canceled) {
    if (!canceled) engine_left();
  });
}

}  // namespace stack::proxy
