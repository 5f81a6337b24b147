// Local time by the zone files of the system (tzdata, RFC 9636). libc knows one zone per process at a time, and std::chrono's
// zones are not in the oldest supported compiler.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack::compose {

// The rule of a zone file for times after its last change, such as "CET-1CEST,M3.5.0,M10.5.0/3".
struct ZoneRule {
  struct Change {
    char kind = 'M';  // M: weekday of a week of a month, J: day 1 to 365, 0: day 0 to 365
    int month = 0;
    int week = 0;
    int day = 0;
    int64_t time = 2 * 3600;  // after midnight
  };
  int64_t standard = 0;  // seconds east of UTC
  int64_t summer = 0;
  std::optional<Change> begins;  // of summer time; nullopt: there is none
  std::optional<Change> ends;

  int64_t offset(int64_t at) const;
};

class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "Europe/Paris"; "" is the zone of this machine. NotFound, or Invalid if the file is damaged.
  static Result<TimeZone> open(const std::string& name);
  static Result<TimeZone> parse(std::string_view file);

  // Seconds east of UTC.
  int64_t offset(int64_t at) const;

 private:
  struct Change {
    int64_t at = 0;
    int64_t offset = 0;
  };
  int64_t first_ = 0;  // before the first change
  std::vector<Change> changes_;
  std::optional<ZoneRule> rule_;  // after the last change
};

// The text after the last change in a zone file; nullopt if it is not understood.
std::optional<ZoneRule> parse_zone_rule(std::string_view text);

}  // namespace stack::compose
