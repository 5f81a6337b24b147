// A layer directory in overlay's on-disk form, as an OCI layer tar stream (image-spec, layer.md).
#pragma once

#include <stop_token>
#include <string>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

struct LayerDigest {
  std::string diff_id;   // "sha256:...": of the tar stream
  int64_t tar_size = 0;  // bytes of it
  int64_t size = 0;      // bytes of file content
  bool empty = false;    // no entries: the layer changes nothing
};

// Writes the stream. Deterministic: names sorted bytewise in each directory, whiteouts before their siblings,
// parents before children, whole seconds, numeric owners. Whiteouts (character device 0/0) become ".wh.NAME",
// opaque directories get ".wh..wh..opq"; overlay's own attributes are left out. Sockets are left out. The root
// itself is an entry only if its owner is not root or its mode is not 0755. Unsupported for features that exist
// only in overlay (redirect_dir, metacopy).
Result<LayerDigest> write_layer_tar(const std::string& directory, const ByteSink& sink);

// Computes only the digest.
Result<LayerDigest> digest_layer(const std::string& directory);

}  // namespace stack::images
