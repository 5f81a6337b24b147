// Opens paths inside an untrusted tree without leaving it.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack {

// openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: absolute symbolic links and ".." stay below
// `root`. Adds O_CLOEXEC. Retries the kernel's EAGAIN (a rename raced with "..").
Result<Fd> open_below(int root, const std::string& path, int flags, mode_t mode = 0);

// The same with RESOLVE_NO_SYMLINKS, for paths without symbolic links (ELOOP otherwise).
Result<Fd> open_below_without_links(int root, const std::string& path, int flags, mode_t mode = 0);

}  // namespace stack
