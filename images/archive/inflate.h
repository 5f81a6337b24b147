// Decompression of a stream that arrives in pieces: gzip (RFC 1952), zstd (RFC 8878), or none. Detected by content,
// because media types are unreliable.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

enum class Compression { None, Gzip, Zstd, Xz, Bzip2 };
// Detects the compression from the beginning of a stream; six bytes are enough.
Compression compression_of(std::string_view head);

class Inflater {
 public:
  virtual ~Inflater() = default;
  // Takes consecutive bytes of the compressed stream and passes the decompressed data to the sink, in pieces of at
  // most 256 KiB that are valid during the call. Invalid for damaged input; returns the sink's errors. Not usable
  // after an error.
  virtual Result<> push(std::string_view bytes, const ByteSink& sink) = 0;
  // Ends the stream. Invalid if it is incomplete.
  virtual Result<> finish() = 0;
};

// `head`: the first bytes of the stream, six or more unless it is shorter; the caller must push them as well.
// Concatenated members and frames are one stream; zeros after the last gzip member are ignored, other bytes are
// Invalid. Unsupported for xz and bzip2: layers cannot use them.
Result<std::unique_ptr<Inflater>> make_inflater(std::string_view head);

}  // namespace stack::images
