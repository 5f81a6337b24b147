// The content of a volume's folder: filling it from an image, measuring it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace stack::volumes {

// Fills `<folder>/_data` from the directory `source` if it is empty, mode and owner of the directory
// included; finishes or undoes an earlier call that was interrupted. `<folder>/_populate.part` holds an
// unfinished copy (worthless),
// `<folder>/_populate` a finished one that is being moved in, entry by entry, where nothing of that name is
// in the way.
Result<bool> fill_volume(const std::string& folder, int source);

// Bytes that files below `path` take on disk; hard links counted once, other filesystems left out.
Result<uint64_t> tree_bytes(const std::string& path);

}  // namespace stack::volumes
