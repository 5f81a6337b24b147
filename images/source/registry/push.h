// Pushes an image from the store: its blobs, then its manifest, byte for byte as the store has it.
#pragma once

#include <stop_token>
#include <string>

#include "images/source/registry/pull.h"

namespace stack::images::registry {

struct PushRequest {
  Reference reference;  // the destination
  std::string source;   // the image in the store, by name or id; "" = the one that the reference names
  Caller caller;
  std::stop_token stop;
  Compression compression = Compression::Gzip;  // of layers created on this machine
};

struct PushResult {
  std::string digest;  // of the manifest
  int64_t size = 0;    // bytes of it
};

// An upload of one blob.
struct BlobUpload {
  Repository& repository;
  std::string digest;
  FilePart content;
  std::vector<std::string> sources;  // repositories of the same registry that may have it
  std::function<void(int64_t sent)> on_sent;
};

enum class UploadEnd { Present, Mounted, Uploaded };

// HEAD, mount, or upload: in one request if it is small, else in chunks, which resume at the registry's offset
// after a failure.
Answer<UploadEnd> upload_blob(const BlobUpload& upload);

}  // namespace stack::images::registry
