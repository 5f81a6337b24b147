// Protects the program file from containers. CVE-2019-5736
#pragma once

#include "base/result.h"

namespace stack::runtime::oci {

// If the program will enter a container, entry.cpp first executes it again from a private read-only mount of its file, so
// that writing to /proc/<pid>/exe fails. If mounts by descriptor are not available, this function uses a sealed copy in
// memory instead. Returns immediately if the program already runs from a protected file.
Result<> run_from_protected_copy(char** argv, char** env);

// The entry point found this program on a read-only mount: no further check is needed.
inline bool on_protected_mount = false;

}  // namespace stack::runtime::oci
