// Docker's json-file log: one line per line of output, or per 16 KiB of a longer one (without its "\n" then).
// No standard library, no allocation: also used by the static watch process.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/watch/system_calls.h"
#include "runtime/watch/text.h"
#include "runtime/wire.h"

namespace stack::runtime {

constexpr size_t kLongestMessage = 16 * 1024;

// "2006-01-02T15:04:05.999999999Z", without trailing zeros in the fraction, as Go's RFC3339Nano.
void add_time(TextWriter& out, int64_t seconds, int64_t nanoseconds);

// One JSON string's inside, escaped as Go's encoding/json does (< > & included); bytes that are no UTF-8
// become U+FFFD. `emit(context, bytes, size)` takes the pieces.
void escape_json(const char* bytes, size_t size, void (*emit)(void*, const char*, size_t), void* context);

// The log file with its rotation. Errors do not stop the container: what cannot be written (disk full) is
// dropped and the next message is tried anew.
class LogFile {
 public:
  // `directory` is borrowed. Opens (or makes) settings.name; an existing file is continued.
  void open(int directory, const wire::LogValues& settings);
  void close();
  // Writes `size` bytes that end a line. Rotates before, if the file is full.
  void write(const char* bytes, size_t size);
  bool enabled() const { return fd_ >= 0; }
  uint64_t dropped_bytes() const { return dropped_; }

 private:
  void rotate();
  void open_current();

  int directory_ = -1;
  int fd_ = -1;
  int64_t size_ = 0;
  uint64_t dropped_ = 0;
  wire::LogValues settings_;
};

// Cuts one stream into messages and hands finished log lines to the file.
class LineLogger {
 public:
  explicit LineLogger(const char* stream) : stream_(stream) {}
  void add(LogFile& file, const char* bytes, size_t size);
  // At the end of the stream: an unfinished line becomes a message without "\n".
  void finish(LogFile& file);

 private:
  void emit(LogFile& file, const char* bytes, size_t size, bool newline);

  const char* stream_;
  size_t held_ = 0;
  char line_[kLongestMessage];
};

// Writes out what LineLogger collected; call after each batch of add().
void flush_log(LogFile& file);

}  // namespace stack::runtime
