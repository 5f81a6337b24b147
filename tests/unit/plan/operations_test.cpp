#include "orchestrator/plan/operations.h"

#include <gtest/gtest.h>

#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;
using compose::DependencyCondition;

namespace {

compose::Project three() {
  auto project = shop();
  add_service(project, "db", "db:1");
  add_healthcheck(project.services.at("db"));
  add_volume(project, "db", "data", "/data");
  compose::Service& app = add_service(project, "app", "");
  app.build.emplace().context = "/srv/shop";
  add_service(project, "web", "web:1");
  depend(project, "app", "db", DependencyCondition::Healthy, true);
  depend(project, "web", "app");
  return project;
}

std::string down(const World& world, const DownOptions& options = {}) {
  DesiredState state = desired(three());
  return plan_listing(plan_down(&state, world.state, options));
}

using Planner = Result<Plan> (*)(const DesiredState*, const ObservedState&, const OperationOptions&);

std::string run(Planner planner, const World& world, const OperationOptions& options = {}) {
  auto plan = planner(nullptr, world.state, options);
  return plan ? plan_listing(*plan) : plan.error().text();
}

OperationOptions services(std::vector<std::string> names) {
  OperationOptions options;
  options.services = std::move(names);
  return options;
}

}  // namespace

TEST(Down, StopsDependentsFirstAndRemovesEverythingExceptVolumes) {
  World world = up(three());
  EXPECT_EQ(down(world),
            "1 stop-container shop-web-1\n"
            "2 stop-container shop-app-1 after 1?\n"
            "3 remove-container shop-app-1 after 2?\n"
            "4 stop-container shop-db-1 after 2?\n"
            "5 remove-container shop-db-1 after 4?\n"
            "6 remove-container shop-web-1 after 1?\n"
            "7 remove-network shop_default after 3,5,6\n");
  EXPECT_TRUE(world.apply(plan_down(nullptr, world.state)).empty());
  EXPECT_TRUE(world.state.containers.empty());
  EXPECT_TRUE(world.state.networks.empty());
  EXPECT_EQ(world.state.volumes.size(), 1u);
  EXPECT_EQ(down(world), "nothing to do\n");
}

TEST(Down, WorksWithLabelsOnly) {
  World world = up(three());
  EXPECT_EQ(plan_listing(plan_down(nullptr, world.state)), down(world));
}

TEST(Down, VolumesAreRemovedOnRequest) {
  World world = up(three());
  world.state.volumes.push_back({"precious", {}});
  DownOptions options;
  options.volumes = true;
  std::string text = down(world, options);
  EXPECT_NE(text.find("remove-volume shop_data after 5"), std::string::npos) << text;
  EXPECT_EQ(text.find("precious"), std::string::npos) << text;
  Plan plan = plan_down(nullptr, world.state, options);
  for (const Action& action : plan.actions) {
    const auto* removal = std::get_if<RemoveContainer>(&action.body);
    EXPECT_TRUE(!removal || removal->volumes);
  }
}

TEST(Down, RmiRemovesImages) {
  World world = up(three());
  DownOptions options;
  options.rmi = "local";
  std::string text = down(world, options);
  EXPECT_NE(text.find("remove-image shop-app after 3 optional"), std::string::npos) << text;
  EXPECT_EQ(text.find("remove-image db:1"), std::string::npos) << text;
  options.rmi = "all";
  EXPECT_NE(down(world, options).find("remove-image db:1"), std::string::npos);
}

TEST(Down, NamedServicesIncludeTheirDependents) {
  World world = up(three());
  DownOptions options;
  options.services = {"app"};
  EXPECT_EQ(down(world, options),
            "1 stop-container shop-web-1\n"
            "2 stop-container shop-app-1 after 1?\n"
            "3 remove-container shop-app-1 after 2?\n"
            "4 remove-container shop-web-1 after 1?\n");
  options.services = {"nobody"};
  EXPECT_EQ(down(world, options), "warning: no such service: nobody\n");
}

TEST(Down, OrphansStayUnlessRequested) {
  World world = up(three());
  ObservedContainer orphan = world.container("shop-web-1");
  orphan.name = "shop-old-1";
  orphan.service = "old";
  orphan.id = ContainerId("0ld");
  world.state.containers.push_back(orphan);
  std::string text = down(world);
  EXPECT_NE(text.find("warning: found orphan containers (shop-old-1)"), std::string::npos) << text;
  EXPECT_NE(text.find("warning: network shop_default is kept: container shop-old-1 uses it"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("remove-network"), std::string::npos) << text;
  DownOptions options;
  options.remove_orphans = true;
  text = down(world, options);
  EXPECT_NE(text.find("remove-container shop-old-1"), std::string::npos) << text;
  EXPECT_NE(text.find("remove-network"), std::string::npos) << text;
}

TEST(Down, SkipsServicesWithoutContainersInTheOrder) {
  World world = up(three());
  std::erase_if(world.state.containers, [](const auto& each) { return each.service == "app"; });
  std::string text = down(world);
  EXPECT_NE(text.find("1 stop-container shop-web-1\n2 stop-container shop-db-1 after 1?"), std::string::npos)
      << text;
}

TEST(Start, FollowsDependenciesAndConditions) {
  World world = up(three());
  for (auto& each : world.state.containers) each.state = ContainerStatus::Exited;
  EXPECT_EQ(run(plan_start, world),
            "1 start-container shop-db-1 [exited (0)]\n"
            "2 wait-healthy shop-db-1 after 1\n"
            "3 start-container shop-app-1 after 2 [exited (0)]\n"
            "4 start-container shop-web-1 after 3 [exited (0)]\n");
  EXPECT_EQ(run(plan_start, world, services({"db"})), "1 start-container shop-db-1 [exited (0)]\n");
  EXPECT_EQ(run(plan_start, world, services({"nope"})), "no such service: nope");
  std::erase_if(world.state.containers, [](const auto& each) { return each.service == "web"; });
  DesiredState state = desired(three());
  EXPECT_EQ(plan_start(&state, world.state, services({"web"})).error().text(),
            "service \"web\" has no container to start");
}

TEST(Stop, NamedServicesOnly) {
  World world = up(three());
  EXPECT_EQ(run(plan_stop, world, services({"db"})), "1 stop-container shop-db-1\n");
  EXPECT_EQ(run(plan_stop, world),
            "1 stop-container shop-web-1\n"
            "2 stop-container shop-app-1 after 1?\n"
            "3 stop-container shop-db-1 after 2?\n");
}

TEST(Restart, DependentsRestartOnRequest) {
  World world = up(three());
  EXPECT_EQ(run(plan_restart, world, services({"db"})),
            "1 stop-container shop-app-1 [restart]\n"
            "2 stop-container shop-db-1 after 1 [restart]\n"
            "3 start-container shop-db-1 after 2 [restart]\n"
            "4 start-container shop-app-1 after 1,3 [restart]\n");
  OperationOptions alone = services({"db"});
  alone.no_deps = true;
  EXPECT_EQ(run(plan_restart, world, alone),
            "1 stop-container shop-db-1 [restart]\n"
            "2 start-container shop-db-1 after 1 [restart]\n");
}

TEST(Restart, StopsKeepTheRestartPolicyInForce) {
  World world = up(three());
  auto stops = [&](Planner planner) {
    std::vector<bool> restarts;
    Result<Plan> plan = planner(nullptr, world.state, {});
    for (const Action& action : plan->actions)
      if (const auto* stop = std::get_if<StopContainer>(&action.body)) restarts.push_back(stop->restarts);
    return restarts;
  };
  EXPECT_EQ(stops(plan_restart), std::vector<bool>(3, true));
  EXPECT_EQ(stops(plan_stop), std::vector<bool>(3, false));
}

TEST(Restart, OthersFollowTheirDependencies) {
  World world = up(three());
  OperationOptions two = services({"app", "web"});
  EXPECT_EQ(run(plan_restart, world, two),
            "1 stop-container shop-app-1 [restart]\n"
            "2 start-container shop-app-1 after 1 [restart]\n"
            "3 stop-container shop-web-1 after 2 [restart]\n"
            "4 start-container shop-web-1 after 2,3 [restart]\n");
}

TEST(Kill, SignalsRunningContainers) {
  World world = up(three());
  world.container("shop-db-1").state = ContainerStatus::Exited;
  OperationOptions options;
  options.signal = "SIGHUP";
  EXPECT_EQ(run(plan_kill, world, options), "1 kill-container shop-app-1\n2 kill-container shop-web-1\n");
}

TEST(Rm, RemovesOnlyStoppedContainersUnlessStopIsRequested) {
  World world = up(three());
  world.container("shop-db-1").state = ContainerStatus::Exited;
  OperationOptions options;
  EXPECT_EQ(run(plan_rm, world, options), "1 remove-container shop-db-1\n");
  options.stop = true;
  options.services = {"web"};
  EXPECT_EQ(run(plan_rm, world, options),
            "1 stop-container shop-web-1\n2 remove-container shop-web-1 after 1\n");
}

TEST(Pause, AndUnpauseSelectContainersByState) {
  World world = up(three());
  world.container("shop-db-1").state = ContainerStatus::Paused;
  EXPECT_EQ(run(plan_pause, world), "1 pause-container shop-app-1\n2 pause-container shop-web-1\n");
  EXPECT_EQ(run(plan_unpause, world), "1 unpause-container shop-db-1\n");
}
