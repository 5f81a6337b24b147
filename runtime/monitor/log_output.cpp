#include "runtime/monitor/log_output.h"

namespace stack::runtime {

namespace {
constexpr int64_t kClosePatienceMs = 2000;
}

void LogOutput::open(int directory, const wire::LogValues& settings, const char* journal_socket) {
  close();
  if (settings.driver == wire::kLogNone) return;
  settings_ = &settings;
  journal_socket_ = journal_socket;
  if (settings.buffer_size > 0) {
    LogQueue::Writer writer;
    writer.context = this;
    writer.begin = [](void* self, int kept) { static_cast<LogOutput*>(self)->open_targets(kept); };
    writer.deliver = [](void* self, const LogPiece& piece, const char* bytes, size_t size) {
      static_cast<LogOutput*>(self)->deliver(piece, bytes, size);
    };
    writer.flush = [](void* self) { static_cast<LogOutput*>(self)->flush_file(); };
    if (queue_.open(settings.buffer_size, writer, directory)) return;
  }
  open_targets(directory);
}

void LogOutput::open_targets(int directory) {
  if (directory >= 0 && settings_->name[0] != '\0') file_.open(directory, *settings_);
  if (settings_->driver == wire::kLogJournal) journal_.open(*settings_, journal_socket_);
}

void LogOutput::close() {
  if (settings_ == nullptr) return;
  queue_.close(kClosePatienceMs);
  file_.close();
  journal_.close();
  settings_ = nullptr;
}

void LogOutput::deliver(const LogPiece& piece, const char* bytes, size_t size) {
  if (file_.is_open()) file_.add(piece, bytes, size);
  if (settings_->driver == wire::kLogJournal) journal_.send(piece, bytes, size);
}

void LogOutput::add(const LogPiece& piece, const char* bytes, size_t size) {
  if (queue_.is_open()) {
    queue_.add(piece, bytes, size);
  } else {
    deliver(piece, bytes, size);
  }
}

void LogOutput::flush() {
  if (settings_ == nullptr) return;
  if (queue_.is_open()) {
    queue_.pump();
  } else {
    flush_file();
  }
}

void LogOutput::flush_file() {
  if (file_.is_open()) file_.flush();
}

uint64_t LogOutput::dropped_bytes() const {
  return file_.dropped_bytes() + journal_.dropped_bytes() + queue_.dropped_bytes();
}

void LineLogger::emit(LogOutput& output, const char* bytes, size_t size, bool newline) {
  LogPiece piece;
  piece.stream = stream_;
  piece.newline = newline;
  sys::clock(0 /* CLOCK_REALTIME */, &piece.time);
  if (parts_ == 0) line_time_ = piece.time;
  piece.line_time = line_time_;
  bool part_of_longer = parts_ > 0 || (!newline && size == kLongestMessage);
  if (part_of_longer && parts_ < 0xffff) ++parts_;
  piece.ordinal = part_of_longer ? parts_ : 0;
  if (newline) parts_ = 0;
  output.add(piece, bytes, size);
}

void LineLogger::add(LogOutput& output, const char* bytes, size_t size) {
  if (!output.enabled()) return;
  size_t i = 0;
  while (i < size) {
    size_t end = i;
    size_t room = kLongestMessage - held_;
    while (end < size && end - i < room && bytes[end] != '\n') ++end;
    bool newline = end < size && end - i < room && bytes[end] == '\n';
    bool full = !newline && end - i == room;
    if (held_ == 0 && (newline || full)) {
      emit(output, bytes + i, end - i, newline);
    } else {
      for (size_t k = i; k < end; ++k) line_[held_++] = bytes[k];
      if (newline || full) {
        emit(output, line_, held_, newline);
        held_ = 0;
      }
    }
    i = end + (newline ? 1 : 0);
  }
}

void LineLogger::finish(LogOutput& output) {
  if (held_ > 0 && output.enabled()) emit(output, line_, held_, false);
  held_ = 0;
  parts_ = 0;
}

}  // namespace stack::runtime
