#include "runtime/oci/kept_fds.h"

#include <fcntl.h>

#include "base/fd.h"

namespace stack::runtime::oci {

namespace {

constexpr int kFirst = 3;
int inherited = 0;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace

void note_inherited_fds() {
  while (is_open(kFirst + inherited)) ++inherited;
}

Result<> reserve_kept_fds(int count) {
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    if (fd < kFirst + inherited) {
      if (::fcntl(fd, F_SETFD, 0) != 0) return Error::last_errno("descriptor " + std::to_string(fd));
      continue;
    }
    if (is_open(fd))
      return invalid("--preserve-fds, LISTEN_FDS: descriptor " + std::to_string(fd) +
                     " was not passed on to us");
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
