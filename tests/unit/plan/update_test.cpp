// deploy.update_config: the steps and their order, and when an update continues.
#include "orchestrator/plan/update.h"

#include <gtest/gtest.h>

#include "orchestrator/plan/plan.h"
#include "orchestrator/plan/wait.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;
using std::chrono_literals::operator""s;

namespace {

compose::Project replicated(int replicas, compose::UpdateConfig config) {
  compose::Project project = shop();
  compose::Service& web = add_service(project, "web", "web:1");
  web.deploy.emplace().replicas = replicas;
  web.deploy->update_config = std::move(config);
  return project;
}

compose::Project changed(compose::Project project) {
  project.services.at("web").environment["NEW"] = "1";
  return project;
}

// The changing actions, without rollback actions.
std::string steps(const Plan& plan) {
  std::string text;
  for (const Action& action : plan.actions) {
    if (action.contingent()) continue;
    text += std::to_string(action.id) + " " + std::string(kind_of(action)) + " " + object_of(action);
    const char* before = " after ";
    for (const Edge& edge : action.after) {
      text += before + std::to_string(edge.id) + (edge.soft ? "?" : "");
      before = ",";
    }
    text += "\n";
  }
  return text;
}

Plan update_plan(const compose::Project& project) {
  World world = up(project);
  return reconcile(desired(changed(project)), world.state);
}

UpdateFacts facts(int failed, int replicas, bool last) {
  return {"web", false, last, replicas, failed, "it exited"};
}

}  // namespace

TEST(Update, ReplacesReplicasInSequenceByDefault) {
  EXPECT_EQ(steps(update_plan(replicated(2, {}))),
            "1 create-container shop-web-1\n"
            "2 stop-container shop-web-1 after 1\n"
            "3 start-container shop-web-1 after 1,2\n"
            "4 wait-accepted shop-web-1 after 3\n"
            "7 remove-container shop-web-1 after 2,4\n"
            "8 rename-container shop-web-1 after 7\n"
            "9 check-update web after 2?,3?,4?\n"
            "10 create-container shop-web-2 after 9\n"
            "11 stop-container shop-web-2 after 9,10\n"
            "12 start-container shop-web-2 after 9,10,11\n"
            "13 wait-accepted shop-web-2 after 12\n"
            "16 remove-container shop-web-2 after 11,13\n"
            "17 rename-container shop-web-2 after 16\n"
            "18 check-update web after 2?,3?,4?,9,11?,12?,13?\n");
}

TEST(Update, StartFirstStopsTheOldOneWhenTheNewOneIsAccepted) {
  compose::UpdateConfig config;
  config.order = "start-first";
  EXPECT_EQ(steps(update_plan(replicated(1, config))),
            "1 create-container shop-web-1\n"
            "2 start-container shop-web-1 after 1\n"
            "3 wait-accepted shop-web-1 after 2\n"
            "4 stop-container shop-web-1 after 3\n"
            "6 remove-container shop-web-1 after 3,4\n"
            "7 rename-container shop-web-1 after 6\n"
            "8 check-update web after 2?,3?,4?\n");
}

TEST(Update, HostPortPreventsStartFirst) {
  compose::UpdateConfig config;
  config.order = "start-first";
  compose::Project project = replicated(1, config);
  publish(project.services.at("web"), 8080, 80);
  Plan plan = update_plan(project);
  ASSERT_EQ(plan.warnings.size(), 1U);
  EXPECT_NE(plan.warnings[0].find("host port 8080"), std::string::npos) << plan.warnings[0];
  World world = up(project);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{});
}

TEST(Update, ParallelismSetsBatchesWithDelaysBetween) {
  compose::UpdateConfig config;
  config.parallelism = 2;
  config.delay = 10s;
  Plan plan = update_plan(replicated(3, config));
  int checks = 0;
  int delays = 0;
  for (const Action& action : plan.actions) {
    if (const auto* check = std::get_if<CheckUpdate>(&action.body)) {
      ++checks;
      EXPECT_EQ(check->batches, 2U);
      EXPECT_EQ(check->replicas.size(), check->batch == 1 ? 2U : 3U);
    }
    delays += std::holds_alternative<WaitDelay>(action.body) ? 1 : 0;
  }
  EXPECT_EQ(checks, 2);
  EXPECT_EQ(delays, 1);
  config.parallelism = 0;
  EXPECT_NE(plan_text(update_plan(replicated(3, config))).find("batch 1 of 1"), std::string::npos);
}

TEST(Update, PlanNamesTheConsequenceOfAFailure) {
  compose::UpdateConfig config;
  config.failure_action = "rollback";
  std::string text = plan_text(update_plan(replicated(1, config)));
  EXPECT_NE(text.find("a failure rolls the update back"), std::string::npos) << text;
  EXPECT_EQ(text.find("restored"), std::string::npos) << "what may never happen is not shown: " << text;
}

TEST(Update, EveryOrderOfExecutionWorksAndLeavesNothing) {
  for (const char* order : {"", "start-first"}) {
    for (const char* action : {"", "continue", "rollback"}) {
      compose::UpdateConfig config;
      config.order = order;
      config.failure_action = action;
      compose::Project project = replicated(3, config);
      World world = up(project);
      Plan plan = reconcile(desired(changed(project)), world.state);
      EXPECT_EQ(world.apply(plan), std::vector<std::string>{}) << order << " " << action;
      EXPECT_EQ(world.state.containers.size(), 3U);
      EXPECT_EQ(plan_listing(reconcile(desired(changed(project)), world.state)), "nothing to do\n");
    }
  }
}

TEST(Update, InterruptedUpdateIsCompleted) {
  compose::UpdateConfig config;
  config.failure_action = "rollback";
  compose::Project project = replicated(2, config);
  World reference = up(project);
  size_t length = reconcile(desired(changed(project)), reference.state).actions.size();
  for (size_t limit = 0; limit <= length; ++limit) {
    World world = up(project);
    EXPECT_EQ(world.apply(reconcile(desired(changed(project)), world.state), limit),
              std::vector<std::string>{});
    EXPECT_EQ(world.apply(reconcile(desired(changed(project)), world.state)), std::vector<std::string>{})
        << "after " << limit;
    EXPECT_EQ(plan_listing(reconcile(desired(changed(project)), world.state)), "nothing to do\n")
        << "after " << limit;
  }
}

TEST(Update, StoppedServicesAreReplacedWithoutBatches) {
  compose::Project project = replicated(2, {});
  World world = up(project);
  for (ObservedContainer& container : world.state.containers) container.state = ContainerStatus::Exited;
  EXPECT_EQ(plan_listing(reconcile(desired(changed(project)), world.state)).find("check-update"),
            std::string::npos);
}

TEST(Update, WithoutUpdateConfigNothingChanges) {
  compose::Project project = replicated(2, {});
  project.services.at("web").deploy->update_config.reset();
  EXPECT_EQ(plan_listing(update_plan(project)).find("accepted"), std::string::npos);
}

TEST(Update, TheRatioOfFailuresDecides) {
  EXPECT_FALSE(judge_update(facts(0, 4, true), UpdateFailure::Pause, 0));
  EXPECT_TRUE(judge_update(facts(1, 4, false), UpdateFailure::Pause, 0));
  EXPECT_FALSE(judge_update(facts(1, 4, false), UpdateFailure::Pause, 0.25));
  EXPECT_TRUE(judge_update(facts(2, 4, false), UpdateFailure::Pause, 0.25));
  EXPECT_FALSE(judge_update(facts(2, 4, false), UpdateFailure::Continue, 0)) << "it goes on";
  EXPECT_TRUE(judge_update(facts(2, 4, true), UpdateFailure::Continue, 0)) << "and says so at the end";
  EXPECT_EQ(judge_update(facts(1, 4, false), UpdateFailure::Rollback, 0),
            "update of service web was rolled back: 1 of 4 containers could not be replaced: it exited");
}

TEST(Update, AcceptedIsHealthyIfItHasACheckAndHasRunLongEnough) {
  using State = WaitVerdict::State;
  WaitFacts running{"web-1", ContainerStatus::Running, Health::None, 0, false, 0};
  EXPECT_EQ(judge_accepted(running, 1s, 5s).state, State::Waiting);
  EXPECT_EQ(judge_accepted(running, 5s, 5s).state, State::Done);
  WaitFacts healthy = running;
  healthy.health = Health::Starting;
  EXPECT_EQ(judge_accepted(healthy, 60s, 5s).state, State::Waiting) << "health counts, not time";
  healthy.health = Health::Healthy;
  EXPECT_EQ(judge_accepted(healthy, 1s, 5s).state, State::Waiting) << "it may die yet";
  EXPECT_EQ(judge_accepted(healthy, 5s, 5s).state, State::Done);
  healthy.health = Health::Unhealthy;
  EXPECT_EQ(judge_accepted(healthy, 0s, 5s).state, State::Failed);
  WaitFacts restarting{"web-1", ContainerStatus::Restarting, Health::None, 1, true, 0};
  EXPECT_EQ(judge_accepted(restarting, 1s, 5s).state, State::Failed);
  WaitFacts came_back = running;
  came_back.restarts = 1;
  EXPECT_EQ(judge_accepted(came_back, 9s, 5s).state, State::Failed);
  WaitFacts one_shot{"web-1", ContainerStatus::Exited, Health::None, 0, false, 0};
  EXPECT_EQ(judge_accepted(one_shot, 0s, 5s).state, State::Done);
}

TEST(Update, UpdateConfigDoesNotAffectTheConfigHash) {
  compose::Project project = replicated(1, {});
  std::string before = desired(project).services.at("web").config_hash;
  project.services.at("web").deploy->update_config->order = "start-first";
  EXPECT_EQ(desired(project).services.at("web").config_hash, before);
}
