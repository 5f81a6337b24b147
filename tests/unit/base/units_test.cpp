#include "base/units.h"

#include <gtest/gtest.h>

using namespace stack;

TEST(ByteSize, ReadsComposeUnitsAsPowersOf1024) {
  EXPECT_EQ(parse_byte_size("300M")->bytes, 300LL << 20);
  EXPECT_EQ(parse_byte_size("1.5g")->bytes, 3LL << 29);
  EXPECT_EQ(parse_byte_size("2kb")->bytes, 2048);
  EXPECT_EQ(parse_byte_size("12 KiB")->bytes, 12 * 1024);
  EXPECT_EQ(parse_byte_size("64")->bytes, 64);
  EXPECT_EQ(parse_byte_size("-1")->bytes, -1);
}

TEST(ByteSize, RejectsInvalidSizes) {
  for (const char* text : {"", "m", "1x", "1mm", "-5m", "nan", "1e400"})
    EXPECT_FALSE(parse_byte_size(text)) << text;
}

TEST(Duration, ReadsAndPrintsGoFormat) {
  EXPECT_EQ(go_duration(*parse_duration("90s")), "1m30s");
  EXPECT_EQ(go_duration(*parse_duration("1h0m0.5s")), "1h0m0.5s");
  EXPECT_EQ(go_duration(*parse_duration("500ms")), "500ms");
  EXPECT_EQ(go_duration(*parse_duration("0")), "0s");
  EXPECT_EQ(parse_duration("1d")->count(), 86400LL * 1000000000);
  for (const char* text : {"", "5", "s", "1x", "1s2", "-"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Rfc3339, RoundTripsNanoseconds) {
  auto time = parse_rfc3339("2026-01-02T03:04:05.123456789Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(rfc3339(*time), "2026-01-02T03:04:05.123456789Z");
  EXPECT_EQ(rfc3339(*parse_rfc3339("2026-01-02T05:04:05+02:00")), "2026-01-02T03:04:05.000000000Z");
  EXPECT_FALSE(parse_rfc3339("yesterday"));
}
