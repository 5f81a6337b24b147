#include "cli/render/progress/tty_progress.h"

#include "cli/render/output.h"

namespace stack::cli {

namespace {
constexpr std::chrono::milliseconds kTick{100};
}

TtyProgress::TtyProgress(const ProgressStyle& style, std::string title)
    : style_(style), picture_(std::move(title)) {}

TtyProgress::~TtyProgress() { finish(); }

void TtyProgress::erase() {
  if (drawn_lines_ == 0) return;
  Progress::write(style_.fd, "\x1b[" + std::to_string(drawn_lines_) + "A\x1b[J");
  drawn_lines_ = 0;
}

void TtyProgress::draw() {
  if (picture_.empty()) return;
  TerminalSize size = terminal_size(style_.fd);
  auto lines =
      picture_.draw(std::chrono::steady_clock::now(), size.columns, size.rows, style_.terminal.color);
  // A single write, so that the terminal never shows a partial update.
  std::string text;
  if (drawn_lines_ > 0) text = "\x1b[" + std::to_string(drawn_lines_) + "A";
  for (const std::string& line : lines) text += "\x1b[2K" + line + "\n";
  if (lines.size() < drawn_lines_) text += "\x1b[J";
  Progress::write(style_.fd, text);
  drawn_lines_ = lines.size();
}

void TtyProgress::write_beside(int fd, std::string_view text) {
  erase();
  Progress::write(fd, text);
  draw();
}

void TtyProgress::event(const Json& line) {
  std::lock_guard lock(mutex_);
  if (finished_) return;
  std::string event = string_or(line, "event");
  std::string text = string_or(line, "text");
  if (event == "waiting") return write_beside(style_.fd, " " + text + "\n");
  if (event == "warning") {
    return write_beside(style_.fd,
                        paint("warning:", Color::Yellow, style_.terminal.color) + " " + text + "\n");
  }
  if (event == "build" && style_.quiet_build) return;
  if ((event == "pull" || event == "push") && style_.quiet_pull) return;
  if (event == "build" && style_.show_build_output)
    write_beside(style_.fd, text.substr(0, text.find('\n')) + "\n");
  picture_.apply(line, std::chrono::steady_clock::now());
  draw();
  if (!ticker_.joinable() && !picture_.empty()) ticker_ = std::thread([this] { tick(); });
}

void TtyProgress::tick() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kTick, [this] { return finished_; })) draw();
}

void TtyProgress::finish() {
  {
    std::lock_guard lock(mutex_);
    if (!finished_) draw();
    finished_ = true;
  }
  wake_.notify_all();
  if (ticker_.joinable()) ticker_.join();
}

void TtyProgress::restart() {
  std::lock_guard lock(mutex_);
  erase();
  picture_.restart();
}

void TtyProgress::write(int fd, std::string_view text) {
  std::lock_guard lock(mutex_);
  if (finished_) return Progress::write(fd, text);
  write_beside(fd, text);
}

}  // namespace stack::cli
