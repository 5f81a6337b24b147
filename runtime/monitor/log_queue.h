// `mode: non-blocking`: messages wait in a ring buffer for a separate writer process, so that a slow disk or journal never
// blocks the container. Messages that do not fit are dropped and counted; like in Docker, the newest message is dropped. No
// standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/json_log.h"

namespace stack::runtime {

class LogQueue {
 public:
  // The functions of the writer process: `begin` with its copy of the descriptor passed to open(), then `deliver` for each
  // message and `flush` after each batch.
  struct Writer {
    void* context = nullptr;
    void (*begin)(void* context, int kept) = nullptr;
    void (*deliver)(void* context, const LogPiece& piece, const char* bytes, size_t size) = nullptr;
    void (*flush)(void* context) = nullptr;
  };
  // Returns false if there is no memory or process; messages are then not queued.
  bool open(int64_t capacity, const Writer& writer, int kept);
  // Gives the writer up to `patience_ms` to write pending messages, then detaches from it.
  void close(int64_t patience_ms);

  void add(const LogPiece& piece, const char* bytes, size_t size);
  // Descriptor to poll until writable; -1 if nothing is pending.
  int waiting_fd() const { return used_ > 0 ? pipe_ : -1; }
  // Passes on as much as the pipe accepts.
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
