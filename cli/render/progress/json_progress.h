// One JSON object per line, like `docker compose --progress json`:
// {"id":"Container demo-web-1","status":"Working"|"Done"|"Error"|"Warning","text":"Starting","details":...}
#pragma once

#include <map>
#include <mutex>

#include "cli/render/progress/progress.h"

namespace stack::cli {

class JsonProgress : public Progress {
 public:
  explicit JsonProgress(int fd) : fd_(fd) {}
  void event(const Json& line) override;
  void finish() override {}
  void write(int fd, std::string_view text) override;

 private:
  Json message_of(const Json& line);  // null: print nothing
  Json transfer_message(const Json& line);

  int fd_;
  std::mutex mutex_;
  std::map<int64_t, Json> actions_;
};

}  // namespace stack::cli
