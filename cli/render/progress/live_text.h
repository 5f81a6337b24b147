// Text that is redrawn in place at the end of a terminal, ten times a second.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/render/terminal.h"

namespace stack::cli {

class LiveText {
 public:
  // Called with the lock held, from the caller's thread or our own.
  using Draw = std::function<std::vector<std::string>(TerminalSize size)>;

  LiveText(int fd, Draw draw);
  ~LiveText();
  LiveText(const LiveText&) = delete;
  LiveText& operator=(const LiveText&) = delete;

  // Runs `change` while nothing is drawn, and draws.
  void update(const std::function<void()>& change);
  // Replaces the live text by these lines, and ends.
  void finish(const std::vector<std::string>& last);

 private:
  void replace(const std::vector<std::string>& lines);
  void tick();

  int fd_;
  Draw draw_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread ticker_;
  bool finished_ = false;
  size_t drawn_ = 0;
};

}  // namespace stack::cli
