// Reserved disk space, so that operations that free space (stop, removal, `down`) can be recorded on a full disk.
#pragma once

#include <string>

#include "base/units.h"

namespace stack::engine {

// A file of kSize bytes, released to the file system in steps of kStep. Engine thread only.
class DiskReserve {
 public:
  static constexpr ByteSize kSize{int64_t{2} << 20};
  static constexpr ByteSize kStep{int64_t{512} << 10};
  // Refilled only while this much space stays free.
  static constexpr ByteSize kComfort{int64_t{16} << 20};

  DiskReserve() = default;
  // `path`: the file; not accessed before the first call.
  explicit DiskReserve(std::string path) : path_(std::move(path)) {}

  // Releases one step; false if the reserve is empty.
  bool release_step() const;
  // Refills the reserve if space allows; repeated calls cost two system calls.
  void refill() const;
  ByteSize size() const;

 private:
  std::string path_;
};

// Free space for unprivileged users on the file system of `path`; 0 if unknown.
ByteSize free_space(const std::string& path);

}  // namespace stack::engine
