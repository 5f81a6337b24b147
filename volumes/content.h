// The contents of a volume's folder: initial contents from an image, and disk usage.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace stack::volumes {

// Fills `<folder>/_data` from the directory `source` if it is empty, including mode and owner of the directory. Completes or
// undoes an interrupted earlier call. `<folder>/_populate.part` is an unfinished copy, `<folder>/_populate` a finished copy
// whose entries are being moved in, without replacing existing files.
Result<bool> fill_volume(const std::string& folder, int source);

// Disk usage of files below `path` in bytes; counts hard links once and skips other file systems.
Result<uint64_t> tree_bytes(const std::string& path);

}  // namespace stack::volumes
