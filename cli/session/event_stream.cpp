#include "cli/session/event_stream.h"

#include "cli/session/log_follow.h"
#include "cli/session/member.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

Result<> follow_events(Session& session, const std::string& parameters, std::string since,
                       const std::function<bool(const Json& event)>& take) {
  Reconnects reconnects;
  for (;;) {
    TRY_ASSIGN(http::Client client, session.connect());
    std::string target = "/events?" + parameters + (since.empty() ? "" : "&since=" + since);
    Result<> streamed = client.lines({.method = "GET", .target = target}, [&](const Json& event) {
      reconnects.reset();
      if (int64_t time = int_or(event, "timeNano"); time > 0)
        since = unix_time_text(
            WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(time + 1))));
      return take(event);
    });
    if (streamed || !reconnects.allow(streamed.error())) return streamed;
  }
}

}  // namespace stack::cli
