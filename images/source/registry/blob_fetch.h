// Fetches one blob, resuming and retrying after interruptions, from the registry or else from a foreign layer's own
// addresses.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "images/source/registry/manifest.h"
#include "images/source/registry/repository.h"

namespace stack::images::registry {

// The destination of the bytes.
class BlobTarget {
 public:
  virtual ~BlobTarget() = default;
  virtual int64_t offset() const = 0;  // bytes that are already there
  virtual Result<> restart() = 0;      // discards all bytes
  virtual Result<> write(std::string_view bytes) = 0;
};

struct BlobFetch {
  Repository& repository;
  const Descriptor& blob;
  std::stop_token stop;
  std::function<void(int64_t bytes)> on_bytes;  // total so far; at most several times per second
  RetryNotice on_retry;
};

// On success the target's offset is the blob's size; its digest is not checked here. Failure::Local with the
// target's error if it cannot write.
Answer<> fetch_blob(const BlobFetch& fetch, BlobTarget& target);

}  // namespace stack::images::registry
