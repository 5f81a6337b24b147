#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstring>
#include <set>

#include "net/proxy/core.h"
#include "net/proxy/relay.h"
#include "net/proxy/socket_address.h"

namespace stack::proxy {

namespace {

constexpr std::chrono::milliseconds kRetryAccept{50};

class TcpPort : public Port, public std::enable_shared_from_this<TcpPort> {
 public:
  explicit TcpPort(std::shared_ptr<Core> core)
      : core_(std::move(core)), acceptor_(core_->context), pause_(core_->context) {}

  Result<> open(BoundPort bound) {
    asio::error_code problem;
    acceptor_.assign(bound.host_ip.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), bound.socket.get(),
                     problem);
    if (problem) return Error("port's socket: " + problem.message());
    bound.socket.release();
    acceptor_.non_blocking(true, problem);
    return {};
  }

  void set_target(std::optional<Target> target) override {
    if (target == target_) return;
    target_ = target;
    if (target_) accept();
  }

  void close() override {
    closed_ = true;
    asio::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    auto relays = relays_;
    for (const auto& relay : relays) relay->abort();
  }

 private:
  // One wait at a time. Does not accept without a target or capacity; clients then stay in the backlog.
  void accept() {
    if (waiting_ || closed_ || !target_) return;
    waiting_ = true;
    if (core_->statistics.tcp_connections >= core_->options.connection_limit) {
      core_->waiting_for_room.push_back([weak = weak_from_this()] {
        if (auto self = weak.lock()) self->resume();
      });
      return;
    }
    acceptor_.async_wait(
        asio::ip::tcp::acceptor::wait_read,
        [self = shared_from_this()](const asio::error_code& problem) { self->on_ready(problem); });
  }

  void resume() {
    waiting_ = false;
    accept();
  }

  void on_ready(const asio::error_code& problem) {
    waiting_ = false;
    if (problem || closed_ || !target_) return;
    asio::error_code failure;
    while (!failure && core_->statistics.tcp_connections < core_->options.connection_limit) {
      TcpSocket socket(core_->context);
      acceptor_.accept(socket, failure);
      if (!failure && may_connect(socket)) start(std::move(socket));
    }
    if (!failure || failure == asio::error::would_block || failure == asio::error::connection_aborted)
      return accept();
    // Out of descriptors: the client waits in the backlog.
    waiting_ = true;
    pause_.expires_after(kRetryAccept);
    pause_.async_wait([self = shared_from_this()](const asio::error_code& canceled) {
      if (!canceled) self->resume();
    });
  }

  bool may_connect(const TcpSocket& socket) const {
    if (!target_->local_only) return true;
    asio::error_code problem;
    IpAddress client = ip_of(socket.remote_endpoint(problem));
    return !problem && is_local_client(client, ip_of(socket.local_endpoint(problem)));
  }

  static IpAddress ip_of(const asio::ip::tcp::endpoint& endpoint) {
    SocketAddress address;
    std::memcpy(address.raw(), endpoint.data(), endpoint.size());
    std::optional<IpPort> found = ip_port_of(address);
    return found ? found->ip : IpAddress();
  }

  void start(TcpSocket socket) {
    auto relay = std::make_shared<Relay>(core_, std::move(socket), [weak = weak_from_this()](Relay* ended) {
      auto self = weak.lock();
      if (self) self->relays_.erase(ended->shared_from_this());
    });
    relays_.insert(relay);
    relay->start(*target_);
  }

  std::shared_ptr<Core> core_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::optional<Target> target_;
  std::set<std::shared_ptr<Relay>> relays_;
  bool waiting_ = false;
  bool closed_ = false;
};

}  // namespace

std::shared_ptr<Port> make_tcp_port(std::shared_ptr<Core> core, BoundPort bound, Result<>& opened) {
  auto port = std::make_shared<TcpPort>(std::move(core));
  opened = port->open(std::move(bound));
  return port;
}

}  // namespace stack::proxy
