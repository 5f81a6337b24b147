// The contents of a volume's folder: initial contents from an image, and disk usage.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace stack::volumes {

// Where fill_volume() works, in one file system.
struct FillPlaces {
  std::string data;   // filled if it is empty; "lost+found" does not count
  std::string part;   // an unfinished copy
  std::string ready;  // a finished copy, whose entries are being moved into `data` without replacing existing files
};
// Beside the data, or inside it if it is a mounted file system of its own.
FillPlaces places_beside(const std::string& folder);
FillPlaces places_inside(const std::string& data);

// Fills `places.data` from the directory `source` if it is empty, and unless `keep_owner`, copies mode and owner of the
// directory. Completes or undoes an interrupted earlier call. A read-only file system is left alone. Returns whether anything
// was copied.
Result<bool> fill_volume(const FillPlaces& places, int source, bool keep_owner = false);

// Whether `places.data` has files.
Result<bool> holds_files(const FillPlaces& places);
// Moves the complete copy at `places.part` into the empty data. After a crash, fill_volume() completes it.
Result<> publish_staged(const FillPlaces& places);

// Disk usage of files below `path` in bytes; counts hard links once and skips other file systems.
Result<uint64_t> tree_bytes(const std::string& path);

}  // namespace stack::volumes
