// Lets changes survive a power cut before clients are told of them.
//
// A change notes the files and folders that it wrote. settle() synchronizes them on a thread of its own, because the
// pool can be busy for seconds. Concurrent requests share a synchronization.
//
// Engine thread only.
#pragma once

#include <asio.hpp>
#include <cstdint>
#include <set>
#include <string>

#include "base/async.h"

namespace stack::engine {

class DiskSync {
 public:
  explicit DiskSync(asio::io_context& io) : done_(io) {}

  // A file whose content changed, or a folder whose entries changed.
  void note(std::string path);
  // Returns when everything noted before the call is on the disk. Failures are logged.
  Task<> settle();

 private:
  asio::thread_pool thread_{1};
  std::set<std::string> paths_;
  uint64_t noted_ = 0;
  uint64_t settled_ = 0;  // the changes that are on the disk
  bool busy_ = false;
  Signal done_;
};

}  // namespace stack::engine
