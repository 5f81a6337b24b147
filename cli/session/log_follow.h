// The project's log stream, kept up across restarts of the engine.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/units.h"
#include "cli/session/session.h"

namespace stack::cli {

struct LogQuery {
  bool follow = false;
  bool stay = false;  // with follow: goes on when nothing is alive any more
  std::string tail;   // "" or "all", or a number
  std::string since;  // RFC 3339, or ""
  std::string until;
  std::vector<std::string> services;
};

std::string logs_target(const std::string& project_name, const LogQuery& query);
// --since and --until: RFC 3339 (zone and time optional), seconds since 1970, or a duration before `now`; as
// RFC 3339.
Result<std::string> log_time(std::string_view text, WallTime now);

class LogFollower {
 public:
  // Calls `on_line` with each line until the stream ends or stop() is called. Where the engine goes away in
  // the middle of `follow`, it is started again and the stream continued behind the last line seen.
  Result<> run(const Session& session, const std::string& project_name, LogQuery query,
               const std::function<void(const Json& line)>& on_line);
  // From any thread: run() returns soon.
  void stop();
  // Where to go on: just behind the last line seen, "" where there was none.
  std::string resume_time() const;

 private:
  std::mutex mutex_;
  Fd socket_;
  bool stopped_ = false;
  std::string last_time_;
};

}  // namespace stack::cli
