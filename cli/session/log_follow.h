// The project's log stream, resumed after restarts of the engine.
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
  bool stay = false;  // with follow: continue after all containers have exited
  bool attach = false;  // with follow: also containers without a log file
  std::string tail;   // "" or "all", or a number
  std::string since;  // RFC 3339, or ""
  std::string until;
  std::vector<std::string> services;
};

std::string logs_target(const std::string& project_name, const LogQuery& query);
// Parses --since and --until: RFC 3339 (zone and time optional), seconds since 1970, or a duration before `now`.
// Returns RFC 3339.
Result<std::string> log_time(std::string_view text, WallTime now);
// Seconds since 1970 with nine decimals, as the engine takes times.
std::string unix_time_text(WallTime time);

class LogFollower {
 public:
  // Calls `on_line` with each line until the stream ends or stop() is called. If the engine dies during `follow`,
  // starts it again and continues after the last line seen.
  Result<> run(const Session& session, const std::string& project_name, LogQuery query,
               const std::function<void(const Json& line)>& on_line);
  // Makes run() return soon. Thread-safe.
  void stop();
  // The time just after the last line seen, "" if there was none.
  std::string resume_time() const;

 private:
  std::mutex mutex_;
  Fd socket_;
  bool stopped_ = false;
  std::string last_time_;
};

}  // namespace stack::cli
