// stack-proxy: relays connections to published ports that NAT cannot take to their containers. Started by the engine,
// with the socket it listens on as descriptor 3 and its path as argument; ends when its last port is taken away, or when
// no engine can find it any more.
#include <sys/resource.h>

#include <asio/io_context.hpp>
#include <csignal>

#include "net/proxy/proxy_server.h"

namespace {

constexpr int kListener = 3;

// Two descriptors a connection, and pipes.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  raise_descriptor_limit();
  // They are meant for the terminal that the engine was started from.
  (void)std::signal(SIGINT, SIG_IGN);
  (void)std::signal(SIGHUP, SIG_IGN);
  asio::io_context context(1);
  (void)stack::set_cloexec(kListener, true);
  stack::proxy::ProxyServer server(context, stack::Fd(kListener), argc > 1 ? argv[1] : "");
  context.run();
  return 0;
}
