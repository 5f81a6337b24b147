// Reads a container's log as stack-monitor (and Docker's json-file driver) writes it: one JSON object a line,
//
//   {"log":"text\n","stream":"stdout","attrs":{...},"time":"2026-01-02T03:04:05.123456789Z"}
//
// rotated to <path>.1, <path>.2 ... (higher is older; <path>.N.gz where it was compressed). A record whose
// text has no newline is a part of a line; the parts are joined. Lines that are not such records (torn by a
// crash, corrupt) are skipped and counted.
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
  WallTime time{};   // of the first part
  std::string text;  // with its newline; without one only where the container's last words had none, or a
                     // line longer than kLongestLine is cut
  std::map<std::string, std::string> attributes;  // labels, variables and tag that the log options name
};

inline constexpr size_t kLongestLine = size_t{1} << 20;

struct LogQuery {
  std::string path;               // the current file; it need not exist yet
  std::optional<size_t> tail;     // only the last N lines that the other members select
  std::optional<WallTime> since;  // entries at or after
  std::optional<WallTime> until;  // entries before or at
  bool out = true;                // stdout wanted
  bool err = true;                // stderr wanted
  bool follow = false;            // the end is not the end: more may be written later
};

// Parses one line of the file (without its newline). nullopt: not a record.
std::optional<LogEntry> parse_log_line(std::string_view line);

// Never waits. Move-only; one thread.
class LogReader {
 public:
  // A missing file is an empty log. Holds one descriptor while there is something to read from.
  static Result<LogReader> open(LogQuery query);

  // The next line. nullopt: nothing more now; with `follow` ask again when something in the file's folder has
  // changed, and without it the end is reached. An unfinished line is held back (and handed out at the end without
  // `follow`, or by finish()).
  Result<std::optional<LogEntry>> next();

  // No more will come: `until` is passed, or the end is reached without `follow`, or after finish().
  bool finished() const { return finished_; }

  // The container has ended: next() hands out what is left, unfinished lines too, and then the log is
  // finished.
  void finish() { query_.follow = false; }

  // Lines passed over because they were no records.
  size_t skipped() const { return skipped_; }

 private:
  LogReader() = default;

  bool selects(const LogEntry& entry) const;
  Result<> start();
  Result<> start_at_tail();
  Result<> start_at_oldest();
  std::string file_name(size_t index) const;
  void use(Fd file, LogIdentity identity, uint64_t offset);
  // The next whole line of the files, without its newline; nullopt: none now.
  Result<std::optional<std::string_view>> next_line();
  Result<bool> read_more();
  // Goes on to the file written after ours; false where ours is the current one.
  Result<bool> next_file();
  std::optional<LogEntry> join(LogEntry part);
  std::optional<LogEntry> take_unfinished();

  LogQuery query_;
  Fd file_;
  LogIdentity held_;     // of file_
  uint64_t offset_ = 0;  // in file_, behind buffer_
  std::string buffer_;
  size_t begin_ = 0;         // of what is unread in buffer_
  bool discarding_ = false;  // in the middle of an absurdly long record
  std::map<LogStream, LogEntry> parts_;
  size_t lines_to_pass_ = 0;
  size_t skipped_ = 0;
  bool finished_ = false;
};

}  // namespace stack::logs
