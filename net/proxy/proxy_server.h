// stack-proxy's side: serves ports for an engine, and goes on serving them while no engine is there.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>

#include "net/proxy/control.h"

namespace stack::proxy {

// Listens for an engine; a new connection takes the place of the former one. Stops the context once no engine is
// connected and no port is served.
class ProxyServer {
 public:
  // `listener`: of listen_control().
  ProxyServer(asio::io_context& context, Fd listener);

 private:
  void accept();
  void greet();
  void receive();
  void carry_out(ProxyRequest request);
  void engine_left();

  asio::io_context& context_;
  asio::posix::stream_descriptor listener_;
  asio::posix::stream_descriptor engine_;
  asio::steady_timer patience_;  // for the first engine, which starts this process
  PortProxy proxy_;
  std::set<std::string> ports_;
};

}  // namespace stack::proxy
