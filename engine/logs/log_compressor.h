// Compresses rotated log files (log option `compress`) beside the running containers. Their monitors only
// rename; what they rotate while no engine is there is compressed when the next one comes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/state/context.h"

namespace stack::engine {

class LogCompressor {
 public:
  explicit LogCompressor(Context& context) : context_(context) {}

  // Takes care of this log from now on; what is there already is compressed at once. Idempotent. Ends with
  // the folder.
  void watch(const std::string& log_path, int max_file);

 private:
  struct Log {
    std::string path;
    int max_file = 1;
    bool busy = false;
    bool again = false;  // rotated while it was busy
  };

  Task<> listen();
  Task<> compress(std::shared_ptr<Log> log);

  Context& context_;
  std::unique_ptr<asio::posix::stream_descriptor> events_;
  std::map<int, std::shared_ptr<Log>> logs_;  // by inotify watch
};

}  // namespace stack::engine
