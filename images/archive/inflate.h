// Decompression of a stream that arrives in pieces: gzip (RFC 1952), zstd (RFC 8878), or none. Told by content, because
// media types lie.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

enum class Compression { None, Gzip, Zstd, Xz, Bzip2 };
// Of a stream that begins like this: six bytes are enough.
Compression compression_of(std::string_view head);

class Inflater {
 public:
  virtual ~Inflater() = default;
  // Consecutive bytes of the compressed stream; what they come to goes to the sink, in pieces of at most 256 KiB that are
  // valid during the call. Invalid for damaged input; the sink's errors are passed on. Not usable after an error.
  virtual Result<> push(std::string_view bytes, const ByteSink& sink) = 0;
  // The stream has ended. Invalid where it is incomplete.
  virtual Result<> finish() = 0;
};

// `head`: the first bytes of the stream, six or more unless it is shorter; they are to be pushed as well. Concatenated members
// and frames are one stream; zeros after the last gzip member are ignored, other bytes are Invalid. Unsupported for xz and
// bzip2: no layer may be compressed that way.
Result<std::unique_ptr<Inflater>> make_inflater(std::string_view head);

}  // namespace stack::images
