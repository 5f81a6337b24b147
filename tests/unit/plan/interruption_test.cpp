// A plan that is interrupted at any point and computed again has the same result as an uninterrupted one.
#include <gtest/gtest.h>

#include <random>

#include "orchestrator/plan/replicas.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;
using compose::DependencyCondition;

namespace {

const std::vector<std::string> kNoComplaints;

compose::Project stack_of_four() {
  auto project = shop();
  add_service(project, "db", "db:1");
  add_healthcheck(project.services.at("db"));
  add_volume(project, "db", "data", "/data");
  add_service(project, "app", "app:1").scale = 2;
  publish(add_service(project, "web", "web:1"), 8080, 80);
  compose::Service& side = add_service(project, "side", "side:1");
  side.networks.clear();
  side.network_mode = "service:web";
  side.depends_on["web"] = {DependencyCondition::Started, true, true, true};
  depend(project, "app", "db", DependencyCondition::Healthy, true);
  depend(project, "web", "app");
  return project;
}

compose::Project changed() {
  auto project = stack_of_four();
  project.services.at("db").environment["A"] = "1";
  project.services.at("web").environment["B"] = "1";
  return project;
}

std::vector<std::string> names(const World& world) {
  std::vector<std::string> list;
  for (const auto& each : world.state.containers) {
    list.push_back(each.name + " " + std::string(to_text(each.state)) + " " + each.config_hash.substr(0, 8));
  }
  std::sort(list.begin(), list.end());
  return list;
}

void expect_settles(const compose::Project& project, World world, const World& goal,
                    const std::string& where) {
  ReconcileOptions resume;
  resume.rerun_completed = false;
  Plan rest = reconcile(desired(project), world.state, resume);
  EXPECT_EQ(world.apply(rest), kNoComplaints) << where << "\n" << plan_listing(rest);
  EXPECT_EQ(names(world), names(goal)) << where << "\n" << plan_listing(rest);
  EXPECT_EQ(plan_listing(reconcile(desired(project), world.state, resume)), "nothing to do\n") << where;
}

}  // namespace

TEST(Interruption, FirstUpIsCompletedFromAnyPoint) {
  auto project = stack_of_four();
  World goal = up(project);
  World fresh;
  fresh.have_images(project);
  Plan plan = reconcile(desired(project), fresh.state);
  for (size_t done = 0; done <= plan.actions.size(); ++done) {
    World world = fresh;
    EXPECT_EQ(world.apply(plan, done), kNoComplaints);
    expect_settles(project, world, goal, "after " + std::to_string(done) + " actions");
  }
}

TEST(Interruption, ReplacementIsCompletedFromAnyPoint) {
  World before = up(stack_of_four());
  auto project = changed();
  Plan plan = reconcile(desired(project), before.state);
  World goal = before;
  ASSERT_EQ(goal.apply(plan), kNoComplaints) << plan_listing(plan);
  std::mt19937 random(7);
  for (int round = 0; round < 6; ++round) {
    auto pick = [&](size_t count) { return random() % count; };
    for (size_t done = 0; done <= plan.actions.size(); ++done) {
      World world = before;
      EXPECT_EQ(world.apply_in_order(plan, done, pick), kNoComplaints) << plan_listing(plan);
      expect_settles(project, world, goal, "after " + std::to_string(done) + " actions");
    }
  }
}

TEST(Interruption, ReplacementCanBeRevertedFromAnyPoint) {
  World before = up(stack_of_four());
  Plan plan = reconcile(desired(changed()), before.state);
  for (size_t done = 0; done <= plan.actions.size(); ++done) {
    World world = before;
    EXPECT_EQ(world.apply(plan, done), kNoComplaints);
    expect_settles(stack_of_four(), world, before, "after " + std::to_string(done) + " actions");
  }
}

TEST(Interruption, TheNewContainerOfAnInterruptedReplacementIsUsed) {
  auto project = shop();
  add_service(project, "app", "app:1");
  World world = up(project);
  project.services.at("app").user = "1";
  Plan plan = reconcile(desired(project), world.state);
  world.apply(plan, 2);  // created, old one stopped
  EXPECT_EQ(plan_listing(reconcile(desired(project), world.state)),
            "1 remove-container shop-app-1 [replaced]\n"
            "2 rename-container shop-app-1 after 1 [resuming an interrupted replacement]\n"
            "3 start-container shop-app-1 after 2\n");
  world.apply(reconcile(desired(project), world.state), 1);
  EXPECT_EQ(plan_listing(reconcile(desired(project), world.state)),
            "1 rename-container shop-app-1 [resuming an interrupted replacement]\n"
            "2 start-container shop-app-1 after 1 [created, not started]\n");
}

TEST(Interruption, IncompleteContainerWithAnotherConfigurationIsRemoved) {
  auto project = shop();
  add_service(project, "app", "app:1");
  World world = up(project);
  project.services.at("app").user = "1";
  world.apply(reconcile(desired(project), world.state), 1);
  project.services.at("app").user = "2";
  ContainerId old_id = world.container("shop-app-1").id;
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_EQ(plan_listing(plan), "1 remove-container " + temporary_name(old_id, "shop-app-1") +
                                    " [left over from an interrupted replacement]\n"
                                    "2 create-container shop-app-1 after 1 [config changed: user]\n"
                                    "3 stop-container shop-app-1 after 2 [being replaced]\n"
                                    "4 remove-container shop-app-1 after 2,3 [replaced]\n"
                                    "5 rename-container shop-app-1 after 4 [replaces the old container]\n"
                                    "6 start-container shop-app-1 after 5\n");
  EXPECT_EQ(world.apply(plan), kNoComplaints);
}

TEST(Interruption, PlansOfRandomProjectsHaveNoCycleAndConverge) {
  std::mt19937 random(11);
  auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  for (int round = 0; round < 30; ++round) {
    auto make = [&](unsigned seed) {
      std::mt19937 shape(seed);
      auto sometimes = [&](unsigned percent) { return shape() % 100 < percent; };
      auto project = shop();
      for (int i = 0; i < 6; ++i) {
        std::string name(1, static_cast<char>('a' + i));
        compose::Service& service = add_service(project, name, "img" + std::to_string(i % 3));
        add_healthcheck(service);
        for (int k = 0; k < i; ++k) {
          if (!sometimes(40)) continue;
          auto condition = sometimes(50) ? DependencyCondition::Healthy : DependencyCondition::Started;
          depend(project, name, std::string(1, static_cast<char>('a' + k)), condition, sometimes(30),
                 sometimes(80));
        }
        if (i > 0 && sometimes(15)) {
          service.networks.clear();
          service.network_mode = std::string("service:") + static_cast<char>('a' + i - 1);
          service.depends_on[std::string(1, static_cast<char>('a' + i - 1))] = {DependencyCondition::Started,
                                                                                true, true, true};
        }
      }
      return project;
    };
    auto project = make(static_cast<unsigned>(round));
    World world = up(project);
    for (auto& [name, service] : project.services) {
      if (chance(40)) service.environment["CHANGED"] = "1";
      if (chance(20)) service.scale = 1 + static_cast<int64_t>(random() % 3);
    }
    if (chance(20)) project.networks.at("default").internal = true;
    auto pick = [&](size_t count) { return random() % count; };
    Plan plan = reconcile(desired(project), world.state);
    World half = world;
    EXPECT_EQ(half.apply_in_order(plan, random() % (plan.actions.size() + 1), pick), kNoComplaints)
        << plan_listing(plan);
    EXPECT_EQ(world.apply_in_order(plan, SIZE_MAX, pick), kNoComplaints) << plan_listing(plan);
    expect_settles(project, half, world, "round " + std::to_string(round));
  }
}
