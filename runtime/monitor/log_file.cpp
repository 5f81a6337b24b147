#include "runtime/monitor/log_file.h"

#include "runtime/monitor/text.h"

namespace stack::runtime {

namespace {

// Collects records, so that a burst of short lines costs one write.
constexpr size_t kBatch = 128 * 1024;
char batch[kBatch];
size_t batched = 0;

// The caller ensures that there is room.
void append(const char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) batch[batched + i] = bytes[i];
  batched += size;
}

void append_piece(void*, const char* bytes, size_t size) { append(bytes, size); }

constexpr const char* kSuffixes[] = {"", ".gz"};
constexpr int kLockExclusive = 2, kLockNow = 4, kUnlock = 8;

}  // namespace

void LogFile::open(int directory, const wire::LogValues& settings) {
  close();
  directory_ = directory;
  settings_ = &settings;
  open_current();
}

void LogFile::close() {
  if (fd_ >= 0) {
    flush();
    sys::close(fd_);
  }
  fd_ = -1;
  settings_ = nullptr;
}

void LogFile::open_current() {
  long fd = sys::openat(directory_, settings_->name,
                        sys::kWriteOnly | sys::kAppend | sys::kCreate | sys::kCloexec, 0640);
  fd_ = fd < 0 ? -1 : static_cast<int>(fd);
  size_ = fd_ < 0 ? 0 : sys::lseek(fd_, 0, 2 /* SEEK_END */);
}

void LogFile::shift_files() {
  char older[280], newer[280];
  for (const char* suffix : kSuffixes) {
    TextWriter last(older, sizeof(older));
    last.add(settings_->name).add('.').number(settings_->max_file - 1).add(suffix).done();
    sys::unlinkat(directory_, older);
  }
  for (int number = settings_->max_file - 1; number >= 1; --number) {
    for (const char* suffix : kSuffixes) {
      if (number == 1 && suffix[0] != '\0') continue;  // the current one is never compressed
      TextWriter to(older, sizeof(older));
      to.add(settings_->name).add('.').number(number).add(suffix).done();
      TextWriter from(newer, sizeof(newer));
      from.add(settings_->name);
      if (number > 1) from.add('.').number(number - 1).add(suffix);
      from.done();
      sys::renameat(directory_, newer, older);
    }
  }
}

void LogFile::rotate() {
  if (settings_->max_file <= 1) {
    if (sys::ftruncate(fd_, 0) == 0) size_ = 0;
    return;
  }
  // The engine holds this lock while it replaces a plain file with a compressed one; names must not change then. Does not
  // wait for the lock: the file only grows by one more batch.
  if (sys::flock(directory_, kLockExclusive | kLockNow) == -sys::kEagain) return;
  shift_files();
  sys::flock(directory_, kUnlock);
  sys::close(fd_);
  open_current();
}

void LogFile::write(const char* bytes, size_t size) {
  if (fd_ < 0) open_current();
  if (fd_ >= 0 && settings_->max_size > 0 && size_ >= settings_->max_size) rotate();
  while (size > 0) {
    long n = fd_ < 0 ? -1 : sys::write(fd_, bytes, size);
    if (n == -sys::kEintr) continue;
    if (n <= 0) {
      dropped_ += size;
      return;
    }
    size_ += n;
    bytes += n;
    size -= static_cast<size_t>(n);
  }
}

void LogFile::flush() {
  if (batched > 0) write(batch, batched);
  batched = 0;
}

void LogFile::add(const LogPiece& piece, const char* bytes, size_t size) {
  // Rotates only between records: flushes collected records if this one may not fit, or if they fill the current file.
  // "max-size" is exact to one record.
  bool attributes = settings_->driver == wire::kLogJson;
  size_t extra = 128 + (attributes ? settings_->fields_size : 0);
  bool full = settings_->max_size > 0 && size_ + static_cast<int64_t>(batched) >= settings_->max_size;
  if (full || batched + 6 * size + extra > kBatch) flush();
  append("{\"log\":\"", 8);
  escape_json(bytes, size, append_piece, nullptr);
  char tail[128];
  TextWriter end(tail, sizeof(tail));
  end.add(piece.newline ? "\\n\",\"stream\":\"" : "\",\"stream\":\"");
  end.add(piece.stream == wire::kStreamStderr ? "stderr\"" : "stdout\"");
  append(tail, end.used());
  if (attributes) append(settings_->fields, settings_->fields_size);
  TextWriter time(tail, sizeof(tail));
  time.add(",\"time\":\"");
  add_time(time, piece.time.seconds, piece.time.nanoseconds);
  time.add("\"}\n");
  append(tail, time.used());
}

}  // namespace stack::runtime
