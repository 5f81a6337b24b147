// Fetching one blob: resumed where it broke off, retried, and from a foreign layer's own addresses where the registry has it
// not.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "images/source/registry/manifest.h"
#include "images/source/registry/repository.h"

namespace stack::images::registry {

// Where the bytes go.
class BlobTarget {
 public:
  virtual ~BlobTarget() = default;
  virtual int64_t offset() const = 0;  // bytes there already
  virtual Result<> restart() = 0;      // back to none
  virtual Result<> write(std::string_view bytes) = 0;
};

struct BlobFetch {
  Repository& repository;
  const Descriptor& blob;
  std::stop_token stop;
  std::function<void(int64_t bytes)> on_bytes;  // all that is there so far; several times a second at most
  RetryNotice on_retry;
};

// On success the target's offset is the blob's size; its digest is not checked here. Failure::Local with the target's error
// where it takes no more.
Answer<> fetch_blob(const BlobFetch& fetch, BlobTarget& target);

}  // namespace stack::images::registry
