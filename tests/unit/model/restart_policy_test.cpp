#include "model/restart_policy.h"

#include <gtest/gtest.h>

using namespace stack;
using namespace std::chrono_literals;

namespace {

constexpr RestartHistory kFresh;

}  // namespace

TEST(RestartPolicy, DelayDoublesFrom100MillisecondsToAMinute) {
  RestartHistory history;
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 12; ++i) {
    auto decision = decide_restart({"always", 0}, {1, 1s, false}, history);
    ASSERT_TRUE(decision.restart);
    delays.push_back(decision.delay);
    history = decision.history;
  }
  EXPECT_EQ(delays[0], 100ms);
  EXPECT_EQ(delays[1], 200ms);
  EXPECT_EQ(delays[9], 51200ms);
  EXPECT_EQ(delays[10], 60s);
  EXPECT_EQ(delays[11], 60s);
  EXPECT_EQ(history.count, 12);
}

TEST(RestartPolicy, LongRunResetsTheDelay) {
  RestartHistory history{7, 12800ms};
  EXPECT_EQ(decide_restart({"always", 0}, {1, 10s, false}, history).delay, 100ms);
  EXPECT_EQ(decide_restart({"always", 0}, {1, 9999ms, false}, history).delay, 25600ms);
}

TEST(RestartPolicy, ConfiguredDelayAndWindowAreHonored) {
  RestartSpec policy;
  policy.name = "on-failure";
  policy.max_retries = 2;
  policy.delay = 3s;
  policy.window = 5s;
  EXPECT_EQ(decide_restart(policy, {1, 1s, false}, {1, 100ms}).delay, 3s);
  EXPECT_FALSE(decide_restart(policy, {1, 1s, false}, {2, 3s}).restart);
  EXPECT_TRUE(decide_restart(policy, {1, 5s, false}, {2, 3s}).restart) << "it ran long enough to count anew";
}

TEST(RestartPolicy, OnFailureCountsItsRetries) {
  RestartSpec policy{"on-failure", 2};
  EXPECT_FALSE(decide_restart(policy, {0, 1s, false}, kFresh).restart);
  EXPECT_TRUE(decide_restart(policy, {1, 1s, false}, {1, 100ms}).restart);
  EXPECT_FALSE(decide_restart(policy, {1, 1s, false}, {2, 200ms}).restart);
  EXPECT_TRUE(decide_restart({"on-failure", 0}, {1, 1s, false}, {999, 60s}).restart);
}

TEST(RestartPolicy, NothingRestartsAfterAManualStop) {
  for (const char* name : {"no", "always", "unless-stopped", "on-failure"}) {
    EXPECT_FALSE(decide_restart({name, 0}, {137, 1s, true}, kFresh).restart) << name;
  }
  EXPECT_FALSE(decide_restart({"no", 0}, {1, 1s, false}, kFresh).restart);
}

TEST(RestartPolicy, OnlyUnlessStoppedRemembersTheStopAfterABoot) {
  EXPECT_TRUE(start_at_boot({"always", 0}, 0, true));
  EXPECT_FALSE(start_at_boot({"unless-stopped", 0}, 0, true));
  EXPECT_TRUE(start_at_boot({"unless-stopped", 0}, 0, false));
  EXPECT_TRUE(start_at_boot({"on-failure", 0}, 1, false));
  EXPECT_FALSE(start_at_boot({"on-failure", 0}, 0, false));
  EXPECT_FALSE(start_at_boot({"no", 0}, 1, false));
}
