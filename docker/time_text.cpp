#include "docker/time_text.h"

#include <cstdlib>

namespace stack::docker {

Result<std::optional<WallTime>> parse_time_text(const std::string& text) {
  if (text.empty() || text == "0") return std::optional<WallTime>();
  if (Result<WallTime> time = parse_rfc3339(text)) return std::optional(*time);
  if (text.find_first_not_of("0123456789.") == std::string::npos && text.size() < 24) {
    constexpr double kLatest = 9e9;  // the year 2255, before nanoseconds in 64 bits end
    double seconds = std::strtod(text.c_str(), nullptr);
    if (seconds > kLatest) return invalid("invalid time \"" + text + "\": out of range");
    return std::optional(
        WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(seconds))));
  }
  Result<Nanoseconds> back = parse_duration(text);
  if (!back)
    return invalid("invalid time \"" + text +
                   "\": expected RFC 3339, seconds since 1970, or a duration such as 10m");
  return std::optional(std::chrono::system_clock::now() -
                       std::chrono::duration_cast<WallTime::duration>(*back));
}

}  // namespace stack::docker
