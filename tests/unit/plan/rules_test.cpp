// Restart policy, health, and waits, with a fake clock.
#include <gtest/gtest.h>

#include "model/health.h"
#include "model/restart_policy.h"
#include "orchestrator/plan/wait.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace std::chrono_literals;

namespace {

constexpr RestartHistory kFresh;

HealthcheckSpec probe() {
  HealthcheckSpec spec;
  spec.test = {"CMD", "true"};
  spec.interval = 10s;
  spec.retries = 3;
  return spec;
}

const WallTime kStart{std::chrono::seconds(1'000'000)};

ProbeResult result(int code, std::chrono::seconds at) { return {kStart + at, kStart + at, code, ""}; }

WaitFacts facts(ContainerStatus state, Health health = Health::None, int code = 0) {
  return {"shop-db-1", state, health, code, false};
}

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

TEST(Health, BecomesUnhealthyAfterConsecutiveFailures) {
  HealthState state = health_at_start(kStart);
  state = advance(state, result(1, 10s), probe());
  state = advance(state, result(-1, 20s), probe());
  EXPECT_EQ(state.status, Health::Starting);
  state = advance(state, result(1, 30s), probe());
  EXPECT_EQ(state.status, Health::Unhealthy);
  EXPECT_EQ(state.failing_streak, 3);
  state = advance(state, result(0, 40s), probe());
  EXPECT_EQ(state.status, Health::Healthy);
  EXPECT_EQ(state.failing_streak, 0);
}

TEST(Health, SuccessResetsTheFailureStreak) {
  HealthState state = health_at_start(kStart);
  for (int code : {1, 1, 0, 1, 1}) state = advance(state, result(code, 10s), probe());
  EXPECT_EQ(state.status, Health::Healthy);
}

TEST(Health, FailuresInTheStartPeriodDoNotCount) {
  HealthcheckSpec spec = probe();
  spec.start_period = 60s;
  HealthState state = health_at_start(kStart);
  for (int at = 5; at < 60; at += 5) state = advance(state, result(1, std::chrono::seconds(at)), spec);
  EXPECT_EQ(state.status, Health::Starting);
  EXPECT_EQ(state.failing_streak, 0);
  EXPECT_EQ(state.results.size(), kProbeResultsKept);
  // After the first success, they count even within the start period.
  state = advance(state, result(0, 20s), spec);
  for (int i = 0; i < 3; ++i) state = advance(state, result(1, 30s), spec);
  EXPECT_EQ(state.status, Health::Unhealthy);
}

TEST(Health, ProbesOftenWhileStarting) {
  HealthcheckSpec spec = probe();
  spec.start_period = 60s;
  HealthState state = health_at_start(kStart);
  EXPECT_EQ(next_probe_in(state, spec, kStart), 20ms) << "the first one at once";
  state = advance(state, result(1, 0s), spec);
  EXPECT_EQ(next_probe_in(state, spec, kStart + 20ms), 50ms);
  EXPECT_EQ(next_probe_in(state, spec, kStart + 1s), 500ms);
  EXPECT_EQ(next_probe_in(state, spec, kStart + 30s), 5s);
  EXPECT_EQ(next_probe_in(state, spec, kStart + 60s), 10s);
  state.status = Health::Healthy;
  EXPECT_EQ(next_probe_in(state, spec, kStart + 1s), 10s);
}
TEST(Health, ContainerBecomesHealthyBeforeTheFirstInterval) {
  HealthState state = health_at_start(kStart);
  EXPECT_EQ(next_probe_in(state, probe(), kStart), 20ms);
  state = advance(state, result(1, 0s), probe());
  EXPECT_EQ(state.failing_streak, 0) << "a failure before the first interval is over counts nothing";
  EXPECT_EQ(next_probe_in(state, probe(), kStart + 9s), 1s) << "the first that counts is where Docker's is";
  EXPECT_EQ(next_probe_in(state, probe(), kStart + 10s), 10s);
}

TEST(Health, UsesDockersDefaultsForZeros) {
  HealthcheckSpec full = with_defaults({});
  EXPECT_EQ(full.interval, 30s);
  EXPECT_EQ(full.timeout, 30s);
  EXPECT_EQ(full.start_interval, 5s);
  EXPECT_EQ(full.retries, 3);
  HealthcheckSpec none;
  none.test = {"NONE"};
  EXPECT_FALSE(is_enabled(none));
  EXPECT_FALSE(is_enabled({}));
  EXPECT_TRUE(is_enabled(probe()));
}

TEST(Health, LimitsTheKeptOutput) {
  HealthState state = health_at_start(kStart);
  for (int i = 0; i < 9; ++i) {
    ProbeResult noisy = result(0, std::chrono::seconds(i));
    noisy.output.assign(100'000, 'x');
    state = advance(state, noisy, probe());
  }
  ASSERT_EQ(state.results.size(), 5u);
  EXPECT_EQ(state.results.back().output.size(), 4096u);
  EXPECT_EQ(state.results.front().start, kStart + 4s);
  EXPECT_EQ(timed_out(kStart, kStart, probe(), "half").output, "Health check exceeded timeout (30s): half");
}

TEST(Wait, HealthyErrorNamesTheReason) {
  EXPECT_EQ(judge_healthy(facts(ContainerStatus::Exited, Health::Starting, 3), false).text,
            "dependency failed to start: container shop-db-1 exited (3)");
  EXPECT_EQ(judge_healthy(facts(ContainerStatus::Running, Health::Unhealthy), false).text,
            "container shop-db-1 is unhealthy");
  EXPECT_EQ(judge_healthy(facts(ContainerStatus::Running), false).text,
            "container shop-db-1 has no healthcheck configured");
  EXPECT_EQ(judge_healthy(facts(ContainerStatus::Running, Health::Starting), false).text,
            "shop-db-1 is running, health starting");
  EXPECT_EQ(judge_healthy(facts(ContainerStatus::Running, Health::Healthy), false).state,
            WaitVerdict::State::Done);
}

TEST(Wait, ExitIsNotFinalIfThePolicyWillRestart) {
  WaitFacts ended = facts(ContainerStatus::Exited, Health::None, 1);
  ended.will_restart = true;
  EXPECT_EQ(judge_healthy(ended, false).state, WaitVerdict::State::Waiting);
  EXPECT_EQ(judge_completed(ended).state, WaitVerdict::State::Waiting);
  ended.will_restart = false;
  EXPECT_EQ(judge_completed(ended).text, "container shop-db-1 didn't complete successfully: exit 1");
}

TEST(Wait, WaitOptionAcceptsSuccessfulOneShots) {
  EXPECT_EQ(judge_running(facts(ContainerStatus::Exited)).state, WaitVerdict::State::Done);
  EXPECT_EQ(judge_running(facts(ContainerStatus::Running)).state, WaitVerdict::State::Done);
  EXPECT_EQ(judge_running(facts(ContainerStatus::Running, Health::Starting)).state,
            WaitVerdict::State::Waiting);
  EXPECT_EQ(judge_running(facts(ContainerStatus::Exited, Health::None, 2)).text,
            "container shop-db-1 exited (2)");
  EXPECT_EQ(judge_completed(facts(ContainerStatus::Running)).state, WaitVerdict::State::Waiting);
  EXPECT_EQ(judge_completed(facts(ContainerStatus::Exited)).state, WaitVerdict::State::Done);
}
