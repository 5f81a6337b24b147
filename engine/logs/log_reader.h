// Reads a container's log in the format of stack-monitor and Docker's json-file driver: one JSON object per line,
//
//   {"log":"text\n","stream":"stdout","attrs":{...},"time":"2026-01-02T03:04:05.123456789Z"}
//
// rotated to <path>.1, <path>.2 ... (higher is older; <path>.N.gz if compressed). A record whose text has no newline is a
// partial line; parts are joined. Other lines (truncated by a crash, corrupt) are skipped and counted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "engine/logs/log_archive.h"

namespace stack::logs {

enum class LogStream { Stdout, Stderr };

struct LogEntry {
  LogStream stream = LogStream::Stdout;
  WallTime time{};  // time of the first part
  // With its newline, unless the container's last line had none or a line longer than kLongestLine was cut.
  std::string text;
  std::map<std::string, std::string> attributes;  // labels, variables, and the tag selected by log options
};

inline constexpr size_t kLongestLine = size_t{1} << 20;

struct LogQuery {
  std::string path;               // the current file; may not exist yet
  std::optional<size_t> tail;     // only the last N lines that the other members select
  std::optional<WallTime> since;  // entries at or after
  std::optional<WallTime> until;  // entries before or at
  bool out = true;                // include stdout
  bool err = true;                // include stderr
  bool follow = false;            // more lines may be written after the end
};

// Parses one line of the file (without its newline). nullopt: not a record.
std::optional<LogEntry> parse_log_line(std::string_view line);

// Never blocks for new lines. Move-only; single-threaded.
class LogReader {
 public:
  // A missing file is an empty log. Holds one descriptor while a file is open.
  static Result<LogReader> open(LogQuery query);

  // The next line, or nullopt if there is none now. With `follow`, call again after a change in the file's folder; without
  // it, the end is reached. An unfinished line is held back and returned at the end without `follow`, or after finish().
  Result<std::optional<LogEntry>> next();

  // Whether no more lines follow: past `until`, or at the end without `follow` or after finish().
  bool finished() const { return finished_; }

  // The container has exited: next() returns the remaining lines, including unfinished ones, and then the log ends.
  void finish() { query_.follow = false; }

  // Number of lines skipped because they were not records.
  size_t skipped() const { return skipped_; }

 private:
  LogReader() = default;

  bool selects(const LogEntry& entry) const;
  Result<> start();
  Result<> start_at_tail();
  Result<> start_at_oldest();
  std::string file_name(size_t index) const;
  void use(Fd file, LogIdentity identity, uint64_t offset);
  // The next complete line of the files without its newline; nullopt if there is none now.
  Result<std::optional<std::string_view>> next_line();
  Result<bool> read_more();
  // Continues with the next newer file; false if ours is the current one.
  Result<bool> next_file();
  std::optional<LogEntry> join(LogEntry part);
  std::optional<LogEntry> take_unfinished();

  LogQuery query_;
  Fd file_;
  LogIdentity held_;     // of file_
  uint64_t offset_ = 0;  // in file_, after buffer_
  std::string buffer_;
  size_t begin_ = 0;         // start of the unread part of buffer_
  bool discarding_ = false;  // inside an oversized record
  std::map<LogStream, LogEntry> parts_;
  size_t lines_to_pass_ = 0;
  size_t skipped_ = 0;
  bool finished_ = false;
};

}  // namespace stack::logs
