// Pushing an image from the store: its blobs, then its manifest, byte for byte as the store has it.
#pragma once

#include <stop_token>
#include <string>

#include "images/source/registry/pull.h"

namespace stack::images::registry {

struct PushRequest {
  Reference reference;  // where it goes
  std::string source;   // the image of the store, by name or id; "" = the one that the reference names there
  Caller caller;
  std::stop_token stop;
  Compression compression = Compression::Gzip;  // of layers that were made here
};

struct PushResult {
  std::string digest;  // of the manifest
  int64_t size = 0;    // bytes of it
};

// One blob on its way up.
struct BlobUpload {
  Repository& repository;
  std::string digest;
  FilePart content;
  std::vector<std::string> sources;  // repositories of the same registry that may have it
  std::function<void(int64_t sent)> on_sent;
};

enum class UploadEnd { Present, Mounted, Uploaded };

// HEAD, mount, or upload: in one request where it is small, else in chunks, which go on where the registry says after a
// failure.
Answer<UploadEnd> upload_blob(const BlobUpload& upload);

}  // namespace stack::images::registry
