// Copying a directory's contents by descriptors only.
#pragma once

#include "base/result.h"

namespace stack::runtime {

// Directories, regular files, symbolic links and device nodes with owner, mode and times, from the directory
// `from` into `to`. Links are copied, never followed. Does not descend into other mounts than that of `from`.
Result<> copy_directory_contents(int from, int to);

}  // namespace stack::runtime
