#include "runtime/cgroup/cgroup_limits.h"

#include <gtest/gtest.h>

namespace stack::runtime {
namespace {

std::string text(const Result<std::vector<CgroupWrite>>& writes) {
  if (!writes) return "error: " + writes.error().text();
  std::string out;
  for (const CgroupWrite& write : *writes) out += write.file + " = " + write.value + "\n";
  return out;
}

const Json kResources = {
    {"memory", {{"limit", 1000}, {"swap", 3000}, {"reservation", 500}}},
    {"cpu", {{"shares", 1024}, {"quota", 50000}, {"period", 100000}, {"cpus", "0-1"}}},
    {"pids", {{"limit", 7}}},
    {"blockIO",
     {{"weight", 10}, {"throttleReadBpsDevice", Json::array({{{"major", 8}, {"minor", 0}, {"rate", 99}}})}}},
};

TEST(CgroupLimits, VersionOneWritesItsFiles) {
  EXPECT_EQ(
      text(writes_for_v1(kResources)),
      "memory.limit_in_bytes = 1000\nmemory.memsw.limit_in_bytes = 3000\nmemory.soft_limit_in_bytes = 500\n"
      "cpu.shares = 1024\ncpu.cfs_period_us = 100000\ncpu.cfs_quota_us = 50000\ncpuset.cpus = 0-1\n"
      "pids.max = 7\nblkio.weight = 10\nblkio.throttle.read_bps_device = 8:0 99\n");
}

TEST(CgroupLimits, VersionTwoTranslates) {
  EXPECT_EQ(
      text(writes_for_v2(kResources)),
      "memory.max = 1000\nmemory.swap.max = 2000\nmemory.low = 500\ncpu.weight = 100\n"
      "cpu.max = 50000 100000\ncpuset.cpus = 0-1\npids.max = 7\nio.bfq.weight = 10\nio.weight = default 1\n"
      "io.max = 8:0 rbps=99\n");
}

TEST(CgroupLimits, WeightsOfVersion1HaveBfqNames) {
  Json block{{"weight", 300}, {"weightDevice", Json::array({{{"major", 8}, {"minor", 0}, {"weight", 200}}})}};
  std::vector<CgroupWrite> writes = writes_for_v1(Json{{"blockIO", block}}).value();
  ASSERT_EQ(writes.size(), 2u);
  EXPECT_EQ(writes[0].other_file, "blkio.bfq.weight");
  EXPECT_EQ(writes[1].other_file, "blkio.bfq.weight_device");
  EXPECT_EQ(writes[1].value, "8:0 200");
}

TEST(CgroupLimits, MinusOneIsMax) {
  Json unlimited{
      {"memory", {{"limit", -1}, {"swap", -1}}}, {"pids", {{"limit", -1}}}, {"cpu", {{"quota", -1}}}};
  EXPECT_EQ(text(writes_for_v2(unlimited)),
            "memory.max = max\nmemory.swap.max = max\ncpu.max = max\npids.max = max\n");
}

TEST(CgroupLimits, WithoutLimitsNothingIsWritten) {
  EXPECT_EQ(text(writes_for_v1(Json::object())), "");
  EXPECT_EQ(text(writes_for_v2(Json::object())), "");
  EXPECT_EQ(text(writes_for_v2(Json())), "");
}

TEST(CgroupLimits, InvalidValuesAreRejected) {
  EXPECT_EQ(text(writes_for_v1(Json{{"memory", {{"limit", 10}, {"swap", 5}}}})),
            "error: the limit of memory and swap is below the memory limit");
  EXPECT_EQ(text(writes_for_v2(Json{{"memory", {{"swappiness", 101}}}})),
            "error: swappiness must be from 0 to 100");
  EXPECT_EQ(text(writes_for_v2(Json{{"cpu", {{"quota", 10}, {"burst", 11}}}})),
            "error: cpu burst is above the quota");
  EXPECT_EQ(text(writes_for_v1(Json{{"unified", {{"memory.high", "1"}}}})),
            "error: resources.unified requires cgroup v2");
}

TEST(CgroupLimits, UnifiedKeysArePassedButNeverPaths) {
  EXPECT_EQ(text(writes_for_v2(Json{{"unified", {{"memory.high", "5"}}}})), "memory.high = 5\n");
  EXPECT_NE(text(writes_for_v2(Json{{"unified", {{"../x", "5"}}}})).find("error"), std::string::npos);
  EXPECT_NE(text(writes_for_v2(Json{{"unified", {{"cgroup.procs", "5"}}}})).find("error"), std::string::npos);
}

TEST(CgroupLimits, SharesBecomeWeightsOnTheKnownCurve) {
  EXPECT_EQ(cpu_weight_of_shares(2), 1u);
  EXPECT_EQ(cpu_weight_of_shares(1024), 100u);
  EXPECT_EQ(cpu_weight_of_shares(262144), 10000u);
  for (uint64_t shares = 3; shares < 262144; shares *= 2)
    EXPECT_LE(cpu_weight_of_shares(shares), cpu_weight_of_shares(shares * 2));
}

TEST(CgroupLimits, DeviceRulesKeepTheirOrder) {
  Json resources{
      {"devices", Json::array({{{"allow", false}, {"access", "rwm"}},
                               {{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"access", "rw"}},
                               {{"allow", true}, {"type", "b"}, {"access", "m"}}})}};
  EXPECT_EQ(text(writes_for_v1(resources)),
            "devices.deny = a\ndevices.allow = c 1:3 rw\ndevices.allow = b *:* m\n");
  EXPECT_FALSE(parse_device_rules(Json{{"devices", Json::array({{{"type", "x"}}})}}).has_value());
  EXPECT_FALSE(parse_device_rules(Json{{"devices", Json::array({{{"access", "rx"}}})}}).has_value());
}

}  // namespace
}  // namespace stack::runtime
