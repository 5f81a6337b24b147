// The latest output of a container, for readers that resume after their engine died. No standard library, no allocation;
// unused pages cost nothing.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/wire.h"

namespace stack::runtime {

class OutputHistory {
 public:
  // Starts keeping output.
  void begin() { keeping_ = true; }
  void add(wire::Stream stream, const char* bytes, size_t size);

  struct Piece {
    wire::Stream stream = wire::kStreamStdout;
    const char* bytes = nullptr;
    size_t size = 0;
    uint64_t missed = 0;  // bytes of this stream between `from` and the piece that were dropped
  };
  // Iterates over the output after a position; each piece advances the positions of stdout and stderr.
  class Walk {
   public:
    Walk(const OutputHistory& history, const uint64_t (&from)[2]);
    // Returns false at the end.
    bool next(Piece& piece);

   private:
    const OutputHistory& history_;
    size_t at_;
    uint64_t from_[2];
    uint64_t position_[2];
  };

 private:
  static constexpr size_t kSlots = 64;
  static constexpr size_t kSlotSize = 8 * 1024;
  static int index_of(wire::Stream stream) { return stream == wire::kStreamStderr ? 1 : 0; }

  // A ring of slots, each with bytes of one stream.
  struct Slot {
    wire::Stream stream;
    size_t size;
    char bytes[kSlotSize];
  };
  Slot& open_slot(wire::Stream stream);

  bool keeping_ = false;
  uint64_t total_[2] = {};  // bytes of each stream since the start of the process
  uint64_t kept_[2] = {};   // of these, in the ring
  size_t first_ = 0;
  size_t count_ = 0;
  Slot slots_[kSlots];
};

}  // namespace stack::runtime
