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
  // `listener`: of listen_control(), at `path`. Without an engine and without that file nobody could take the ports
  // over, so the context stops. "": the file does not matter.
  ProxyServer(asio::io_context& context, Fd listener, std::string path = {});

 private:
  void accept();
  void greet();
  void receive();
  void carry_out(ProxyRequest request);
  void engine_left();
  bool can_be_found() const;

  asio::io_context& context_;
  asio::posix::stream_descriptor listener_;
  asio::posix::stream_descriptor engine_;
  std::string path_;
  asio::steady_timer patience_;  // for an engine to come
  PortProxy proxy_;
  std::set<std::string> ports_;
};

}  // namespace stack::proxy
