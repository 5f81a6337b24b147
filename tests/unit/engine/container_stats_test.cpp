#include "engine/container/container_stats.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace stack::engine {
namespace {

TEST(ContainerStats, SystemTimeIsTheSumOfTheFirstSevenColumns) {
  uint64_t tick = 1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  EXPECT_EQ(system_cpu_time("cpu  1 2 3 4 5 6 7 100 200 0\ncpu0 9 9 9 9 9 9 9 9\n"), 28 * tick);
  EXPECT_EQ(system_cpu_time(""), 0U);
  EXPECT_EQ(system_cpu_time("cpu  x -1 99999999999999999999999"), 0U);
}

TEST(ContainerStats, InterfacesWithoutTheLoopback) {
  Json networks = network_counters(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
      "colls carrier\n"
      "    lo:     1       1    0    0    0     0          0         0        1       1    0    0    0     0 "
      "      0 0\n"
      "  eth0: 100 2 3 4 0 0 0 0 200 6 7 8 0 0 0 0\n"
      " bad: 1 2\n");
  ASSERT_EQ(networks.size(), 1U) << networks;
  EXPECT_EQ(networks["eth0"]["rx_bytes"], 100);
  EXPECT_EQ(networks["eth0"]["rx_dropped"], 4);
  EXPECT_EQ(networks["eth0"]["tx_bytes"], 200);
  EXPECT_EQ(networks["eth0"]["tx_errors"], 7);
}

TEST(ContainerStats, LimitIsTheMachinesMemoryIfUnlimited) {
  runtime::CgroupStats stats;
  stats.memory_usage = 5;
  stats.memory_failures = 3;
  EXPECT_EQ(memory_stats_json(stats, runtime::CgroupMode::V2, 1000)["limit"], 1000);
  EXPECT_FALSE(memory_stats_json(stats, runtime::CgroupMode::V2, 1000).contains("failcnt"));
  EXPECT_EQ(memory_stats_json(stats, runtime::CgroupMode::Hybrid, 1000)["failcnt"], 3);
  stats.memory_limit = 10;
  EXPECT_EQ(memory_stats_json(stats, runtime::CgroupMode::V2, 1000)["limit"], 10);
  stats.memory_limit = 2000;
  EXPECT_EQ(memory_stats_json(stats, runtime::CgroupMode::V2, 1000)["limit"], 1000);
}

}  // namespace
}  // namespace stack::engine
