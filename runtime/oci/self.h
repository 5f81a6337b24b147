// Keeping the program itself out of a container's reach. CVE-2019-5736
#pragma once

#include "base/result.h"

namespace stack::runtime::oci {

// Before all else (entry.cpp), the program executes itself again from a private read-only mount of its file
// if it is to enter a container: whoever gets at /proc/<pid>/exe there cannot write to it. Where mounts by
// descriptor are not to be had, this does the same with a sealed copy in memory. Returns at once where the
// program runs like that already.
Result<> run_from_protected_copy(char** argv, char** env);

// The entry point found this program on a read-only mount: no need to look again.
inline bool on_protected_mount = false;

}  // namespace stack::runtime::oci
