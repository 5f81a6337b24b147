#include "orchestrator/plan/wait.h"

#include <gtest/gtest.h>

using namespace stack;
using namespace stack::orchestrator;

namespace {

WaitFacts facts(ContainerStatus state, Health health = Health::None, int code = 0) {
  return {"shop-db-1", state, health, code, false};
}

}  // namespace

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
