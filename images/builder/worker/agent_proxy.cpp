#include "images/builder/worker/agent_proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>
#include <vector>

namespace stack::builder {

namespace {

constexpr int kEndCheckMilliseconds = 200;

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path) return invalid("the path of a socket is too long: " + path);
  std::memcpy(out.sun_path, path.c_str(), path.size());
  return out;
}

// Agent messages are small: a peer that does not read them is disconnected.
bool pass_on(int from, int to) {
  char buffer[16384];
  ssize_t n = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
  return ::send(to, buffer, static_cast<size_t>(n), MSG_NOSIGNAL) == n;
}

}  // namespace

Result<std::unique_ptr<AgentProxy>> AgentProxy::start(const std::string& path, const std::string& agent,
                                                      mode_t mode, uid_t uid, gid_t gid) {
  TRY_ASSIGN(sockaddr_un address, unix_address(path));
  TRY(unix_address(agent));
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener) return Error::last_errno("socket");
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::last_errno("bind " + path);
  if (::chmod(path.c_str(), mode) != 0 || ::chown(path.c_str(), uid, gid) != 0)
    return Error::last_errno("set attributes of " + path);
  if (::listen(listener.get(), 16) != 0) return Error::last_errno("listen");
  std::unique_ptr<AgentProxy> proxy(new AgentProxy(std::move(listener), agent));
  proxy->thread_ = std::thread([running = proxy.get()] { running->serve(); });
  return proxy;
}

AgentProxy::~AgentProxy() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void AgentProxy::serve() {
  std::vector<std::pair<Fd, Fd>> pairs;  // client, agent
  while (!ending_) {
    std::vector<pollfd> waiting{{listener_.get(), POLLIN, 0}};
    for (const auto& [client, server] : pairs) {
      waiting.push_back({client.get(), POLLIN, 0});
      waiting.push_back({server.get(), POLLIN, 0});
    }
    if (::poll(waiting.data(), waiting.size(), kEndCheckMilliseconds) <= 0) continue;
    for (size_t i = pairs.size(); i-- > 0;) {
      auto& [client, server] = pairs[i];
      bool open = (waiting[1 + 2 * i].revents == 0 || pass_on(client.get(), server.get())) &&
                  (waiting[2 + 2 * i].revents == 0 || pass_on(server.get(), client.get()));
      if (!open) pairs.erase(pairs.begin() + static_cast<ptrdiff_t>(i));
    }
    if (waiting[0].revents == 0) continue;
    Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    Result<sockaddr_un> address = unix_address(agent_);
    if (client && server && address &&
        ::connect(server.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0)
      pairs.emplace_back(std::move(client), std::move(server));
  }
}

}  // namespace stack::builder
