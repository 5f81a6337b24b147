// Keeping the program itself out of a container's reach. CVE-2019-5736
#pragma once

#include "base/result.h"

namespace stack::runtime::oci {

// Executes the program again from a private read-only mount of its file (or, where mounts by descriptor are
// not to be had, a sealed copy in memory): whoever gets at /proc/<pid>/exe in a container cannot write to it.
// Returns at once where the program runs like that already.
Result<> run_from_protected_copy(char** argv, char** env);

}  // namespace stack::runtime::oci
