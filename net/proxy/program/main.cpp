// stack-proxy: relays connections to published ports that NAT cannot forward. The engine starts it with the listening
// socket as descriptor 3 and the socket's path as argument. It exits when its last port is removed, or when no engine can
// find it.
#include <sys/resource.h>

#include <asio/io_context.hpp>
#include <csignal>

#include "net/proxy/proxy_server.h"

namespace {

constexpr int kListener = 3;

// Two descriptors per connection, and pipes.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  raise_descriptor_limit();
  // These signals are meant for programs on the terminal from which the engine was started.
  (void)std::signal(SIGINT, SIG_IGN);
  (void)std::signal(SIGHUP, SIG_IGN);
  asio::io_context context(1);
  (void)stack::set_cloexec(kListener, true);
  stack::proxy::ProxyServer server(context, stack::Fd(kListener), argc > 1 ? argv[1] : "");
  context.run();
  return 0;
}
