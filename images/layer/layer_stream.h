// A layer as it arrives, compressed, turned into a directory in one pass: inflate and digest in the caller's thread, tar
// and files in a second one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::images {

struct ReceivedLayer {
  std::string diff_id;   // "sha256:...": of the uncompressed tar stream
  int64_t tar_size = 0;  // bytes of it
  int64_t size = 0;      // bytes of file content
  // Directories (relative paths, parents first) that files are in and that have no entry of their own: made with mode 0755
  // and root as owner, where the layers below may have something else.
  std::vector<std::string> implied_directories;
};

// A stream larger than both is taken for a bomb: no specification has a limit.
struct StreamLimits {
  int64_t unsuspected = int64_t{8} << 30;  // bytes, uncompressed
  int64_t ratio = 200;                     // of uncompressed to compressed bytes
};

// The archive is hostile: see layer_unpack.h for what it cannot do. At most 4 MiB wait between the threads.
class LayerStream {
 public:
  // `directory`: an existing, empty one, filled in overlay's on-disk form; "" only computes the digest.
  static Result<std::unique_ptr<LayerStream>> start(const std::string& directory,
                                                    const StreamLimits& limits = {});
  // Ends the second thread; the directory then holds a part.
  ~LayerStream();
  LayerStream(const LayerStream&) = delete;
  LayerStream& operator=(const LayerStream&) = delete;

  // Consecutive bytes of the blob. Blocks while the second thread is behind. Its errors come back here.
  Result<> write(std::string_view compressed);
  // The blob is complete. The directory is, too, on success.
  Result<ReceivedLayer> finish();

 private:
  struct State;
  explicit LayerStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
