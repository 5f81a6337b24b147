// The attached readers: each receives the container's output as frames and may write to its stdin. The container waits for
// a reader that keeps reading. A reader that does not read for kPatienceMs misses output and is told how much when it reads
// again. The container waits indefinitely only for lossless readers.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

constexpr size_t kLargestFrame = 16 * 1024;
constexpr int64_t kPatienceMs = 1000;

struct Reader {
  int fd = -1;
  uint32_t flags = 0;      // wire::AttachFlags
  bool full = false;       // its socket is full
  int64_t full_since = 0;  // monotonic milliseconds
  bool input_over = false;
  uint64_t missed = 0;
};

class Readers {
 public:
  // The engine's end of a new stream, or -errno. `reader`: ours.
  long attach(uint32_t flags, Reader*& reader);
  // `size` <= kLargestFrame.
  void deliver(wire::Stream stream, const char* bytes, size_t size, int64_t now);
  // Delivers pieces of any size to one reader, after a gap of `missed` bytes.
  void deliver_to(Reader& reader, wire::Stream stream, const char* bytes, size_t size, uint64_t missed);
  bool any_resumable() const;
  // Remaining milliseconds during which output must not be read because a reader is full; 0 = none, -1 = until it has room.
  int64_t holding(int64_t now) const;
  void close_all();
  Reader& at(int i) { return readers_[i]; }
  void close(Reader& reader);

 private:
  void send(Reader& reader, wire::Stream stream, const char* bytes, size_t size);
  void send_gap(Reader& reader, uint64_t missed);

  Reader readers_[wire::kMaxReaders];
};

}  // namespace stack::runtime
