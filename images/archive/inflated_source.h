// A compressed source as a plain one.
#pragma once

#include "base/result.h"
#include "images/archive/tar_reader.h"

namespace stack::images {

// Reads the beginning of `source` to detect the compression: gzip, zstd or none; Unsupported for others.
Result<ByteSource> inflated_source(ByteSource source);

}  // namespace stack::images
