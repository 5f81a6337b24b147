// The attached readers: each gets the container's output as frames and may write its stdin. A reader that is
// too slow misses output and is told how much; it never holds the container up, unless it asked to
// (lossless).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/watch/system_calls.h"
#include "runtime/wire.h"

namespace stack::runtime {

constexpr size_t kLargestFrame = 16 * 1024;

struct Reader {
  int fd = -1;
  uint32_t flags = 0;  // wire::AttachFlags
  bool full = false;   // lossless: its socket has no room for more
  bool input_over = false;
  uint64_t missed = 0;
};

class Readers {
 public:
  // The engine's end of a new stream, or -errno.
  long attach(uint32_t flags);
  // `size` <= kLargestFrame.
  void deliver(wire::Stream stream, const char* bytes, size_t size);
  // A lossless reader has no room: do not read more output.
  bool holding() const;
  void close_all();
  Reader& at(int i) { return readers_[i]; }
  void close(Reader& reader);

 private:
  void send(Reader& reader, wire::Stream stream, const char* bytes, size_t size);

  Reader readers_[wire::kMaxReaders];
};

}  // namespace stack::runtime
