#include "cli/commands/docker/progress_lines.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/units.h"
#include "cli/render/table.h"
#include "cli/render/terminal.h"
#include "cli/session/member.h"

namespace stack::cli::docker_cli {

namespace {

constexpr int kBarWidth = 50;

// "[====>    ]  1.2MB/3.4MB", from the detail if the engine did not send it.
std::string bar(const Json& line) {
  std::string drawn = string_or(line, "progress");
  if (!drawn.empty()) return " " + drawn;
  const Json& detail = member(line, "progressDetail");
  int64_t current = int_or(detail, "current");
  int64_t total = int_or(detail, "total");
  if (current <= 0) return "";
  if (total <= 0) return " " + decimal_size({current});
  int filled = static_cast<int>(std::min<int64_t>(kBarWidth, current * kBarWidth / total));
  std::string full(static_cast<size_t>(filled), '=');
  return " [" + full + ">" + std::string(static_cast<size_t>(kBarWidth - filled), ' ') + "]  " +
         decimal_size({current}) + "/" + decimal_size({total});
}

}  // namespace

ProgressLines::ProgressLines(int fd, bool quiet) : fd_(fd), quiet_(quiet), terminal_(::isatty(fd) == 1) {}

void ProgressLines::write(const std::string& text) const { (void)write_all(fd_, text); }

void ProgressLines::show(const Json& line) {
  if (quiet_ || !line.is_object()) return;
  std::string stream = string_or(line, "stream");
  if (!stream.empty()) {
    rows_.clear();
    write(stream);
    return;
  }
  std::string status = string_or(line, "status");
  if (status.empty()) return;
  std::string id = string_or(line, "id");
  if (terminal_ && !id.empty()) {
    show_row(id, id + ": " + status + bar(line));
  } else if (int_or(member(line, "progressDetail"), "current") == 0) {
    show_plain(id, status);
  }
}

void ProgressLines::show_plain(const std::string& id, const std::string& status) {
  if (!id.empty()) {
    std::string& last = status_[id];
    if (last == status) return;
    last = status;
  } else {
    rows_.clear();
  }
  write((id.empty() ? "" : id + ": ") + status + "\n");
}

void ProgressLines::show_row(const std::string& id, const std::string& text) {
  std::string shown = ellipsis(text, std::max<size_t>(terminal_size(fd_).columns, 20) - 1);
  auto found = std::find(rows_.begin(), rows_.end(), id);
  if (found == rows_.end()) {
    rows_.push_back(id);
    write(shown + "\n");
    return;
  }
  std::string up = std::to_string(rows_.end() - found);
  write("\x1b[" + up + "A\r\x1b[2K" + shown + "\r\x1b[" + up + "B");
}

void ProgressLines::finish() { rows_.clear(); }

}  // namespace stack::cli::docker_cli
