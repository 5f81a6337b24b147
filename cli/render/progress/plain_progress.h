// One line per change of state, like Compose: " Container demo-web-1  Started".
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "cli/render/progress/progress.h"

namespace stack::cli {

class PlainProgress : public Progress {
 public:
  explicit PlainProgress(const ProgressStyle& style) : style_(style) {}
  void event(const Json& line) override;
  void finish() override {}
  void restart() override;
  void write(int fd, std::string_view text) override;

 private:
  std::string text_of(const Json& line);
  std::string action_text(const Json& line);
  std::string build_text(const Json& line) const;

  ProgressStyle style_;
  std::mutex mutex_;
  std::map<int64_t, Json> actions_;            // by id
  std::map<int64_t, std::string> last_waits_;  // last text printed for a wait
};

}  // namespace stack::cli
