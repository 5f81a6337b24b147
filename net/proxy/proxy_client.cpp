#include "net/proxy/proxy_client.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

namespace stack::proxy {

namespace {

// Milliseconds.
constexpr int kGreetingPatience = 2000;
constexpr int kSettlePatience = 500;

Result<std::string> receive_in_time(int socket, int patience) {
  pollfd wait{socket, POLLIN, 0};
  if (::poll(&wait, 1, patience) <= 0) return Error(ErrorKind::Timeout, "stack-proxy does not answer");
  TRY_ASSIGN(MessageWithFds message, receive_with_fds(socket, kMostControlBytes));
  return std::move(message.bytes);
}

Result<std::set<std::string>> receive_greeting(int socket) {
  std::set<std::string> ports;
  for (bool more = true; more;) {
    TRY_ASSIGN(std::string bytes, receive_in_time(socket, kGreetingPatience));
    TRY_ASSIGN(ProxyGreeting greeting, decode_greeting(bytes));
    ports.insert(greeting.ports.begin(), greeting.ports.end());
    more = greeting.more;
  }
  return ports;
}

Result<> reap_later(asio::io_context& context, pid_t pid) {
  TRY_ASSIGN(Fd pidfd, open_pidfd(pid));
  auto ended = std::make_shared<asio::posix::stream_descriptor>(context, pidfd.release());
  ended->async_wait(asio::posix::stream_descriptor::wait_read, [ended, pid](const asio::error_code& problem) {
    if (!problem) (void)::waitpid(pid, nullptr, WNOHANG);
  });
  return {};
}

}  // namespace

struct ProxyClient::State : std::enable_shared_from_this<ProxyClient::State> {
  State(asio::io_context& context, Fd socket, std::function<void()> when_gone)
      : control(context, socket.release()), gone(std::move(when_gone)) {}

  struct Outgoing {
    std::string bytes;
    Fd socket;
  };

  void send(ProxyRequest request) {
    std::string bytes = encode(request);
    waiting.push_back({std::move(bytes), std::move(request.socket)});
    if (waiting.size() == 1) flush();
  }

  // A stopped process reads nothing, so requests wait here in order.
  void flush() {
    while (!waiting.empty()) {
      const Outgoing& next = waiting.front();
      int fd = next.socket.get();
      Result<> sent = send_with_fds(control.native_handle(), next.bytes,
                                    next.socket ? std::span<const int>(&fd, 1) : std::span<const int>());
      if (!sent && sent.error().code() == EAGAIN) return flush_later();
      waiting.pop_front();
    }
  }

  void flush_later() {
    control.async_wait(asio::posix::stream_descriptor::wait_write,
                       [self = shared_from_this()](const asio::error_code& problem) {
                         if (!problem) self->flush();
                       });
  }

  // Only late answers to settle() and end of file arrive unrequested.
  void watch() {
    control.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const asio::error_code& problem) {
                         if (problem) return;
                         Result<MessageWithFds> message =
                             receive_with_fds(self->control.native_handle(), kMostControlBytes);
                         bool alive = message ? !message->bytes.empty() : message.error().code() == EAGAIN;
                         if (message && alive) self->responsive = true;
                         if (alive) return self->watch();
                         auto told = std::exchange(self->gone, nullptr);
                         if (told) told();
                       });
  }

  void settle() {
    if (!responsive || !waiting.empty()) return;
    ProxyRequest request;
    request.kind = ProxyRequest::Kind::Settle;
    send(std::move(request));
    Result<std::string> answer = receive_in_time(control.native_handle(), kSettlePatience);
    responsive = answer || answer.error().kind() != ErrorKind::Timeout;
  }

  void close() {
    gone = nullptr;
    asio::error_code ignored;
    control.close(ignored);
  }

  asio::posix::stream_descriptor control;
  std::function<void()> gone;
  std::deque<Outgoing> waiting;
  bool responsive = true;
};

ProxyClient::ProxyClient(asio::io_context& context, ProxyProcess process)
    : context_(context), process_(std::move(process)) {}

// The process keeps serving its ports.
ProxyClient::~ProxyClient() {
  if (state_) state_->close();
}

void ProxyClient::use(Fd control) {
  state_ = std::make_shared<State>(context_, std::move(control), [this] {
    state_.reset();
    found_.clear();
    if (on_lost) on_lost();
  });
  state_->watch();
}

Result<bool> ProxyClient::find() {
  if (state_) return true;
  Result<Fd> control = connect_control(process_.socket);
  if (!control && control.error().kind() == ErrorKind::NotFound) return false;
  if (!control) return std::move(control).error();
  TRY_ASSIGN(found_, receive_greeting(control->get()));
  use(std::move(*control));
  return true;
}

// The socket listens before the process starts, so no wait is necessary.
Result<> ProxyClient::open() {
  if (state_) return {};
  TRY_ASSIGN(bool present, find());
  if (present) return {};
  TRY_ASSIGN(Fd listener, listen_control(process_.socket));
  SpawnRequest request;
  request.program = process_.program;
  request.args = {process_.socket};
  request.fds = {{3, listener.get()}};
  request.new_session = true;
  TRY_ASSIGN(pid_t pid, spawn(request));
  TRY(reap_later(context_, pid));
  TRY_ASSIGN(Fd control, connect_control(process_.socket));
  use(std::move(control));
  return {};
}

Result<> ProxyClient::add(const std::string& name, BoundPort port, std::optional<Target> target) {
  TRY(open().in("stack-proxy"));
  ProxyRequest request;
  request.kind = ProxyRequest::Kind::Add;
  request.name = name;
  request.target = target;
  request.socket = std::move(port.socket);
  state_->send(std::move(request));
  return {};
}

void ProxyClient::set_target(const std::string& name, std::optional<Target> target) {
  if (!state_) return;
  ProxyRequest request;
  request.kind = ProxyRequest::Kind::SetTarget;
  request.name = name;
  request.target = target;
  state_->send(std::move(request));
}

void ProxyClient::remove(const std::string& name) {
  if (!state_) return;
  ProxyRequest request;
  request.name = name;
  state_->send(std::move(request));
}

void ProxyClient::settle() {
  if (state_) state_->settle();
}

void ProxyClient::close() {
  if (!state_) return;
  std::exchange(state_, nullptr)->close();
  (void)::unlink(process_.socket.c_str());
}

}  // namespace stack::proxy
