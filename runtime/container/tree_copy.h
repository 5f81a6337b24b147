// Copies a directory's contents using only descriptors.
#pragma once

#include "base/result.h"

namespace stack::runtime {

// Copies directories, regular files, symbolic links, and device nodes with owner, mode, and times from the directory `from`
// into `to`. Copies links without following them. Stays on the mount of `from`.
Result<> copy_directory_contents(int from, int to);

}  // namespace stack::runtime
