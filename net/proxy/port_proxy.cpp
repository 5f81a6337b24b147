#include "net/proxy/port_proxy.h"

#include <csignal>
#include <map>

#include "net/proxy/core.h"

namespace stack::proxy {

namespace {

// splice(2) to a closed socket raises SIGPIPE and does not support MSG_NOSIGNAL.
void ignore_sigpipe() {
  struct sigaction present{};
  if (::sigaction(SIGPIPE, nullptr, &present) == 0 && present.sa_handler == SIG_DFL)
    (void)std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

bool is_local_client(const IpAddress& client, const IpAddress& local) {
  return client.is_loopback() || client == local;
}

struct PortProxy::State {
  State(asio::io_context& context, PortProxyOptions options)
      : core(std::make_shared<Core>(context, options)) {}
  std::shared_ptr<Core> core;
  std::map<std::string, std::shared_ptr<Port>> ports;
};

PortProxy::PortProxy(asio::io_context& context, PortProxyOptions options)
    : state_(std::make_shared<State>(context, options)) {
  ignore_sigpipe();
}

PortProxy::~PortProxy() {
  for (auto& [name, port] : state_->ports) port->close();
}

Result<> PortProxy::add(const std::string& name, BoundPort bound, std::optional<Target> target) {
  remove(name);
  Result<> opened;
  bool tcp = bound.protocol == Protocol::Tcp;
  auto port = tcp ? make_tcp_port(state_->core, std::move(bound), opened)
                  : make_udp_port(state_->core, std::move(bound), opened);
  if (!opened) return opened;
  state_->ports[name] = port;
  if (target) port->set_target(target);
  return {};
}

void PortProxy::set_target(const std::string& name, std::optional<Target> target) {
  auto found = state_->ports.find(name);
  if (found != state_->ports.end()) found->second->set_target(target);
}

void PortProxy::remove(const std::string& name) {
  auto found = state_->ports.find(name);
  if (found == state_->ports.end()) return;
  found->second->close();
  state_->ports.erase(found);
}

PortProxyStatistics PortProxy::statistics() const {
  PortProxyStatistics out = state_->core->statistics;
  out.ports = state_->ports.size();
  return out;
}

}  // namespace stack::proxy
