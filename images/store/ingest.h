// Receiving images: from a registry or an archive into the store. In this order:
//
//   1. put_blob(config), put_blob(manifest), put_blob(index)        small documents, verified against their digest
//   2. for each layer of the manifest, in parallel (diff id: from the configuration's rootfs.diff_ids, same order):
//        find_layer(descriptor, diff_id)                            already stored: nothing to fetch
//        begin_layer(descriptor, diff_id)                           otherwise; then fetch from offset(), write() and commit()
//   3. add_image({manifest, index}, names)                          all or nothing
//
// All returned objects are pins: hold them until add_image() has returned, or a prune may collect them. All calls
// block on disk; run them off the engine's thread. A layer is not visible before commit() has verified its size,
// digest, and diff id.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/store/manifest.h"

namespace stack::images {

// A layer that stays on disk while a copy of the handle exists, even if its image is removed.
struct Layer {
  std::string diff_id;    // "sha256:..."
  std::string directory;  // absolute
  int64_t size = 0;       // bytes of file content
  int64_t tar_size = 0;   // bytes of the uncompressed tar stream
  std::string blob;       // digest of its source blob; "" for a layer created on this machine
  // Directories in it that had no entry in the archive (layer_stream.h).
  std::vector<std::string> implied_directories;
};
using LayerPin = std::shared_ptr<const Layer>;

// The digest of a blob that stays on disk while a copy of the handle exists.
using BlobPin = std::shared_ptr<const std::string>;

struct IngestedLayer {
  LayerPin layer;
  BlobPin blob;
};

struct ReceivedImage {
  std::string manifest;  // digest
  std::string index;     // digest of the index that the names refer to; "" if they refer to the manifest
};

struct StoredManifest {
  BlobDescriptor descriptor;
  std::string text;  // the exact bytes
  ImageManifest manifest;
  std::string index;  // digest of the multi-platform index, or ""
};

// A layer being received into the store; created by ImageStore::begin_layer(), which returns Conflict while another
// one of the same blob exists. Used by one thread at a time; must not outlive the store.
class LayerIngest {
 public:
  // Without commit(), the received part stays in partial/ for another attempt, unless the disk is full.
  ~LayerIngest();
  LayerIngest(const LayerIngest&) = delete;
  LayerIngest& operator=(const LayerIngest&) = delete;

  // Number of bytes kept from an interrupted attempt of this or an earlier process: fetch from here on ("Range:
  // bytes=<offset>-"). Equal to the descriptor's size if nothing is left to fetch. Advances with write().
  int64_t offset() const;
  // Discards the bytes because the source cannot resume; offset() is 0 again.
  Result<> restart();
  // Takes consecutive compressed bytes of the blob from offset() on; hashes, inflates, and unpacks them. Blocks
  // while unpacking is behind. Invalid for bytes beyond the descriptor's size and for data that is not a layer.
  Result<> write(std::string_view bytes);
  // Verifies and publishes. Invalid if content does not match its digests: the partial blob is then removed, and if
  // offset() was not 0 at the beginning, another attempt from 0 may succeed. Internal if bytes are missing: the
  // received part is kept.
  Result<IngestedLayer> commit();

 private:
  friend class ImageStore;
  struct State;
  explicit LayerIngest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
