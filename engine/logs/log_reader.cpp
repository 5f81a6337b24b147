#include "engine/logs/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "engine/logs/log_archive.h"
#include "engine/logs/tail.h"

namespace stack::logs {

namespace {

constexpr size_t kBlock = size_t{64} << 10;
constexpr size_t kLongestRecord = size_t{4} << 20;

}  // namespace

Result<LogReader> LogReader::open(LogQuery query) {
  LogReader reader;
  reader.query_ = std::move(query);
  TRY(reader.start());
  return reader;
}

std::string LogReader::file_name(size_t index) const {
  return index == 0 ? query_.path : query_.path + "." + std::to_string(index);
}

bool LogReader::selects(const LogEntry& entry) const {
  if (entry.stream == LogStream::Stdout ? !query_.out : !query_.err) return false;
  return !(query_.since && entry.time < *query_.since) && !(query_.until && entry.time > *query_.until);
}

Result<> LogReader::start() { return query_.tail ? start_at_tail() : start_at_oldest(); }

Result<> LogReader::start_at_tail() {
  TRY_ASSIGN(TailStart tail, find_tail([this](size_t index) { return file_name(index); }, *query_.tail,
                                       [this](const LogEntry& entry) { return selects(entry); }));
  if (tail.file) use(std::move(tail.file), tail.identity, tail.offset);
  lines_to_pass_ = tail.lines_to_pass;
  if (*query_.tail == 0 && !query_.follow) finished_ = true;
  return {};
}

Result<> LogReader::start_at_oldest() {
  size_t count = 1;
  while (identity_of(file_name(count))) ++count;
  for (size_t index = count; index-- > 0;) {
    std::optional<LogIdentity> identity = identity_of(file_name(index));
    if (!identity) continue;
    if (index > 0 && query_.since && identity->modified < *query_.since) continue;
    TRY_ASSIGN(std::optional<OpenLog> opened, open_log(file_name(index)));
    if (!opened) continue;
    use(std::move(opened->file), opened->identity, 0);
    return {};
  }
  return {};
}

void LogReader::use(Fd file, LogIdentity identity, uint64_t offset) {
  held_ = identity;
  file_ = std::move(file);
  offset_ = offset;
  buffer_.clear();
  begin_ = 0;
  discarding_ = false;
}

Result<bool> LogReader::read_more() {
  if (!file_) return false;
  buffer_.erase(0, std::exchange(begin_, 0));
  if (buffer_.size() > kLongestRecord) {
    buffer_.clear();
    discarding_ = true;
  }
  size_t kept = buffer_.size();
  buffer_.resize(kept + kBlock);
  ssize_t n = 0;
  do {
    n = ::pread(file_.get(), buffer_.data() + kept, kBlock, static_cast<off_t>(offset_));
  } while (n < 0 && errno == EINTR);
  Error error = Error::last_errno("read " + query_.path);
  buffer_.resize(kept + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0) return error;
  offset_ += static_cast<uint64_t>(n);
  if (n > 0) return true;
  // The file was truncated in place ("truncate -s 0"): start over.
  struct stat info{};
  if (::fstat(file_.get(), &info) != 0 || static_cast<uint64_t>(info.st_size) >= offset_) return false;
  offset_ = 0;
  buffer_.clear();
  return info.st_size > 0;
}

Result<bool> LogReader::next_file() {
  if (file_ && !held_.compressed) held_ = identity_of_open(file_.get());
  std::optional<size_t> successor;
  size_t index = 0;
  for (std::optional<LogIdentity> identity = identity_of(file_name(0)); identity || index == 0;
       identity = identity_of(file_name(++index))) {
    if (identity && file_ && is_same_log(held_, *identity)) break;
    if (identity) successor = index;
  }
  if (!successor) return false;
  TRY_ASSIGN(std::optional<OpenLog> opened, open_log(file_name(*successor)));
  // Renamed between lookup and open: the caller retries.
  if (!opened || (file_ && is_same_log(held_, opened->identity))) return false;
  // The writer renames only between records, so its last records are in our file: read them first.
  if (file_) {
    TRY_ASSIGN(bool more, read_more());
    if (more) return true;
    if (begin_ < buffer_.size()) ++skipped_;
  }
  use(std::move(opened->file), opened->identity, 0);
  return true;
}

Result<std::optional<std::string_view>> LogReader::next_line() {
  size_t searched = begin_;
  for (;;) {
    size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      std::string_view line(buffer_.data() + begin_, newline - begin_);
      begin_ = newline + 1;
      if (!std::exchange(discarding_, false)) return std::optional(line);
      ++skipped_;
      searched = begin_;
      continue;
    }
    TRY_ASSIGN(bool more, read_more());
    if (!more) {
      TRY_ASSIGN(more, next_file());
    }
    if (!more) return std::optional<std::string_view>();
    searched = 0;
  }
}

std::optional<LogEntry> LogReader::join(LogEntry part) {
  bool ends = part.text.ends_with('\n');
  auto first = parts_.find(part.stream);
  if (first == parts_.end()) {
    if (ends) return part;
    LogStream stream = part.stream;
    parts_.emplace(stream, std::move(part));
    return std::nullopt;
  }
  first->second.text += part.text;
  if (!ends && first->second.text.size() < kLongestLine) return std::nullopt;
  LogEntry whole = std::move(first->second);
  parts_.erase(first);
  return whole;
}

std::optional<LogEntry> LogReader::take_unfinished() {
  if (parts_.empty()) return std::nullopt;
  auto first = std::min_element(parts_.begin(), parts_.end(),
                                [](const auto& a, const auto& b) { return a.second.time < b.second.time; });
  LogEntry entry = std::move(first->second);
  parts_.erase(first);
  return entry;
}

Result<std::optional<LogEntry>> LogReader::next() {
  while (!finished_) {
    TRY_ASSIGN(std::optional<std::string_view> line, next_line());
    if (!line) {
      if (query_.follow) return std::optional<LogEntry>();
      if (std::optional<LogEntry> last = take_unfinished()) return last;
      finished_ = true;
      break;
    }
    std::optional<LogEntry> entry = parse_log_line(*line);
    if (!entry) {
      if (!line->empty()) ++skipped_;
      continue;
    }
    if (query_.until && entry->time > *query_.until) {
      finished_ = true;
      break;
    }
    if (!selects(*entry)) continue;
    std::optional<LogEntry> whole = join(std::move(*entry));
    if (!whole) continue;
    if (lines_to_pass_ > 0) {
      --lines_to_pass_;
      continue;
    }
    return whole;
  }
  return std::optional<LogEntry>();
}

}  // namespace stack::logs
