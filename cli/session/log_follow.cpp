#include "cli/session/log_follow.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/units.h"
#include "cli/session/reconnects.h"
#include "docker/time_text.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {}  // namespace

std::string logs_target(const std::string& project_name, const LogQuery& query) {
  http::Query parameters;
  if (query.follow) parameters.add("follow", "1");
  if (query.stay) parameters.add("stay", "1");
  if (query.attach) parameters.add("attach", "1");
  parameters.add("tail", query.tail.empty() ? "all" : query.tail);
  if (!query.since.empty()) parameters.add("since", query.since);
  if (!query.until.empty()) parameters.add("until", query.until);
  if (!query.services.empty()) parameters.add("services", join(query.services, ","));
  return project_path(project_name, "/logs") + parameters.text();
}

Result<std::string> log_time(std::string_view text, WallTime now) {
  TRY_ASSIGN(std::optional<WallTime> time, docker::parse_time_text(text, now));
  return time ? rfc3339(*time) : std::string();
}

std::string LogFollower::resume_time() const {
  auto parsed = parse_rfc3339(last_time_);
  return parsed ? rfc3339(*parsed + std::chrono::nanoseconds(1)) : last_time_;
}

void LogFollower::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
}

Result<> LogFollower::run(const Session& session, const std::string& project_name, LogQuery query,
                          const std::function<void(const Json& line)>& on_line) {
  for (Reconnects reconnects;;) {
    TRY_ASSIGN(http::Client client, session.connect());
    {
      std::lock_guard lock(mutex_);
      if (stopped_) return {};
      // A duplicate descriptor, because the client may close its own while stop() runs.
      socket_.reset(::fcntl(client.fd(), F_DUPFD_CLOEXEC, 3));
    }
    http::ClientRequest request;
    request.target = logs_target(project_name, query);
    Result<> followed = client.lines(request, [&](const Json& line) {
      std::string time = string_or(line, "time");
      if (!time.empty()) last_time_ = time;
      on_line(line);
      return true;
    });
    std::lock_guard lock(mutex_);
    socket_.reset();
    if (stopped_ || followed) return {};
    if (!query.follow || !reconnects.allow(followed.error())) return followed;
    if (!last_time_.empty()) {
      query.since = resume_time();
      query.tail = "all";
    }
  }
}

std::string unix_time_text(WallTime time) {
  auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  std::string fraction = std::to_string(since % 1'000'000'000);
  return std::to_string(since / 1'000'000'000) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

}  // namespace stack::cli
