#include "cli/dashboard/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/dashboard/access.h"
#include "cli/dashboard/connection.h"

namespace stack::cli {

namespace {

constexpr int kBacklog = 64;
constexpr int kMostConnections = 64;
constexpr timeval kSendLimit{30, 0};
constexpr std::chrono::seconds kStopLimit{10};

Result<Fd> listen_on_loopback(uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::last_errno("socket");
  int on = 1;
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string what = "listen on 127.0.0.1:" + std::to_string(port);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Error::last_errno(what);
  if (::listen(socket.get(), kBacklog) != 0) return Error::last_errno(what);
  return socket;
}

Result<uint16_t> port_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return Error::last_errno("getsockname");
  return ntohs(address.sin_port);
}

}  // namespace

struct DashboardServer::State {
  State(Fd socket, uint16_t port, DashboardBackend parts)
      : listener(std::move(socket)),
        stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        access(port),
        backend(std::move(parts)) {}

  Fd listener;
  Fd stop;  // readable once the server stops
  Access access;
  DashboardBackend backend;
  std::mutex mutex;
  std::condition_variable ended;
  int connections = 0;

  bool enter() {
    std::lock_guard lock(mutex);
    if (connections >= kMostConnections) return false;
    ++connections;
    return true;
  }
  void leave() {
    std::lock_guard lock(mutex);
    --connections;
    ended.notify_all();
  }
};

Result<std::unique_ptr<DashboardServer>> DashboardServer::listen(uint16_t port, DashboardBackend backend) {
  TRY_ASSIGN(Fd socket, listen_on_loopback(port));
  TRY_ASSIGN(uint16_t actual, port_of(socket.get()));
  auto state = std::make_shared<State>(std::move(socket), actual, std::move(backend));
  if (!state->stop) return Error::last_errno("eventfd");
  ::signal(SIGPIPE, SIG_IGN);  // an engine that dies while a request is sent to it
  return std::unique_ptr<DashboardServer>(new DashboardServer(std::move(state)));
}

DashboardServer::~DashboardServer() { stop(); }

std::string DashboardServer::new_link() { return state_->access.link(state_->access.new_token()); }

int DashboardServer::listener() const { return state_->listener.get(); }

void DashboardServer::accept_one() {
  Fd client(::accept4(state_->listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!client || !state_->enter()) return;
  (void)::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit, sizeof kSendLimit);
  auto serve = [state = state_](Fd socket) {
    DashboardConnection(std::move(socket), state->stop.get(), state->access, state->backend).serve();
    state->leave();
  };
  std::thread(serve, std::move(client)).detach();
}

void DashboardServer::stop() {
  state_->listener.reset();
  (void)::eventfd_write(state_->stop.get(), 1);
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_for(lock, kStopLimit, [&] { return state_->connections == 0; });
}

}  // namespace stack::cli
