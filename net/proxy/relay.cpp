#include "net/proxy/relay.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/proxy/socket_address.h"

namespace stack::proxy {

namespace {

constexpr size_t kPipeSize = 256 * 1024;
constexpr size_t kPooledPipes = 64;
// Limit per turn, for fairness between connections.
constexpr int kStepsPerTurn = 16;

void set_option(int fd, int level, int option, int value) {
  (void)::setsockopt(fd, level, option, &value, sizeof(value));
}

// A container that disappears with its namespace does not close its connections.
void tune(TcpSocket& socket) {
  int fd = socket.native_handle();
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

void close_with_reset(TcpSocket& socket) {
  if (!socket.is_open()) return;
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

}  // namespace

Result<Pipe> Core::take_pipe() {
  if (!pipes.empty()) {
    Pipe pipe = std::move(pipes.back());
    pipes.pop_back();
    return pipe;
  }
  TRY_ASSIGN(Pipe pipe, make_pipe());
  (void)::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeSize);
  return pipe;
}

void Core::give_pipe(Pipe pipe) {
  if (pipes.size() < kPooledPipes) pipes.push_back(std::move(pipe));
}

Relay::Relay(std::shared_ptr<Core> core, TcpSocket client, std::function<void(Relay*)> on_end)
    : core_(std::move(core)),
      client_(std::move(client)),
      server_(core_->context),
      timer_(core_->context),
      on_end_(std::move(on_end)) {
  ++core_->statistics.tcp_connections;
  ++core_->statistics.tcp_accepted;
}

Relay::~Relay() {
  --core_->statistics.tcp_connections;
  auto waiting = std::exchange(core_->waiting_for_room, {});
  for (auto& resume : waiting) resume();
}

void Relay::start(const Target& target) {
  tune(client_);
  SocketAddress address = socket_address(target.ip, target.port);
  asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), address.raw(), address.size);
  endpoint.resize(address.size);
  timer_.expires_after(core_->options.dial_timeout);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& problem) {
    auto self = weak.lock();
    if (problem || !self || self->over_) return;
    ++self->core_->statistics.dial_failures;
    self->abort();
  });
  server_.async_connect(endpoint, [self = shared_from_this()](const asio::error_code& problem) {
    if (self->over_) return;
    self->timer_.cancel();
    if (problem) {
      ++self->core_->statistics.dial_failures;
      self->abort();
      return;
    }
    asio::error_code ignored;
    self->client_.native_non_blocking(true, ignored);
    self->server_.native_non_blocking(true, ignored);
    tune(self->server_);
    self->pump(self->up_);
    self->pump(self->down_);
  });
}

void Relay::pump(Direction& direction) {
  for (int i = 0; i < kStepsPerTurn && !over_; ++i) {
    switch (step(direction)) {
      case Step::Moved:
        break;
      case Step::WaitRead:
        return wait(direction, *direction.from, TcpSocket::wait_read);
      case Step::WaitWrite:
        return wait(direction, *direction.to, TcpSocket::wait_write);
      case Step::Ended:
        return finish(direction);
      case Step::Broken:
        return abort();
    }
  }
  // More data is available: the wait completes immediately, but after other connections.
  if (over_) return;
  if (direction.in_pipe > 0)
    wait(direction, *direction.to, TcpSocket::wait_write);
  else
    wait(direction, *direction.from, TcpSocket::wait_read);
}

Relay::Step Relay::step(Direction& direction) {
  if (direction.in_pipe == 0 && !direction.ended) {
    Step filled = fill(direction);
    if (filled != Step::Moved) return filled;
  }
  if (direction.in_pipe > 0) return drain(direction);
  return Step::Ended;
}

Relay::Step Relay::fill(Direction& direction) {
  if (!direction.pipe) {
    auto pipe = core_->take_pipe();
    if (!pipe) return Step::Broken;
    direction.pipe = std::move(*pipe);
  }
  ssize_t n = ::splice(direction.from->native_handle(), nullptr, direction.pipe->write.get(), nullptr,
                       kPipeSize, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    direction.in_pipe = static_cast<size_t>(n);
    return Step::Moved;
  }
  if (n == 0) {
    direction.ended = true;
    return Step::Moved;
  }
  if (errno == EINTR) return fill(direction);
  if (errno != EAGAIN) return Step::Broken;
  core_->give_pipe(std::move(*direction.pipe));
  direction.pipe.reset();
  return Step::WaitRead;
}

Relay::Step Relay::drain(Direction& direction) {
  ssize_t n = ::splice(direction.pipe->read.get(), nullptr, direction.to->native_handle(), nullptr,
                       direction.in_pipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  if (n > 0) {
    direction.in_pipe -= static_cast<size_t>(n);
    moved_ += static_cast<uint64_t>(n);
    core_->statistics.bytes += static_cast<uint64_t>(n);
    return Step::Moved;
  }
  if (n < 0 && errno == EINTR) return drain(direction);
  return n < 0 && errno == EAGAIN ? Step::WaitWrite : Step::Broken;
}

void Relay::wait(Direction& direction, TcpSocket& socket, TcpSocket::wait_type what) {
  socket.async_wait(what, [self = shared_from_this(), &direction](const asio::error_code& problem) {
    if (!problem && !self->over_) self->pump(direction);
  });
}

void Relay::finish(Direction& direction) {
  if (direction.pipe) core_->give_pipe(std::move(*direction.pipe));
  direction.pipe.reset();
  direction.finished = true;
  if (up_.finished && down_.finished) return end();
  asio::error_code ignored;
  direction.to->shutdown(TcpSocket::shutdown_send, ignored);
  arm_half_closed();
}

void Relay::arm_half_closed() {
  moved_at_check_ = moved_;
  timer_.expires_after(core_->options.half_closed_idle);
  timer_.async_wait([weak = weak_from_this()](const asio::error_code& problem) {
    auto self = weak.lock();
    if (problem || !self || self->over_) return;
    if (self->moved_ == self->moved_at_check_) return self->abort();
    self->arm_half_closed();
  });
}

void Relay::abort() {
  close_with_reset(client_);
  close_with_reset(server_);
  end();
}

void Relay::end() {
  if (std::exchange(over_, true)) return;
  asio::error_code ignored;
  client_.close(ignored);
  server_.close(ignored);
  timer_.cancel();
  if (on_end_) on_end_(this);
}

}  // namespace stack::proxy
