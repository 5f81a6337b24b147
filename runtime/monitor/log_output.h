// Where a container's messages go: a file, the journal, both, or nowhere; at once or through a queue. And the
// cutting of its streams into messages. No standard library.
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
  // What was added is written, as far as that is possible in two seconds.
  void close();
  bool enabled() const { return settings_ != nullptr; }

  void add(const LogPiece& piece, const char* bytes, size_t size);
  // Writes out what was collected; call after each batch of add().
  void flush();

  // Non-blocking mode: poll for room, then flush(). -1: nothing waits.
  int waiting_fd() const { return queue_.waiting_fd(); }
  // Bytes of messages that were lost to a full disk, a full queue or a dead journal.
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

// Cuts one stream into messages.
class LineLogger {
 public:
  explicit LineLogger(uint8_t stream) : stream_(stream) {}
  void add(LogOutput& output, const char* bytes, size_t size);
  // At the end of the stream: an unfinished line becomes a message without "\n".
  void finish(LogOutput& output);

 private:
  void emit(LogOutput& output, const char* bytes, size_t size, bool newline);

  uint8_t stream_;
  uint16_t parts_ = 0;  // of the present line, given out already
  sys::TimeSpec line_time_ = {0, 0};
  size_t held_ = 0;
  char line_[kLongestMessage];
};

}  // namespace stack::runtime
