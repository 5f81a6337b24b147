// A rotated log file: <name> is the current file, <name>.1 the previous one, and so on; older files may be compressed to
// <name>.N.gz (engine/logs/log_compressor.h). No standard library, no allocation.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/json_log.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

// Errors do not stop the container: messages that cannot be written (disk full) are dropped and counted.
class LogFile {
 public:
  // `directory` is borrowed. Opens or creates settings.name; appends to an existing file.
  void open(int directory, const wire::LogValues& settings);
  void close();
  bool is_open() const { return settings_ != nullptr; }
  // Adds one record, which flush() writes together with others.
  void add(const LogPiece& piece, const char* bytes, size_t size);
  // Rotates before writing, if the file is full.
  void flush();
  uint64_t dropped_bytes() const { return dropped_; }

 private:
  void write(const char* bytes, size_t size);
  void rotate();
  void shift_files();
  void open_current();

  int directory_ = -1;
  int fd_ = -1;
  int64_t size_ = 0;
  uint64_t dropped_ = 0;
  const wire::LogValues* settings_ = nullptr;  // borrowed
};

}  // namespace stack::runtime
