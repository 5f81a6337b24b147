#include "base/rooted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace stack {

namespace {

Result<Fd> resolve(int root, const std::string& path, int flags, mode_t mode, uint64_t rules) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = rules | RESOLVE_NO_MAGICLINKS;
  const char* name = path.empty() ? "." : path.c_str();
  for (int attempt = 0; attempt < 100; ++attempt) {
    long fd = ::syscall(SYS_openat2, root, name, &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return Error::last_errno("open " + path);
}

}  // namespace

Result<Fd> open_below(int root, const std::string& path, int flags, mode_t mode) {
  return resolve(root, path, flags, mode, RESOLVE_IN_ROOT);
}

Result<Fd> open_below_without_links(int root, const std::string& path, int flags, mode_t mode) {
  return resolve(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

}  // namespace stack
