#include "isolation.h"

#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "base/fd.h"
#include "base/process.h"

namespace stack::e2e {

namespace {

Result<> loopback_up() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return Error::last_errno("loopback up");
  return {};
}

Result<> make_world() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return Error::last_errno("private mounts");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return Error::last_errno("mount /proc");
  return loopback_up();
}

// Process 1: starts the body, reaps all processes, and ends with the body.
int reap_until_done(const std::function<int()>& body) {
  Result<> world = make_world();
  if (!world) {
    std::fprintf(stderr, "cannot isolate: %s\n", world.error().text().c_str());
    return 1;
  }
  pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  for (;;) {
    int status = 0;
    pid_t ended = ::wait(&status);
    if (ended == child) return exit_code_of(status);
    if (ended < 0 && errno != EINTR) return 1;
  }
}

}  // namespace

Result<int> run_isolated(const std::function<int()>& body) {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC) != 0)
    return Error::last_errno("unshare");
  std::fflush(nullptr);
  pid_t init = ::fork();
  if (init < 0) return Error::last_errno("fork");
  if (init == 0) {
    // The runner kills its direct child on a timeout; the namespaces must end with it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int code = reap_until_done(body);
    std::fflush(nullptr);
    ::_exit(code);
  }
  TRY_ASSIGN(int status, wait_for(init));
  return exit_code_of(status);
}

}  // namespace stack::e2e
