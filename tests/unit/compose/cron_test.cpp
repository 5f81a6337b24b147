// Cron expressions, and local time by zone files.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <string>

#include "orchestrator/compose/cron.h"

namespace stack::compose {
namespace {


int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  std::chrono::sys_days date{std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)};
  return date.time_since_epoch().count() * 86400 + hour * 3600 + minute * 60;
}

std::string text_of(int64_t at) {
  std::time_t time = at;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return text;
}

std::string next(const char* cron, int64_t after, const char* zone = "UTC") {
  Result<CronTimes> times = parse_cron(cron);
  if (!times) return times.error().text();
  Result<TimeZone> found = TimeZone::open(zone);
  if (!found) return found.error().text();
  std::optional<int64_t> at = next_fire(*times, *found, after);
  return at ? text_of(*at) : "never";
}

std::string mistake(const char* cron) {
  Result<CronTimes> times = parse_cron(cron);
  return times ? "" : times.error().text();
}

TEST(Cron, Fields) {
  int64_t after = utc(2026, 1, 1, 12, 0);  // a Thursday
  EXPECT_EQ(next("* * * * *", after), "2026-01-01 12:01:00");
  EXPECT_EQ(next("* * * * *", after - 1), "2026-01-01 12:00:00");
  EXPECT_EQ(next("*/15 * * * *", after), "2026-01-01 12:15:00");
  EXPECT_EQ(next("5/20 * * * *", after), "2026-01-01 12:05:00");
  EXPECT_EQ(next("10-20/5,50 11 * * *", after), "2026-01-02 11:10:00");
  EXPECT_EQ(next("0 3 * * *", after), "2026-01-02 03:00:00");
  EXPECT_EQ(next(" 0\t3  1 feb-MAR * ", after), "2026-02-01 03:00:00");
  EXPECT_EQ(next("0 0 * * sun", after), "2026-01-04 00:00:00");
  EXPECT_EQ(next("0 0 * * 7", after), "2026-01-04 00:00:00");
  EXPECT_EQ(next("0 0 * * 5-7", utc(2026, 1, 3)), "2026-01-04 00:00:00");
  EXPECT_EQ(next("0 0 ? * MON-FRI", after), "2026-01-02 00:00:00");
  EXPECT_EQ(next("@hourly", after), "2026-01-01 13:00:00");
  EXPECT_EQ(next("@daily", after), "2026-01-02 00:00:00");
  EXPECT_EQ(next("@weekly", after), "2026-01-04 00:00:00");
  EXPECT_EQ(next("@Monthly", after), "2026-02-01 00:00:00");
  EXPECT_EQ(next("@yearly", after), "2027-01-01 00:00:00");
}

TEST(Cron, EitherDayIsEnoughIfBothAreGiven) {
  EXPECT_EQ(next("0 0 13 * fri", utc(2026, 1, 1)), "2026-01-02 00:00:00");
  EXPECT_EQ(next("0 0 13 * fri", utc(2026, 1, 9)), "2026-01-13 00:00:00");
  EXPECT_EQ(next("0 0 */2 * mon", utc(2026, 1, 1)), "2026-01-05 00:00:00") << "a step of * restricts nothing else";
}

TEST(Cron, RareDates) {
  EXPECT_EQ(next("0 0 29 2 *", utc(2026, 1, 1)), "2028-02-29 00:00:00");
  EXPECT_EQ(next("0 0 29 2 *", utc(2097, 1, 1)), "2104-02-29 00:00:00");
  EXPECT_EQ(next("0 0 31 * *", utc(2026, 4, 1)), "2026-05-31 00:00:00");
  EXPECT_EQ(next("59 23 31 12 *", utc(1969, 12, 30)), "1969-12-31 23:59:00");
}

TEST(Cron, Mistakes) {
  EXPECT_EQ(mistake("60 * * * *"), "minute \"60\": expected 0 to 59");
  EXPECT_EQ(mistake("* * 0 * *"), "day of the month \"0\": expected 1 to 31");
  EXPECT_EQ(mistake("* * * foo *"), "month \"foo\": expected 1 to 12, or a name such as feb");
  EXPECT_EQ(mistake("* * * * 8"), "day of the week \"8\": expected 0 to 7, or a name such as mon");
  EXPECT_EQ(mistake("*/0 * * * *"), "minute \"*/0\": the step must be 1 or more");
  EXPECT_EQ(mistake("*/99999999999 * * * *"), "minute \"*/99999999999\": the step must be 1 or more");
  EXPECT_EQ(mistake("*/2147483647 * * * *"), "");
  EXPECT_EQ(mistake("20-10 * * * *"), "minute \"20-10\": the range ends before it begins");
  EXPECT_EQ(mistake("1,,2 * * * *"), "minute \"\": expected 0 to 59");
  EXPECT_EQ(mistake("-1 * * * *"), "minute \"\": expected 0 to 59");
  EXPECT_EQ(mistake("0 0 30 2 *"), "no month has such a day");
  EXPECT_EQ(mistake("0 0 30 2 mon"), "") << "Mondays of February";
  EXPECT_EQ(mistake("0 0 0 3 * *").substr(0, 17), "expected 5 fields");
  EXPECT_EQ(mistake("").substr(0, 17), "expected 5 fields");
  EXPECT_EQ(mistake("@reboot").substr(0, 22), "unknown name \"@reboot\"");
  EXPECT_EQ(mistake("CRON_TZ=UTC 0 3 * * *"), "the time zone belongs in `timezone`, not in the cron expression");
}

// Paris, 2026: 02:00 becomes 03:00 on March 29, 03:00 becomes 02:00 on October 25.
TEST(Cron, ChangesOfTheClock) {
  const char* paris = "Europe/Paris";
  if (!TimeZone::open(paris)) GTEST_SKIP() << "tzdata is not installed";
  EXPECT_EQ(next("30 2 * * *", utc(2026, 3, 28, 1, 30), paris), "2026-03-29 01:00:00") << "skipped: at the change";
  EXPECT_EQ(next("30 2 * * *", utc(2026, 3, 29, 1, 0), paris), "2026-03-30 00:30:00");
  EXPECT_EQ(next("0 3 * * *", utc(2026, 3, 28, 12, 0), paris), "2026-03-29 01:00:00") << "once, not twice";
  EXPECT_EQ(next("30 2 * * *", utc(2026, 10, 24, 12, 0), paris), "2026-10-25 00:30:00") << "the first 02:30";
  EXPECT_EQ(next("30 2 * * *", utc(2026, 10, 25, 0, 30), paris), "2026-10-26 01:30:00") << "not the second";
  EXPECT_EQ(next("30 * * * *", utc(2026, 10, 25, 0, 30), paris), "2026-10-25 01:30:00") << "every hour: both";
  EXPECT_EQ(next("30 * * * *", utc(2026, 3, 29, 0, 30), paris), "2026-03-29 01:30:00");
  EXPECT_EQ(next("0 12 * 7 *", utc(2060, 1, 1), paris), "2060-07-01 10:00:00") << "by the rule after the last change";
  EXPECT_EQ(next("45 1 5 4 *", utc(2026, 1, 1), "Australia/Lord_Howe"), "2026-04-04 14:45:00") << "half an hour";
  EXPECT_EQ(next("45 1 * * *", utc(2026, 4, 4, 14, 45), "Australia/Lord_Howe"), "2026-04-05 15:15:00");
  EXPECT_EQ(next("0 12 30 12 *", utc(2011, 12, 1), "Pacific/Apia"), "2011-12-30 10:00:00") << "a day that never was";
}

TEST(TimeZone, Rules) {
  std::optional<ZoneRule> paris = parse_zone_rule("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(paris);
  EXPECT_EQ(paris->offset(utc(2026, 3, 29, 0, 59)), 3600);
  EXPECT_EQ(paris->offset(utc(2026, 3, 29, 1, 0)), 7200);
  EXPECT_EQ(paris->offset(utc(2026, 10, 25, 0, 59)), 7200);
  EXPECT_EQ(paris->offset(utc(2026, 10, 25, 1, 0)), 3600);
  std::optional<ZoneRule> sydney = parse_zone_rule("AEST-10AEDT,M10.1.0,M4.1.0/3");
  ASSERT_TRUE(sydney);
  EXPECT_EQ(sydney->offset(utc(2026, 1, 1)), 11 * 3600);
  EXPECT_EQ(sydney->offset(utc(2026, 7, 1)), 10 * 3600);
  std::optional<ZoneRule> fixed = parse_zone_rule("<+0530>-5:30");
  ASSERT_TRUE(fixed);
  EXPECT_EQ(fixed->offset(0), 19800);
  for (const char* text : {"", "X", "CET", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "<+05"})
    EXPECT_FALSE(parse_zone_rule(text)) << text;
}

TEST(TimeZone, DamagedFilesAreErrors) {
  EXPECT_FALSE(TimeZone::parse(""));
  EXPECT_FALSE(TimeZone::parse(std::string("TZif2") + std::string(39, '\xff')));
  EXPECT_FALSE(TimeZone::parse(std::string("TZif2") + std::string(39, '\0')));
  EXPECT_FALSE(TimeZone::open("../../../etc/passwd"));
  EXPECT_FALSE(TimeZone::open("/etc/localtime"));
  EXPECT_FALSE(TimeZone::open("Europe"));
}

}  // namespace
}  // namespace stack::compose
