// pre_start: the containers of hooks, and when they run.
#include "orchestrator/plan/pre_start.h"

#include <gtest/gtest.h>

#include "model/labels.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;

namespace {

compose::Project example(int replicas = 1) {
  compose::Project project = shop();
  add_service(project, "db", "db:1");
  add_healthcheck(project.services.at("db"));
  compose::Service& web = add_service(project, "web", "web:1");
  web.scale = replicas;
  web.environment["A"] = "1";
  web.entrypoint.emplace().push_back("/serve");
  web.user = "app";
  publish(web, 8080, 80);
  depend(project, "web", "db", compose::DependencyCondition::Healthy);
  compose::ServiceHook migrate;
  migrate.command = compose::StringList{"migrate", "up"};
  migrate.environment["A"] = "2";
  compose::ServiceHook own;
  own.command = compose::StringList{"chown"};
  own.user = "root";
  own.image = "tools:1";
  web.pre_start = {migrate, own};
  return project;
}

World up_of(const compose::Project& project) {
  World world;
  world.have_images(project);
  world.state.images["tools:1"] = "t";
  EXPECT_EQ(world.apply(reconcile(desired(project), world.state)), std::vector<std::string>{});
  return world;
}

}  // namespace

TEST(PreStart, HooksRunInSequenceAfterTheRequirements) {
  World world;
  world.have_images(example());
  EXPECT_EQ(plan_listing(reconcile(desired(example()), world.state)),
            "1 create-network shop_default [no network]\n"
            "2 pull-image tools:1 [no image]\n"
            "3 create-container shop-db-1 after 1 [no container]\n"
            "4 start-container shop-db-1 after 3\n"
            "5 create-container shop-web-1 after 1 [no container]\n"
            "6 wait-healthy shop-db-1 after 4 [for web]\n"
            "7 run-pre-start shop-web-pre_start-1 after 5,6 [service is not running]\n"
            "8 run-pre-start shop-web-pre_start-2 after 2,5,6,7 [service is not running]\n"
            "9 start-container shop-web-1 after 5,6,8\n");
}

TEST(PreStart, HookContainerIsTheServicesWithItsOwnCommand) {
  DesiredState state = desired(example());
  const std::vector<ContainerSpec>& hooks = state.services.at("web").pre_start;
  ASSERT_EQ(hooks.size(), 2U);
  EXPECT_EQ(hooks[0].image, "web:1");
  EXPECT_FALSE(hooks[0].entrypoint) << "the image's";
  EXPECT_EQ(hooks[0].command, (std::vector<std::string>{"migrate", "up"}));
  EXPECT_EQ(hooks[0].env, std::vector<std::string>{"A=2"});
  EXPECT_EQ(hooks[0].user, "app");
  EXPECT_TRUE(hooks[0].ports.empty());
  EXPECT_EQ(hooks[0].restart.name, "no");
  EXPECT_EQ(hooks[0].endpoints.at(0).aliases, std::vector<std::string>{"shop-web-pre_start-1"});
  EXPECT_EQ(hooks[0].labels.at(label::kOneOff), "True");
  EXPECT_EQ(hooks[1].image, "tools:1");
  EXPECT_EQ(hooks[1].user, "root");
}

TEST(PreStart, NothingRunsAgainWhileAReplicaRuns) {
  World world = up_of(example());
  EXPECT_EQ(plan_listing(reconcile(desired(example()), world.state)), "nothing to do\n");
  compose::Project more = example(3);
  more.services.at("web").ports.clear();
  compose::Project one = more;
  one.services.at("web").scale = 1;
  World small = up_of(one);
  std::string scaled = plan_listing(reconcile(desired(more), small.state));
  EXPECT_EQ(scaled.find("run-pre-start"), std::string::npos) << scaled;
}

TEST(PreStart, RunsAgainWhenAllReplicasAreReplacedOrStarted) {
  World world = up_of(example());
  compose::Project project = example();
  project.services.at("web").environment["B"] = "1";
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_NE(plan_listing(plan).find("run-pre-start"), std::string::npos);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{});
  world.container("shop-web-1").state = ContainerStatus::Exited;
  EXPECT_NE(plan_listing(reconcile(desired(project), world.state)).find("run-pre-start"), std::string::npos);
}

TEST(PreStart, RunBeforeTheFirstOldContainerStopsInAnUpdate) {
  compose::Project project = example(2);
  project.services.at("web").ports.clear();
  project.services.at("web").deploy.emplace().update_config.emplace();
  World world = up_of(project);
  project.services.at("web").environment["B"] = "1";
  Plan plan = reconcile(desired(project), world.state);
  ActionId hook = 0;
  for (const Action& action : plan.actions) {
    if (std::holds_alternative<RunPreStart>(action.body)) hook = action.id;
    if (std::holds_alternative<StopContainer>(action.body)) {
      EXPECT_NE(hook, 0);
    }
  }
  EXPECT_NE(hook, 0);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{});
}
