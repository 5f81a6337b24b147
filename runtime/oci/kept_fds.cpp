#include "runtime/oci/kept_fds.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <bitset>

#include "base/fd.h"

namespace stack::runtime::oci {

namespace {

constexpr int kFirst = 3;
constexpr int kEnd = 1024;
std::bitset<kEnd> inherited;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

void note_inherited_fds() {
  // A single call: poll(2) marks descriptors that are not open.
  std::array<pollfd, kEnd - kFirst> polls{};
  for (int fd = kFirst; fd < kEnd; ++fd) polls[static_cast<size_t>(fd - kFirst)].fd = fd;
  rlimit limit{};
  nfds_t count = polls.size();
  if (::poll(polls.data(), count, 0) < 0) {
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 1) return;
    count = std::min<nfds_t>(count, limit.rlim_cur);
    if (::poll(polls.data(), count, 0) < 0) return;
  }
  for (nfds_t i = 0; i < count; ++i)
    if ((polls[i].revents & POLLNVAL) == 0) inherited.set(static_cast<size_t>(polls[i].fd));
}

Result<> reserve_kept_fds(int count) {
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    if (fd < kEnd && inherited.test(static_cast<size_t>(fd))) {
      if (::fcntl(fd, F_SETFD, 0) != 0) return Error::last_errno("descriptor " + std::to_string(fd));
      continue;
    }
    if (is_open(fd))
      return invalid("--preserve-fds, LISTEN_FDS: descriptor " + std::to_string(fd) +
                     " was not passed to this program");
    Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nothing) return Error::last_errno("open /dev/null");
    if (nothing.get() == fd) {
      (void)nothing.release();
    } else if (::fcntl(nothing.get(), F_DUPFD_CLOEXEC, fd) != fd) {
      return Error::last_errno("descriptor " + std::to_string(fd));
    }
  }
  return {};
}

}  // namespace stack::runtime::oci
