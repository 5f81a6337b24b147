// Turns an arriving compressed layer into a directory in one pass: the caller's thread inflates, a second thread
// digests and writes the files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::images {

struct ReceivedLayer {
  std::string diff_id;   // "sha256:...": digest of the uncompressed tar stream
  int64_t tar_size = 0;  // bytes of it
  int64_t size = 0;      // bytes of file content
  // Directories (relative paths, parents first) that contain files but have no entry of their own: created with
  // mode 0755 and owner root, although the layers below may differ.
  std::vector<std::string> implied_directories;
};

// A stream that exceeds both limits is treated as a decompression bomb; no specification defines a limit.
struct StreamLimits {
  int64_t unsuspected = int64_t{8} << 30;  // bytes, uncompressed
  int64_t ratio = 200;                     // of uncompressed to compressed bytes
};

// The archive is untrusted; see layer_unpack.h for the protections. At most 4 MiB wait between the threads.
class LayerStream {
 public:
  // `directory`: an existing empty directory, filled in overlay's on-disk form; "" only computes the digest.
  static Result<std::unique_ptr<LayerStream>> start(const std::string& directory,
                                                    const StreamLimits& limits = {});
  // Ends the second thread; the directory may then be incomplete.
  ~LayerStream();
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;

  // Consecutive bytes of the blob. Blocks while the second thread is behind. Returns its errors.
  Result<> write(std::string_view compressed);
  // Ends the blob. On success the directory is complete.
  Result<ReceivedLayer> finish();

 private:
  struct State;
  explicit LayerStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
