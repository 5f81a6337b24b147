#include "model/health.h"

#include <gtest/gtest.h>

using namespace stack;
using namespace std::chrono_literals;

namespace {

HealthcheckSpec probe() {
  HealthcheckSpec spec;
  spec.test = {"CMD", "true"};
  spec.interval = 10s;
  spec.retries = 3;
  return spec;
}

const SteadyTime kStart{std::chrono::seconds(1'000'000)};
const WallTime kWallTime{std::chrono::seconds(2'000'000)};

ProbeResult result(int code, std::chrono::seconds at) {
  return {kWallTime + at, kWallTime + at, code, "", kStart + at};
}

}  // namespace

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

TEST(Health, StartPeriodDoesNotDependOnTheWallClock) {
  HealthcheckSpec spec = probe();
  spec.start_period = 60s;
  HealthState state = health_at_start(kStart);
  for (int at = 10; at < 50; at += 10) {
    ProbeResult failure = result(1, std::chrono::seconds(at));
    failure.start += std::chrono::hours(24);  // the clock was set
    failure.end += std::chrono::hours(24);
    state = advance(state, std::move(failure), spec);
  }
  EXPECT_EQ(state.status, Health::Starting);
  EXPECT_EQ(state.failing_streak, 0);
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
  EXPECT_EQ(state.results.front().start, kWallTime + 4s);
  EXPECT_EQ(timed_out(kWallTime, kWallTime, probe(), "half").output, "Health check exceeded timeout (30s): half");
}
