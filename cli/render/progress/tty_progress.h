// Live progress on a terminal, redrawn in place.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/render/progress/progress.h"
#include "cli/render/progress/progress_model.h"

namespace stack::cli {

class TtyProgress : public Progress {
 public:
  TtyProgress(const ProgressStyle& style, std::string title);
  ~TtyProgress() override;
  void event(const Json& line) override;
  void finish() override;
  void restart() override;
  void write(int fd, std::string_view text) override;

 private:
  // The functions below require the mutex.
  void erase();
  void draw();
  void write_beside(int fd, std::string_view text);
  void tick();

  ProgressStyle style_;
  std::mutex mutex_;
  std::condition_variable wake_;
  ProgressModel picture_;
  size_t drawn_lines_ = 0;
  bool finished_ = false;
  std::thread ticker_;
};

}  // namespace stack::cli
