#include "orchestrator/compose/cron.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iterator>
#include <string>
#include <vector>

#include "base/text.h"

namespace stack::compose {

namespace {

constexpr std::string_view kMonthNames[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdayNames[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct CronField {
  std::string_view name;
  int least = 0;
  int most = 0;
  const std::string_view* names = nullptr;
  size_t name_count = 0;
};

constexpr CronField kCronFields[] = {{"minute", 0, 59},
                                     {"hour", 0, 23},
                                     {"day of the month", 1, 31},
                                     {"month", 1, 12, kMonthNames, std::size(kMonthNames)},
                                     {"day of the week", 0, 7, kWeekdayNames, std::size(kWeekdayNames)}};

struct CronMacro {
  std::string_view name;
  std::string_view fields;
};
constexpr CronMacro kCronMacros[] = {{"@yearly", "0 0 1 1 *"},  {"@annually", "0 0 1 1 *"},
                                     {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                                     {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
                                     {"@hourly", "0 * * * *"}};

std::optional<int> cron_number(std::string_view text) {
  int number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || text.front() == '-' || code != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

Result<int> cron_value(const CronField& field, std::string_view text) {
  std::optional<int> number = cron_number(text);
  for (size_t i = 0; !number && i < field.name_count; ++i)
    if (lower(text) == field.names[i]) number = field.least + static_cast<int>(i);
  if (number && *number >= field.least && *number <= field.most) return *number;
  return invalid(std::string(field.name) + " \"" + std::string(text) + "\": expected " +
                 std::to_string(field.least) + " to " + std::to_string(field.most) +
                 (field.names == nullptr ? "" : ", or a name such as " + std::string(field.names[1])));
}

// One item of a list: `*`, `5`, `1-5`, each with an optional `/step`.
Result<> add_cron_item(const CronField& field, std::string_view item, std::bitset<60>& out) {
  size_t slash = item.find('/');
  std::string_view range = item.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    std::optional<int> given = cron_number(item.substr(slash + 1));
    if (!given || *given < 1)
      return invalid(std::string(field.name) + " \"" + std::string(item) + "\": the step must be 1 or more");
    step = *given;
  }
  int first = field.least;
  int last = field.most;
  if (range != "*" && range != "?") {
    size_t dash = range.find('-');
    TRY_ASSIGN(first, cron_value(field, range.substr(0, dash)));
    if (dash != std::string_view::npos) {
      TRY_ASSIGN(last, cron_value(field, range.substr(dash + 1)));
    } else if (slash == std::string_view::npos) {
      last = first;
    }
  } else if (field.most == 7) {
    last = 6;  // 7 is Sunday again
  }
  if (first > last)
    return invalid(std::string(field.name) + " \"" + std::string(item) + "\": the range ends before it begins");
  for (int value = first; value <= last; value += std::min(step, 60)) out.set(static_cast<size_t>(value));
  return {};
}

Result<std::bitset<60>> cron_field(const CronField& field, std::string_view text) {
  std::bitset<60> out;
  for (const std::string& item : split(text, ',')) TRY(add_cron_item(field, item, out));
  return out;
}

bool is_open(std::string_view field) { return field.starts_with('*') || field.starts_with('?'); }

std::vector<std::string_view> cron_words(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  std::vector<std::string_view> words;
  for (size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

template <size_t Size>
void copy_bits(const std::bitset<60>& from, std::bitset<Size>& to) {
  for (size_t i = 0; i < Size; ++i) to[i] = from[i];
}

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 3600;
constexpr int64_t kDay = 24 * kHour;

int64_t floor_to(int64_t value, int64_t unit) {
  int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

bool date_matches(const CronTimes& times, int64_t local) {
  std::chrono::sys_days day{std::chrono::days(floor_to(local, kDay) / kDay)};
  std::chrono::year_month_day date(day);
  if (!times.months[static_cast<unsigned>(date.month())]) return false;
  bool by_day = times.days[static_cast<unsigned>(date.day())];
  bool by_weekday = times.weekdays[std::chrono::weekday(day).c_encoding()];
  // If both are restricted, either is enough.
  return times.every_day || times.every_weekday ? by_day && by_weekday : by_day || by_weekday;
}

bool hour_matches(const CronTimes& times, int64_t local) {
  return times.hours[static_cast<size_t>((local - floor_to(local, kDay)) / kHour)] && date_matches(times, local);
}

bool minute_matches(const CronTimes& times, int64_t local) {
  return times.minutes[static_cast<size_t>((local - floor_to(local, kHour)) / kMinute)] &&
         hour_matches(times, local);
}

// Whether the clock showed the same local time before, because it was set back since.
bool shown_before(const TimeZone& zone, int64_t at) {
  int64_t offset = zone.offset(at);
  for (int64_t earlier = kHour / 2; earlier <= 3 * kHour; earlier += kHour / 2)
    if (zone.offset(at - earlier) == offset + earlier) return true;
  return false;
}

bool skipped_time_matches(const CronTimes& times, int64_t from, int64_t to) {
  for (int64_t local = floor_to(from + kMinute - 1, kMinute); local < to; local += kMinute)
    if (minute_matches(times, local)) return true;
  return false;
}

bool fires_at(const CronTimes& times, const TimeZone& zone, int64_t at) {
  int64_t offset = zone.offset(at);
  if (!times.every_hour) {
    int64_t before = zone.offset(at - kMinute);
    if (before < offset && skipped_time_matches(times, at + before, at + offset)) return true;
  }
  if (!minute_matches(times, at + offset)) return false;
  return times.every_hour || !shown_before(zone, at);
}

}  // namespace

Result<CronTimes> parse_cron(std::string_view text) {
  std::string_view fields = trim(text);
  for (const CronMacro& macro : kCronMacros)
    if (lower(fields) == macro.name) fields = macro.fields;
  if (fields.starts_with("TZ=") || fields.starts_with("CRON_TZ="))
    return invalid("the time zone belongs in `timezone`, not in the cron expression");
  if (fields.starts_with('@'))
    return invalid("unknown name \"" + std::string(fields) +
                   "\": expected @hourly, @daily, @weekly, @monthly, or @yearly");
  std::vector<std::string_view> words = cron_words(fields);
  if (words.size() != std::size(kCronFields))
    return invalid("expected 5 fields (minute, hour, day of the month, month, day of the week), found " +
                   std::to_string(words.size()));
  std::bitset<60> sets[std::size(kCronFields)];
  for (size_t i = 0; i < words.size(); ++i) {
    TRY_ASSIGN(sets[i], cron_field(kCronFields[i], words[i]));
  }
  CronTimes times;
  times.minutes = sets[0];
  copy_bits(sets[1], times.hours);
  copy_bits(sets[2], times.days);
  copy_bits(sets[3], times.months);
  copy_bits(sets[4], times.weekdays);
  if (sets[4][7]) times.weekdays.set(0);
  times.every_hour = is_open(words[1]);
  times.every_day = is_open(words[2]);
  times.every_weekday = is_open(words[4]);
  if (!next_fire(times, TimeZone(), 0)) return invalid("no month has such a day");
  return times;
}

std::optional<int64_t> next_fire(const CronTimes& times, const TimeZone& zone, int64_t after) {
  constexpr int64_t kHorizon = int64_t{366} * kDay * 9;  // February 29 can be eight years away
  for (int64_t at = floor_to(after, kMinute) + kMinute; at < after + kHorizon;) {
    int64_t local = at + zone.offset(at);
    int64_t next_hour = at + kHour - (local - floor_to(local, kHour));
    bool steady = zone.offset(at - kMinute) == zone.offset(next_hour);
    if (steady && !hour_matches(times, local)) {
      at = next_hour;
      continue;
    }
    if (fires_at(times, zone, at)) return at;
    at += kMinute;
  }
  return std::nullopt;
}

}  // namespace stack::compose
