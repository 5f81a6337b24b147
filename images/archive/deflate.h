// Compression of layers for registries. Equal input gives equal bytes, on any number of processors.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "images/archive/inflate.h"

namespace stack::images {

class Deflater {
 public:
  virtual ~Deflater() = default;
  // Takes consecutive bytes and passes the compressed data to the sink. Returns the sink's errors. Not usable after
  // an error.
  virtual Result<> push(std::string_view bytes, const ByteSink& sink) = 0;
  // Ends the stream.
  virtual Result<> finish(const ByteSink& sink) = 0;
};

// gzip (RFC 1952, one member without name and time) or zstd (RFC 8878, one frame with a checksum). Gzip's blocks of 1 MiB are
// compressed in parallel, each with the end of the one before as its dictionary.
Result<std::unique_ptr<Deflater>> make_deflater(Compression compression);

}  // namespace stack::images
