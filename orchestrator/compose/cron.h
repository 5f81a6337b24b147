// The times of a job's schedule: cron expressions, `man 5 crontab`.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "orchestrator/compose/time_zone.h"

namespace stack::compose {

struct CronTimes {
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;     // of the month, from 1
  std::bitset<13> months;   // from 1
  std::bitset<7> weekdays;  // Sunday is 0
  bool every_hour = false;  // the field of hours begins with `*`
  bool every_day = false;
  bool every_weekday = false;
};

// Five fields, or @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly. Errors: anything else, and dates that no
// year has.
Result<CronTimes> parse_cron(std::string_view text);

// The first fire after `after` (seconds since 1970). A fixed time that a change of the clock skips fires at the change; one
// that the clock shows twice fires the first time. Schedules of every hour follow the elapsed time instead.
std::optional<int64_t> next_fire(const CronTimes& times, const TimeZone& zone, int64_t after);

}  // namespace stack::compose
