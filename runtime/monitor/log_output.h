// The destination of a container's messages: a file, the journal, both, or none; directly or through a queue. Also splits
// streams into messages. No standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/journal.h"
#include "runtime/monitor/log_file.h"
#include "runtime/monitor/log_queue.h"

namespace stack::runtime {

class LogOutput {
 public:
  // `directory` and `settings` are borrowed until close().
  void open(int directory, const wire::LogValues& settings, const char* journal_socket = kJournalSocket);
  // Writes pending messages for up to two seconds.
  void close();
  bool enabled() const { return settings_ != nullptr; }

  void add(const LogPiece& piece, const char* bytes, size_t size);
  // Writes collected messages; call after each batch of add().
  void flush();

  // Non-blocking mode: poll until writable, then call flush(). -1: nothing is pending.
  int waiting_fd() const { return queue_.waiting_fd(); }
  // Bytes lost because of a full disk, a full queue, or a dead journal.
  uint64_t dropped_bytes() const;

 private:
  void open_targets(int directory);
  void flush_file();
  void deliver(const LogPiece& piece, const char* bytes, size_t size);

  const wire::LogValues* settings_ = nullptr;
  const char* journal_socket_ = kJournalSocket;
  LogFile file_;
  Journal journal_;
  LogQueue queue_;
};

// Splits one stream into messages.
class LineLogger {
 public:
  explicit LineLogger(uint8_t stream) : stream_(stream) {}
  void add(LogOutput& output, const char* bytes, size_t size);
  // At the end of the stream: an unfinished line becomes a message without "\n".
  void finish(LogOutput& output);

 private:
  void emit(LogOutput& output, const char* bytes, size_t size, bool newline);

  uint8_t stream_;
  uint16_t parts_ = 0;  // parts of the current line already emitted
  sys::TimeSpec line_time_ = {0, 0};
  size_t held_ = 0;
  char line_[kLongestMessage];
};

}  // namespace stack::runtime
