// Compresses rotated log files (log option `compress`). Monitors only rename files; the next engine compresses files
// rotated while no engine was running.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/state/context.h"

namespace stack::engine {

class LogCompressor {
 public:
  explicit LogCompressor(Context& context) : context_(context) {}

  // Compresses existing rotated files of this log and watches it until its folder is removed. Idempotent.
  void watch(const std::string& log_path, int max_file);

 private:
  struct Log {
    std::string path;
    int max_file = 1;
    bool busy = false;
    bool again = false;  // another rotation happened during compression
  };

  Task<> listen();
  Task<> compress(std::shared_ptr<Log> log);

  Context& context_;
  std::unique_ptr<asio::posix::stream_descriptor> events_;
  std::map<int, std::shared_ptr<Log>> logs_;  // by inotify watch
};

}  // namespace stack::engine
