// Docker's journald log driver: each message as one datagram in journald's native protocol.
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ No standard library, no allocation.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/json_log.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

constexpr char kJournalSocket[] = "/run/systemd/journal/socket";

class Journal {
 public:
  // `settings.fields`: fields added to all messages, in the protocol's format; borrowed.
  void open(const wire::LogValues& settings, const char* socket_path);
  void close();
  // Waits up to one second for a slow journald, then drops and counts the message. Reconnects to a restarted journald.
  void send(const LogPiece& piece, const char* bytes, size_t size);
  uint64_t dropped_bytes() const { return dropped_; }

 private:
  const wire::LogValues* settings_ = nullptr;
  char path_[108] = {};
  int fd_ = -1;
  uint64_t dropped_ = 0;
};

}  // namespace stack::runtime
