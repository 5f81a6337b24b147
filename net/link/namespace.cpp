#include "net/link/namespace.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stack::net {
namespace {

// Continuing in the wrong namespace would create the engine's next bridge inside a container.
void return_or_abort(int home) {
  if (setns(home, CLONE_NEWNET) == 0) return;
  std::perror("cannot return to the original network namespace");
  std::abort();
}

}  // namespace

Result<Fd> open_network_namespace(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error::last_errno("open network namespace " + path);
  return Fd(fd);
}

Result<Fd> current_network_namespace() { return open_network_namespace("/proc/thread-self/ns/net"); }

Result<bool> same_network_namespace(int first, int second) {
  struct stat one{};
  struct stat two{};
  if (fstat(first, &one) < 0 || fstat(second, &two) < 0) return Error::last_errno("stat network namespace");
  return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

Result<EnteredNamespace> EnteredNamespace::enter(int netns_fd) {
  TRY_ASSIGN(Fd home, current_network_namespace());
  if (setns(netns_fd, CLONE_NEWNET) < 0) return Error::last_errno("enter network namespace");
  return EnteredNamespace(std::move(home));
}

EnteredNamespace::~EnteredNamespace() {
  if (home_) return_or_abort(home_.get());
}

Result<Fd> make_network_namespace() {
  TRY_ASSIGN(const Fd home, current_network_namespace());
  // unshare(2) of the network namespace affects only the calling thread.
  if (unshare(CLONE_NEWNET) < 0) return Error::last_errno("create network namespace");
  auto made = current_network_namespace();
  return_or_abort(home.get());
  return made;
}

Result<> bring_up_loopback(int netns_fd) {
  const Fd socket_in_namespace = [&] {
    auto entered = EnteredNamespace::enter(netns_fd);
    return entered ? Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) : Fd();
  }();
  if (!socket_in_namespace) return Error::last_errno("open a socket in the network namespace");
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  if (ioctl(socket_in_namespace.get(), SIOCSIFFLAGS, &request) < 0) return Error::last_errno("bring up lo");
  return {};
}

}  // namespace stack::net
