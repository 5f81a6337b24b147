// stack-proxy's side: serves ports for an engine, and keeps serving them while no engine is connected.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>

#include "net/proxy/control.h"

namespace stack::proxy {

// Listens for an engine; a new connection replaces the previous one. Stops the context when no engine is connected and no
// port is served.
class ProxyServer {
 public:
  // `listener`: from listen_control() at `path`. Without an engine and without that file, no engine could adopt the ports,
  // so the context stops. "": does not check the file.
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
  asio::steady_timer patience_;  // for an engine to connect
  PortProxy proxy_;
  std::set<std::string> ports_;
};

}  // namespace stack::proxy
