#include "engine/logs/tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "engine/logs/log_archive.h"

namespace stack::logs {

namespace {

constexpr size_t kTailBlock = size_t{64} << 10;
constexpr size_t kLongestTailRecord = size_t{4} << 20;
// Maximum number of records to search backward for earlier parts of the first lines.
constexpr size_t kPartSearch = 256;

// The lines of one file, from last to first.
class BackwardLines {
 public:
  BackwardLines(int fd, uint64_t size) : fd_(fd), unread_(size) {}

  struct Line {
    uint64_t offset = 0;
    std::string text;
  };

  Result<std::optional<Line>> next() {
    for (;;) {
      // A line is complete once the newline before it is found.
      size_t newline = held_.empty() ? std::string::npos : held_.rfind('\n');
      if (newline != std::string::npos) {
        Line line{unread_ + newline + 1, held_.substr(newline + 1)};
        held_.resize(newline);
        if (std::exchange(first_, false)) continue;  // after the last newline: empty, or being written
        return line;
      }
      if (unread_ == 0) {
        if (held_.empty() || first_) return std::optional<Line>();
        Line line{0, std::move(held_)};
        held_.clear();
        return line;
      }
      if (held_.size() > kLongestTailRecord) held_.clear();
      TRY(read_block());
    }
  }

 private:
  Result<> read_block() {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(kTailBlock, unread_));
    std::string block(wanted, '\0');
    size_t filled = 0;
    while (filled < wanted) {
      ssize_t n =
          ::pread(fd_, block.data() + filled, wanted - filled, static_cast<off_t>(unread_ - wanted + filled));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::last_errno("read log");
      if (n == 0) break;  // truncated meanwhile
      filled += static_cast<size_t>(n);
    }
    unread_ -= wanted;
    held_.insert(0, block);
    return {};
  }

  int fd_;
  uint64_t unread_;
  std::string held_;
  bool first_ = true;
};

// Counts lines while reading records backward, and decides when to stop.
class TailCount {
 public:
  explicit TailCount(size_t lines) : wanted_(lines) {}

  void see(const LogEntry& entry) {
    bool ends_line = entry.text.ends_with('\n') || !seen_.contains(entry.stream);
    seen_.insert(entry.stream);
    if (counted_ >= wanted_) {
      ++beyond_records_;
      if (ends_line) {
        ++beyond_lines_;
        open_.erase(entry.stream);
      }
      return;
    }
    if (!ends_line) return;
    ++counted_;
    open_.insert(entry.stream);
  }
  // Whether enough lines were found, without possible earlier parts.
  bool satisfied() const { return counted_ >= wanted_ && (open_.empty() || beyond_records_ >= kPartSearch); }
  size_t beyond() const { return beyond_lines_; }

 private:
  size_t wanted_;
  size_t counted_ = 0;
  size_t beyond_lines_ = 0;
  size_t beyond_records_ = 0;
  std::set<LogStream> seen_;
  std::set<LogStream> open_;  // streams whose first counted line may have earlier parts
};

}  // namespace

Result<TailStart> find_tail(const std::function<std::string(size_t)>& file_name, size_t lines,
                            const std::function<bool(const LogEntry&)>& selects) {
  TailStart start;
  TailCount count(lines);
  std::set<std::pair<uint64_t, WallTime>> visited;
  for (size_t index = 0;; ++index) {
    TRY_ASSIGN(std::optional<OpenLog> opened, open_log(file_name(index)));
    if (!opened) {
      if (index == 0) continue;  // between rename and creation of the new file
      break;
    }
    struct stat info{};
    if (::fstat(opened->file.get(), &info) != 0) return Error::last_errno("stat " + file_name(index));
    auto [inode, modified, compressed] = opened->identity;
    bool first = visited.insert({inode, compressed ? modified : WallTime()}).second;
    if (!first) continue;  // rotated meanwhile
    uint64_t size = static_cast<uint64_t>(info.st_size);
    BackwardLines backward(opened->file.get(), size);
    start.file = std::move(opened->file);
    start.identity = opened->identity;
    start.offset = lines == 0 && visited.size() == 1 ? size : 0;
    if (lines == 0) break;
    for (;;) {
      TRY_ASSIGN(std::optional<BackwardLines::Line> line, backward.next());
      if (!line) break;
      std::optional<LogEntry> entry = parse_log_line(line->text);
      if (!entry || !selects(*entry)) continue;
      count.see(*entry);
      start.offset = line->offset;
      start.lines_to_pass = count.beyond();
      if (count.satisfied()) return start;
    }
    start.offset = 0;
  }
  return start;
}

}  // namespace stack::logs
