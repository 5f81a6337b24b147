// Writing tar streams: ustar, with PAX records (POSIX.1-2001) only for values that ustar cannot represent. Equal
// entries give equal bytes, which makes the digest of a layer directory stable.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::images {

struct TarEntry {
  char type =
      '0';  // '0' file, '1' hard link, '2' symbolic link, '3' character, '4' block, '5' directory, '6' FIFO
  std::string name;       // relative; directories end with '/'
  std::string link_name;  // for '1' and '2'
  uint32_t mode = 0;      // permission bits, 07777
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;   // of the content that follows, for '0'
  int64_t mtime = 0;  // whole seconds
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;  // written as SCHILY.xattr.*
};

// Takes consecutive bytes of the stream.
using ByteSink = std::function<Result<>(std::string_view bytes)>;

class TarWriter {
 public:
  explicit TarWriter(ByteSink sink) : sink_(std::move(sink)) {}
  // For files of size > 0, the caller must then pass exactly `size` bytes to content().
  Result<> entry(const TarEntry& entry);
  Result<> content(std::string_view bytes);
  // Two blocks of zeros. Nothing may follow.
  Result<> finish();

 private:
  Result<> pad();
  ByteSink sink_;
  int64_t remaining_ = 0;
  int64_t unpadded_ = 0;
};

}  // namespace stack::images
