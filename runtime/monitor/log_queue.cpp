#include "runtime/monitor/log_queue.h"

namespace stack::runtime {

namespace {

struct Record {
  uint32_t size = 0;
  LogPiece piece;
};

constexpr size_t kChunk = 64 * 1024;
char chunk[kChunk + sizeof(Record) + kLongestMessage];

void sleep_briefly() {
  sys::TimeSpec moment = {0, 2000000};
  sys::poll(nullptr, 0, &moment);
}

}  // namespace

bool LogQueue::open(int64_t capacity, const Writer& writer, int kept) {
  capacity_ = static_cast<size_t>(capacity);
  writer_ = writer;
  kept_ = kept;
  long memory = sys::map_memory(capacity_);
  if (memory < 0 && memory > -4096) return false;
  ring_ = reinterpret_cast<char*>(memory);
  if (start_writer()) return true;
  sys::unmap_memory(ring_, capacity_);
  ring_ = nullptr;
  return false;
}

bool LogQueue::start_writer() {
  int ends[2];
  if (sys::pipe(ends) < 0) return false;
  long child = sys::fork();
  if (child == 0) run_writer(ends[0]);
  sys::close(ends[0]);
  if (child < 0) {
    sys::close(ends[1]);
    return false;
  }
  sys::fcntl(ends[1], 4 /* F_SETFL */, sys::kWriteOnly | sys::kNonblock);
  pipe_ = ends[1];
  writer_pid_ = static_cast<int>(child);
  return true;
}

// The writer keeps no other descriptors, so that the container's streams and the engine's socket close when the monitor
// dies.
void LogQueue::run_writer(int from) {
  sys::duplicate(from, 0);
  if (kept_ >= 0) sys::duplicate(kept_, 1);
  sys::close_range(2, ~0U, 0);
  writer_.begin(writer_.context, kept_ >= 0 ? 1 : -1);
  size_t held = 0;
  for (;;) {
    long n = sys::read(0, chunk + held, kChunk);
    if (n == -sys::kEintr) continue;
    if (n <= 0) sys::exit(0);
    held += static_cast<size_t>(n);
    size_t at = 0;
    while (held - at >= sizeof(Record)) {
      Record record;
      __builtin_memcpy(&record, chunk + at, sizeof(record));
      if (held - at - sizeof(record) < record.size) break;
      writer_.deliver(writer_.context, record.piece, chunk + at + sizeof(record), record.size);
      at += sizeof(record) + record.size;
    }
    writer_.flush(writer_.context);
    __builtin_memmove(chunk, chunk + at, held - at);
    held -= at;
  }
}

void LogQueue::put(const void* bytes, size_t size) {
  const char* from = static_cast<const char*>(bytes);
  size_t end = (begin_ + used_) % capacity_;
  for (size_t i = 0; i < size; ++i) {
    ring_[end] = from[i];
    if (++end == capacity_) end = 0;
  }
  used_ += size;
}

void LogQueue::add(const LogPiece& piece, const char* bytes, size_t size) {
  if (capacity_ - used_ < sizeof(Record) + size) pump();
  if (capacity_ - used_ < sizeof(Record) + size) {
    dropped_ += size;
    return;
  }
  Record record;
  record.size = static_cast<uint32_t>(size);
  record.piece = piece;
  put(&record, sizeof(record));
  put(bytes, size);
}

void LogQueue::pump() {
  while (used_ > 0) {
    size_t straight = used_ < capacity_ - begin_ ? used_ : capacity_ - begin_;
    long n = sys::write(pipe_, ring_ + begin_, straight);
    if (n == -sys::kEintr) continue;
    if (n == -sys::kEagain) return;
    if (n <= 0) {
      // The writer was killed: its data and a partially transferred record are lost.
      dropped_ += used_;
      begin_ = used_ = 0;
      stop_writer(0);
      start_writer();
      return;
    }
    begin_ = (begin_ + static_cast<size_t>(n)) % capacity_;
    used_ -= static_cast<size_t>(n);
  }
}

void LogQueue::close(int64_t patience_ms) {
  if (ring_ == nullptr) return;
  for (int64_t left = patience_ms; used_ > 0 && left > 0; left -= 2) {
    pump();
    if (used_ > 0) sleep_briefly();
  }
  dropped_ += used_;
  begin_ = used_ = 0;
  stop_writer(patience_ms);
  if (ring_ != nullptr) sys::unmap_memory(ring_, capacity_);
  ring_ = nullptr;
}

void LogQueue::stop_writer(int64_t patience_ms) {
  if (pipe_ >= 0) sys::close(pipe_);
  pipe_ = -1;
  int status = 0;
  for (int64_t left = patience_ms; writer_pid_ > 0; left -= 2) {
    if (sys::wait4(writer_pid_, &status, 1 /* WNOHANG */) != 0) break;
    // A writer that hangs on a dead disk exits later and is reaped by init.
    if (left <= 0) break;
    sleep_briefly();
  }
  writer_pid_ = -1;
}

}  // namespace stack::runtime
