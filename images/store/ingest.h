// Receiving images: from a registry or an archive into the store. In this order:
//
//   1. put_blob(config), put_blob(manifest), put_blob(index)        small documents, verified against their digest
//   2. for each layer of the manifest, in parallel (diff id: from the configuration's rootfs.diff_ids, same order):
//        find_layer(descriptor, diff_id)                            there already: nothing to fetch
//        begin_layer(descriptor, diff_id)                           else; then fetch from offset(), write() and commit()
//   3. add_image({manifest, index}, names)                          all or nothing
//
// Everything given out is a pin: hold it until add_image() has returned, or a prune may collect it. All calls block on
// disk; run them off the engine's thread. Nothing of a layer is visible before commit() has verified size, digest and
// diff id.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/store/manifest.h"

namespace stack::images {

// A layer that stays on disk as long as a copy of the handle lives, whatever is removed meanwhile.
struct Layer {
  std::string diff_id;    // "sha256:..."
  std::string directory;  // absolute
  int64_t size = 0;       // bytes of file content
  int64_t tar_size = 0;   // bytes of the uncompressed tar stream
  std::string blob;       // digest of the blob it came from; "" for one made here
  // Directories in it that had no entry in the archive (layer_stream.h).
  std::vector<std::string> implied_directories;
};
using LayerPin = std::shared_ptr<const Layer>;

// The digest of a blob that stays on disk as long as a copy of the handle lives.
using BlobPin = std::shared_ptr<const std::string>;

struct IngestedLayer {
  LayerPin layer;
  BlobPin blob;
};

struct ReceivedImage {
  std::string manifest;  // digest
  std::string index;     // digest of the multi-platform index the names mean; "" where they mean the manifest
};

struct StoredManifest {
  BlobDescriptor descriptor;
  std::string text;  // the exact bytes
  ImageManifest manifest;
  std::string index;  // digest of the multi-platform index, or ""
};

// One layer on its way into the store; made by ImageStore::begin_layer(), which is Conflict while another one of the same
// blob lives. To be used by one thread at a time, before the store goes.
class LayerIngest {
 public:
  // Without commit(): what came of the blob stays in partial/ for the next try, unless the disk is full.
  ~LayerIngest();
  LayerIngest(const LayerIngest&) = delete;
  LayerIngest& operator=(const LayerIngest&) = delete;

  // Bytes there already, kept from an interrupted try (of this process or an earlier one): fetch from here on
  // ("Range: bytes=<offset>-"). Equal to the descriptor's size where nothing is left to fetch. Moves with write().
  int64_t offset() const;
  // The source cannot resume: forget what there is; offset() is 0 again.
  Result<> restart();
  // Consecutive bytes of the blob from offset() on, as they come, compressed. Hashes, inflates and unpacks them; blocks
  // while unpacking is behind. Invalid for bytes beyond the descriptor's size and for what is no layer.
  Result<> write(std::string_view bytes);
  // Verifies and publishes. Invalid where content is not what its digests say: the partial blob is gone then, and where
  // offset() was not 0 at the beginning, one more try from 0 is worth it. Internal where bytes are missing: what came is
  // kept.
  Result<IngestedLayer> commit();

 private:
  friend class ImageStore;
  struct State;
  explicit LayerIngest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::images
