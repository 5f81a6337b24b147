#include "cli/session/event_stream.h"

#include "cli/session/member.h"
#include "cli/session/reconnects.h"

namespace stack::cli {

namespace {

// Seconds since 1970 with nine decimals.
std::string unix_time(int64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  std::string fraction = std::to_string(nanoseconds % kSecond);
  return std::to_string(nanoseconds / kSecond) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

}  // namespace

Result<> follow_events(Session& session, const std::string& parameters, std::string since,
                       const std::function<bool(const Json& event)>& take) {
  Reconnects reconnects;
  for (;;) {
    TRY_ASSIGN(http::Client client, session.connect());
    std::string target = "/events?" + parameters + (since.empty() ? "" : "&since=" + since);
    Result<> streamed = client.lines({.method = "GET", .target = target}, [&](const Json& event) {
      reconnects.reset();
      if (int64_t time = int_or(event, "timeNano"); time > 0) since = unix_time(time + 1);
      return take(event);
    });
    if (streamed || !reconnects.allow(streamed.error())) return streamed;
  }
}

}  // namespace stack::cli
