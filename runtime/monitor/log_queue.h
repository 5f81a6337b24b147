// `mode: non-blocking`: messages wait in a ring in memory for a writer process of their own, so that neither
// a slow disk nor a slow journal ever holds the container up. What does not fit is dropped and counted, as
// Docker has it (the new message goes, not an old one). No standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/json_log.h"

namespace stack::runtime {

class LogQueue {
 public:
  // What the writer process does: `begin` first, with its own descriptor of what open() was given to keep;
  // `deliver` for each message, `flush` after each batch.
  struct Writer {
    void* context = nullptr;
    void (*begin)(void* context, int kept) = nullptr;
    void (*deliver)(void* context, const LogPiece& piece, const char* bytes, size_t size) = nullptr;
    void (*flush)(void* context) = nullptr;
  };
  // false: no memory or no process; nothing is queued then.
  bool open(int64_t capacity, const Writer& writer, int kept);
  // Gives the writer up to `patience_ms` to write what waits, and lets go of it.
  void close(int64_t patience_ms);

  void add(const LogPiece& piece, const char* bytes, size_t size);
  // To be polled for room; -1 while nothing waits.
  int waiting_fd() const { return used_ > 0 ? pipe_ : -1; }
  // Passes on what the pipe takes now.
  void pump();

  bool is_open() const { return ring_ != nullptr; }
  uint64_t dropped_bytes() const { return dropped_; }

 private:
  void put(const void* bytes, size_t size);
  bool start_writer();
  void stop_writer(int64_t patience_ms);
  [[noreturn]] void run_writer(int from);

  char* ring_ = nullptr;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t used_ = 0;
  int pipe_ = -1;
  int writer_pid_ = -1;
  int kept_ = -1;
  uint64_t dropped_ = 0;
  Writer writer_;
};

}  // namespace stack::runtime
