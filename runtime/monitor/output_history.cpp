#include "runtime/monitor/output_history.h"

namespace stack::runtime {

// A slot with room for this stream at the end of the ring; drops the oldest if necessary.
OutputHistory::Slot& OutputHistory::open_slot(wire::Stream stream) {
  if (count_ > 0) {
    Slot& last = slots_[(first_ + count_ - 1) % kSlots];
    if (last.stream == stream && last.size < kSlotSize) return last;
  }
  if (count_ == kSlots) {
    const Slot& oldest = slots_[first_];
    kept_[index_of(oldest.stream)] -= oldest.size;
    first_ = (first_ + 1) % kSlots;
    --count_;
  }
  Slot& slot = slots_[(first_ + count_++) % kSlots];
  slot.stream = stream;
  slot.size = 0;
  return slot;
}

void OutputHistory::add(wire::Stream stream, const char* bytes, size_t size) {
  int index = index_of(stream);
  total_[index] += size;
  if (!keeping_) return;
  kept_[index] += size;
  while (size > 0) {
    Slot& slot = open_slot(stream);
    size_t n = kSlotSize - slot.size < size ? kSlotSize - slot.size : size;
    __builtin_memcpy(slot.bytes + slot.size, bytes, n);
    slot.size += n;
    bytes += n;
    size -= n;
  }
}

OutputHistory::Walk::Walk(const OutputHistory& history, const uint64_t (&from)[2])
    : history_(history), at_(0) {
  for (int i = 0; i < 2; ++i) {
    from_[i] = from[i];
    position_[i] = history.total_[i] - history.kept_[i];
  }
}

bool OutputHistory::Walk::next(Piece& piece) {
  for (; at_ < history_.count_; ++at_) {
    const Slot& slot = history_.slots_[(history_.first_ + at_) % kSlots];
    int index = index_of(slot.stream);
    uint64_t begin = position_[index];
    position_[index] += slot.size;
    if (position_[index] <= from_[index]) continue;
    size_t skipped = from_[index] > begin ? static_cast<size_t>(from_[index] - begin) : 0;
    piece.stream = slot.stream;
    piece.bytes = slot.bytes + skipped;
    piece.size = slot.size - skipped;
    piece.missed = begin > from_[index] ? begin - from_[index] : 0;
    from_[index] = position_[index];
    ++at_;
    return true;
  }
  return false;
}

}  // namespace stack::runtime
