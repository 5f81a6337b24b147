#include "cli/render/progress/live_text.h"

#include "base/files.h"

namespace stack::cli {

namespace {
constexpr std::chrono::milliseconds kRedraw{100};
}

LiveText::LiveText(int fd, Draw draw) : fd_(fd), draw_(std::move(draw)) {}

LiveText::~LiveText() {
  {
    std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  if (ticker_.joinable()) ticker_.join();
}

// A single write, so that the terminal never shows a partial update.
void LiveText::replace(const std::vector<std::string>& lines) {
  std::string text;
  if (drawn_ > 0) text = "\x1b[" + std::to_string(drawn_) + "A";
  for (const std::string& line : lines) text += "\x1b[2K" + line + "\n";
  if (lines.size() < drawn_) text += "\x1b[J";
  (void)write_all(fd_, text);
  drawn_ = lines.size();
}

void LiveText::update(const std::function<void()>& change) {
  std::lock_guard lock(mutex_);
  change();
  if (finished_) return;
  replace(draw_(terminal_size(fd_)));
  if (!ticker_.joinable()) ticker_ = std::thread([this] { tick(); });
}

void LiveText::tick() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kRedraw, [this] { return finished_; })) replace(draw_(terminal_size(fd_)));
}

void LiveText::finish(const std::vector<std::string>& last) {
  std::lock_guard lock(mutex_);
  if (!finished_) replace(last);
  finished_ = true;
  wake_.notify_all();
}

}  // namespace stack::cli
