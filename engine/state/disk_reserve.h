// Disk space put aside so that what frees space can be recorded on a full disk: ending a container, removing
// one, `down`.
#pragma once

#include <string>

#include "base/units.h"

namespace stack::engine {

// A file of kSize bytes, given back to the file system in steps of kStep. Not thread-safe: the engine's
// thread only.
class DiskReserve {
 public:
  static constexpr ByteSize kSize{int64_t{2} << 20};
  static constexpr ByteSize kStep{int64_t{512} << 10};
  // Filled up only while this much stays free.
  static constexpr ByteSize kComfort{int64_t{16} << 20};

  DiskReserve() = default;
  // `path`: the file; not touched before the first call.
  explicit DiskReserve(std::string path) : path_(std::move(path)) {}

  // Gives one step back. False: nothing is left of it.
  bool release_step() const;
  // Makes it whole again where space allows; repeated calls cost two system calls.
  void refill() const;
  ByteSize size() const;

 private:
  std::string path_;
};

// Free to unprivileged and privileged users alike, on the file system that holds `path`; 0 where unknown.
ByteSize free_space(const std::string& path);

}  // namespace stack::engine
