// Scenarios as plan text: the actions, their order, and their causes.
#include "orchestrator/plan/reconcile.h"

#include <gtest/gtest.h>

#include "model/labels.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;
using compose::DependencyCondition;

namespace {

// flask, redis, nginx as in the example.
compose::Project example() {
  compose::Project project = shop();
  add_service(project, "redis", "redis:7");
  add_healthcheck(project.services.at("redis"));
  add_volume(project, "redis", "data", "/data");
  compose::Service& web = add_service(project, "web", "");
  web.build.emplace().context = "/srv/shop/web";
  web.environment["DEBUG"] = "0";
  add_service(project, "proxy", "nginx:1.27");
  publish(project.services.at("proxy"), 8080, 80);
  depend(project, "web", "redis", DependencyCondition::Healthy);
  depend(project, "proxy", "web");
  return project;
}

std::string listing(const compose::Project& project, const World& world, const ReconcileOptions& options = {},
                    const DesiredOptions& wanted = {}) {
  return plan_listing(reconcile(desired(project, wanted), world.state, options));
}

std::string short_id(World& world, const std::string& name) { return world.container(name).id.short_text(); }

}  // namespace

TEST(Reconcile, FirstUpCreatesEverythingInDependencyOrder) {
  World world;
  world.state.images = {{"redis:7", "r"}, {"nginx:1.27", "n"}};
  EXPECT_EQ(listing(example(), world),
            "1 create-network shop_default [no network]\n"
            "2 create-volume shop_data [no volume]\n"
            "3 build-image shop-web [no image]\n"
            "4 create-container shop-redis-1 after 1,2 [no container]\n"
            "5 start-container shop-redis-1 after 4\n"
            "6 create-container shop-web-1 after 1,3 [no container]\n"
            "7 wait-healthy shop-redis-1 after 5 [for web]\n"
            "8 start-container shop-web-1 after 6,7\n"
            "9 create-container shop-proxy-1 after 1 [no container]\n"
            "10 start-container shop-proxy-1 after 8,9\n");
}

TEST(Reconcile, PlanTextIsReadable) {
  World world;
  world.state.images = {{"redis:7", "r"}, {"nginx:1.27", "n"}};
  EXPECT_EQ(plan_text(reconcile(desired(example()), world.state)),
            "project shop\n"
            "  + create network      shop_default  no network\n"
            "  + create volume       shop_data     no volume\n"
            "service web\n"
            "  + build image         shop-web      no image\n"
            "  + create container    shop-web-1    no container\n"
            "  ~ start container     shop-web-1\n"
            "service redis\n"
            "  + create container    shop-redis-1  no container\n"
            "  ~ start container     shop-redis-1\n"
            "  . wait until healthy  shop-redis-1  for web\n"
            "service proxy\n"
            "  + create container    shop-proxy-1  no container\n"
            "  ~ start container     shop-proxy-1\n"
            "9 changes\n");
}

TEST(Reconcile, UpAgainDoesNothing) {
  World world = up(example());
  EXPECT_EQ(listing(example(), world), "nothing to do\n");
  EXPECT_EQ(plan_text(reconcile(desired(example()), world.state)), "nothing to do\n");
}

TEST(Reconcile, ChangedEnvironmentRecreatesOnlyThatService) {
  World world = up(example());
  auto project = example();
  project.services.at("web").environment["DEBUG"] = "1";
  EXPECT_EQ(listing(project, world),
            "1 create-container shop-web-1 [config changed: environment.DEBUG]\n"
            "2 stop-container shop-web-1 after 1 [being replaced]\n"
            "3 remove-container shop-web-1 after 1,2 [replaced]\n"
            "4 rename-container shop-web-1 after 3 [replaces the old container]\n"
            "5 start-container shop-web-1 after 4\n");
  Plan plan = reconcile(desired(project), world.state);
  const auto& create = std::get<CreateContainer>(plan.actions[0].body);
  EXPECT_EQ(create.spec.name, short_id(world, "shop-web-1") + "_shop-web-1");
  EXPECT_EQ(create.replaces, world.container("shop-web-1").id);
  EXPECT_TRUE(create.inherit_anonymous_volumes);
}

TEST(Reconcile, OldContainerRunsUntilTheNewOnesRequirementsAreReady) {
  World world = up(example());
  auto project = example();
  project.services.at("web").environment["DEBUG"] = "1";
  project.services.at("redis").environment["NEW"] = "1";
  EXPECT_EQ(listing(project, world),
            "1 create-container shop-redis-1 [config changed: environment.NEW]\n"
            "2 stop-container shop-redis-1 after 1 [being replaced]\n"
            "3 remove-container shop-redis-1 after 1,2 [replaced]\n"
            "4 rename-container shop-redis-1 after 3 [replaces the old container]\n"
            "5 start-container shop-redis-1 after 4\n"
            "6 create-container shop-web-1 [config changed: environment.DEBUG]\n"
            "7 wait-healthy shop-redis-1 after 5 [for web]\n"
            "8 stop-container shop-web-1 after 6,7 [being replaced]\n"
            "9 remove-container shop-web-1 after 6,8 [replaced]\n"
            "10 rename-container shop-web-1 after 9 [replaces the old container]\n"
            "11 start-container shop-web-1 after 7,10\n");
}

TEST(Reconcile, DependentsWithRestartStopBeforeAndStartAfter) {
  auto project = example();
  project.services.at("web").depends_on.at("redis").restart = true;
  World world = up(project);
  project.services.at("redis").environment["NEW"] = "1";
  EXPECT_EQ(listing(project, world),
            "1 create-container shop-redis-1 [config changed: environment.NEW]\n"
            "2 stop-container shop-web-1 [restarts with its dependency]\n"
            "3 stop-container shop-redis-1 after 1,2 [being replaced]\n"
            "4 remove-container shop-redis-1 after 1,3 [replaced]\n"
            "5 rename-container shop-redis-1 after 4 [replaces the old container]\n"
            "6 start-container shop-redis-1 after 5\n"
            "7 wait-healthy shop-redis-1 after 6 [for web]\n"
            "8 start-container shop-web-1 after 2,7 [restarts with its dependency]\n");
}

TEST(Reconcile, SharersOfANamespaceAreRecreatedWithItsOwner) {
  auto project = shop();
  add_service(project, "vpn", "vpn:1");
  compose::Service& app = add_service(project, "app", "app:1");
  app.networks.clear();
  app.network_mode = "service:vpn";
  project.services.at("app").depends_on["vpn"] = {DependencyCondition::Started, true, true, true};
  World world = up(project);
  project.services.at("vpn").command = compose::StringList{"new"};
  EXPECT_EQ(listing(project, world),
            "1 create-container shop-vpn-1 [config changed: command]\n"
            "2 stop-container shop-app-1 [being replaced]\n"
            "3 stop-container shop-vpn-1 after 1,2 [being replaced]\n"
            "4 remove-container shop-vpn-1 after 1,3 [replaced]\n"
            "5 rename-container shop-vpn-1 after 4 [replaces the old container]\n"
            "6 start-container shop-vpn-1 after 5\n"
            "7 create-container shop-app-1 after 5 [service vpn is recreated]\n"
            "8 remove-container shop-app-1 after 2,7 [replaced]\n"
            "9 rename-container shop-app-1 after 8 [replaces the old container]\n"
            "10 start-container shop-app-1 after 6,9\n");
}

TEST(Reconcile, ScalesUpIntoFreeNumbers) {
  auto project = example();
  World world = up(project);
  std::string more = listing(project, world, {}, {{{"web", 3}}, {}, false});
  EXPECT_EQ(more,
            "1 create-container shop-web-2 [no container]\n"
            "2 start-container shop-web-2 after 1\n"
            "3 create-container shop-web-3 [no container]\n"
            "4 start-container shop-web-3 after 3\n");
  world.apply(reconcile(desired(project, {{{"web", 3}}, {}, false}), world.state));
  std::erase_if(world.state.containers, [](const auto& each) { return each.name == "shop-web-2"; });
  EXPECT_EQ(listing(project, world, {}, {{{"web", 3}}, {}, false}),
            "1 create-container shop-web-2 [no container]\n"
            "2 start-container shop-web-2 after 1\n");
}

TEST(Reconcile, ScalesDownFromTheHighestNumber) {
  auto project = example();
  DesiredOptions three{{{"web", 3}}, {}, false};
  World world = up(project);
  world.apply(reconcile(desired(project, three), world.state));
  EXPECT_EQ(listing(project, world, {}, {{{"web", 1}}, {}, false}),
            "1 stop-container shop-web-3 [scaled down to 1]\n"
            "2 remove-container shop-web-3 after 1 [scaled down to 1]\n"
            "3 stop-container shop-web-2 [scaled down to 1]\n"
            "4 remove-container shop-web-2 after 3 [scaled down to 1]\n");
}

TEST(Reconcile, ScalingDownPrefersToRemoveObsoleteContainers) {
  auto project = example();
  World world = up(project);
  world.apply(reconcile(desired(project, {{{"web", 2}}, {}, false}), world.state));
  world.container("shop-web-1").config_hash = "old";
  world.container("shop-web-1").config_text = "";
  EXPECT_EQ(listing(project, world),
            "1 stop-container shop-web-1 [scaled down to 1]\n"
            "2 remove-container shop-web-1 after 1 [scaled down to 1]\n");
}

TEST(Reconcile, OrphansAreWarnedAboutOrRemoved) {
  World world = up(example());
  auto project = example();
  project.services.erase("proxy");
  EXPECT_EQ(
      listing(project, world),
      "warning: found orphan containers (shop-proxy-1) of this project; --remove-orphans removes them\n");
  ReconcileOptions options;
  options.ignore_orphans = true;
  EXPECT_EQ(listing(project, world, options), "nothing to do\n");
  options.remove_orphans = true;
  EXPECT_EQ(listing(project, world, options),
            "1 stop-container shop-proxy-1 [orphan: no service proxy]\n"
            "2 remove-container shop-proxy-1 after 1 [orphan: no service proxy]\n");
}

TEST(Reconcile, ContainersOfDisabledServicesAreNotOrphans) {
  World world = up(example());
  auto project = example();
  project.services.erase("proxy");
  project.disabled_services["proxy"] = {};
  EXPECT_EQ(listing(project, world), "nothing to do\n");
}

TEST(Reconcile, ForceRecreatesNamedServices) {
  World world = up(example());
  ReconcileOptions options;
  options.force_recreate = true;
  std::string text = listing(example(), world, options, {{}, {"web"}, false});
  EXPECT_NE(text.find("create-container shop-web-1 [forced]"), std::string::npos) << text;
  EXPECT_EQ(text.find("redis"), std::string::npos) << text;
  options.always_recreate_deps = true;
  text = listing(example(), world, options, {{}, {"web"}, false});
  EXPECT_NE(text.find("create-container shop-redis-1 [forced]"), std::string::npos) << text;
}

TEST(Reconcile, NoRecreateLeavesChangedContainers) {
  World world = up(example());
  auto project = example();
  project.services.at("web").environment["DEBUG"] = "1";
  ReconcileOptions options;
  options.no_recreate = true;
  EXPECT_EQ(listing(project, world, options), "nothing to do\n");
}

TEST(Reconcile, AnotherLocalImageRecreates) {
  World world = up(example());
  world.state.images["nginx:1.27"] = "another";
  EXPECT_EQ(listing(example(), world),
            "1 create-container shop-proxy-1 [image nginx:1.27 changed]\n"
            "2 stop-container shop-proxy-1 after 1 [being replaced]\n"
            "3 remove-container shop-proxy-1 after 1,2 [replaced]\n"
            "4 rename-container shop-proxy-1 after 3 [replaces the old container]\n"
            "5 start-container shop-proxy-1 after 4\n");
}

TEST(Reconcile, RebuildRecreatesOnlyIfTheImageChanges) {
  World world = up(example());
  ReconcileOptions options;
  options.build = true;
  Plan plan = reconcile(desired(example()), world.state, options);
  EXPECT_EQ(plan_listing(plan),
            "1 build-image shop-web [--build]\n"
            "2 create-container shop-web-1 after 1 if-changed 1 [if image shop-web changes]\n"
            "3 stop-container shop-web-1 after 2 if-changed 1 [being replaced]\n"
            "4 remove-container shop-web-1 after 2,3 if-changed 1 [replaced]\n"
            "5 rename-container shop-web-1 after 4 if-changed 1 [replaces the old container]\n"
            "6 start-container shop-web-1 after 5 if-changed 1\n");
  ContainerId before = world.container("shop-web-1").id;
  World same = world;
  EXPECT_TRUE(same.apply(plan).empty());
  EXPECT_EQ(same.container("shop-web-1").id, before);
  world.image_results["shop-web"] = "new";
  EXPECT_TRUE(world.apply(plan).empty());
  EXPECT_NE(world.container("shop-web-1").id, before);
  EXPECT_EQ(listing(example(), world), "nothing to do\n");
}

TEST(Reconcile, StoppedContainerIsStartedRegardlessOfImageChanges) {
  World world = up(example());
  world.container("shop-web-1").state = ContainerStatus::Exited;
  ReconcileOptions options;
  options.build = true;
  Plan plan = reconcile(desired(example()), world.state, options);
  const Action& start = plan.actions.back();
  EXPECT_EQ(kind_of(start), "start-container");
  EXPECT_TRUE(start.only_if.empty());
  EXPECT_TRUE(world.apply(plan).empty());
  EXPECT_EQ(world.container("shop-web-1").state, ContainerStatus::Running);
}

TEST(Reconcile, ExitedContainersAreStarted) {
  World world = up(example());
  world.container("shop-proxy-1").state = ContainerStatus::Exited;
  world.container("shop-proxy-1").exit_code = 137;
  world.container("shop-web-1").state = ContainerStatus::Paused;
  EXPECT_EQ(listing(example(), world),
            "1 start-container shop-web-1 [paused]\n"
            "2 start-container shop-proxy-1 after 1 [exited (137)]\n");
}

TEST(Reconcile, CompletedOneShotsRunAgainOnlyForUp) {
  auto project = shop();
  add_service(project, "migrate", "app:1");
  add_service(project, "app", "app:1");
  depend(project, "app", "migrate", DependencyCondition::CompletedSuccessfully);
  World world = up(project);
  EXPECT_EQ(listing(project, world), "1 start-container shop-migrate-1 [exited (0)]\n");
  ReconcileOptions repair;
  repair.rerun_completed = false;
  EXPECT_EQ(listing(project, world, repair), "nothing to do\n");
  world.container("shop-app-1").state = ContainerStatus::Exited;
  world.container("shop-app-1").exit_code = 1;
  EXPECT_EQ(listing(project, world, repair), "1 start-container shop-app-1 [exited (1)]\n");
}

TEST(Reconcile, OptionalDependenciesMayFail) {
  auto project = shop();
  add_service(project, "cache", "cache:1");
  add_healthcheck(project.services.at("cache"));
  add_service(project, "app", "app:1");
  depend(project, "app", "cache", DependencyCondition::Healthy, false, false);
  World world;
  world.have_images(project);
  EXPECT_EQ(listing(project, world),
            "1 create-network shop_default [no network]\n"
            "2 create-container shop-cache-1 after 1 [no container]\n"
            "3 start-container shop-cache-1 after 2 optional\n"
            "4 create-container shop-app-1 after 1 [no container]\n"
            "5 wait-healthy shop-cache-1 after 3 optional [for app]\n"
            "6 start-container shop-app-1 after 4,5?\n");
}

TEST(Reconcile, DependencyRequiredByOneServiceIsNotOptional) {
  auto project = shop();
  add_service(project, "db", "db:1");
  add_service(project, "app", "app:1");
  add_service(project, "report", "app:1");
  depend(project, "app", "db", DependencyCondition::Healthy);
  depend(project, "report", "db", DependencyCondition::Healthy, false, false);
  World world;
  world.have_images(project);
  EXPECT_EQ(listing(project, world).find("optional"), std::string::npos);
}

TEST(Reconcile, WaitOptionAddsAWaitPerContainer) {
  World world;
  world.have_images(example());
  ReconcileOptions options;
  options.wait = true;
  std::string text = listing(example(), world, options);
  EXPECT_NE(text.find("wait-running shop-web-1"), std::string::npos) << text;
  EXPECT_NE(text.find("wait-running shop-proxy-1"), std::string::npos) << text;
  EXPECT_NE(text.find("wait-healthy shop-redis-1 after 4 [--wait]"), std::string::npos) << text;
  world.apply(reconcile(desired(example()), world.state, options));
  EXPECT_EQ(listing(example(), world, options), "nothing to do\n");
  world.container("shop-redis-1").health = Health::Starting;
  Plan plan = reconcile(desired(example()), world.state, options);
  EXPECT_EQ(plan_listing(plan), "1 wait-healthy shop-redis-1 [--wait]\n");
  EXPECT_EQ(count_changes(plan), 0);
}

TEST(Reconcile, HooksFollowTheStartAndPrecedeTheStop) {
  auto project = shop();
  compose::Service& app = add_service(project, "app", "app:1");
  app.post_start.push_back({compose::StringList{"warm"}, "", "", false, "", {}});
  app.pre_stop.push_back({compose::StringList{"drain"}, "", "", false, "", {}});
  add_service(project, "web", "web:1");
  depend(project, "web", "app");
  World world;
  world.have_images(project);
  EXPECT_EQ(listing(project, world),
            "1 create-network shop_default [no network]\n"
            "2 create-container shop-app-1 after 1 [no container]\n"
            "3 start-container shop-app-1 after 2\n"
            "4 run-hook shop-app-1 after 3\n"
            "5 create-container shop-web-1 after 1 [no container]\n"
            "6 start-container shop-web-1 after 4,5\n");
  world = up(project);
  project.services.at("app").user = "1000";
  EXPECT_EQ(listing(project, world),
            "1 create-container shop-app-1 [config changed: user]\n"
            "2 run-hook shop-app-1 after 1 optional [being replaced]\n"
            "3 stop-container shop-app-1 after 2? [being replaced]\n"
            "4 remove-container shop-app-1 after 1,3 [replaced]\n"
            "5 rename-container shop-app-1 after 4 [replaces the old container]\n"
            "6 start-container shop-app-1 after 5\n"
            "7 run-hook shop-app-1 after 6\n");
}

TEST(Reconcile, NoStartOnlyCreates) {
  World world;
  world.have_images(example());
  ReconcileOptions options;
  options.no_start = true;
  std::string text = listing(example(), world, options);
  EXPECT_EQ(text.find("start-container"), std::string::npos) << text;
  EXPECT_EQ(text.find("wait-"), std::string::npos) << text;
}

TEST(Reconcile, ChangedNetworkRecreatesItAndItsContainers) {
  auto project = example();
  World world = up(project);
  project.networks.at("default").internal = true;
  Plan plan = reconcile(desired(project), world.state);
  std::string text = plan_listing(plan);
  EXPECT_NE(text.find("remove-network shop_default after 1,2,3 [config changed]"), std::string::npos) << text;
  EXPECT_NE(text.find("network shop_default changed"), std::string::npos) << text;
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{});
  EXPECT_EQ(listing(project, world), "nothing to do\n");
}

TEST(Reconcile, AChangedNetworkInUseByOthersIsKept) {
  auto project = example();
  World world = up(project);
  ObservedContainer other = world.container("shop-web-1");
  other.oneoff = true;
  other.name = "shop-web-run-1";
  other.id = ContainerId("f00");
  world.state.containers.push_back(other);
  project.networks.at("default").internal = true;
  EXPECT_EQ(listing(project, world),
            "warning: network shop_default: its configuration changed, but it is kept because shop-web-run-1 "
            "uses it\n");
}

TEST(Reconcile, ChangedVolumesAreKeptWithAWarning) {
  auto project = example();
  World world = up(project);
  project.volumes.at("data").driver_opts["type"] = "nfs";
  EXPECT_EQ(listing(project, world).substr(0, 79),
            "warning: volume shop_data: its configuration changed, but it is kept because re");
  EXPECT_EQ(count_changes(reconcile(desired(project), world.state)), 0);
}

TEST(Reconcile, ForeignResourcesAreUsedWithAWarning) {
  auto project = shop();
  add_service(project, "app", "app:1");
  add_volume(project, "app", "data", "/data");
  World world;
  world.have_images(project);
  world.state.networks.push_back({"n1", "shop_default", {}});
  world.state.volumes.push_back({"shop_data", {{label::kProject, "blog"}}});
  EXPECT_EQ(listing(project, world),
            "warning: network shop_default exists but was not created for project shop; using it unchanged\n"
            "warning: volume shop_data exists but was not created for project shop; using it unchanged\n"
            "1 create-container shop-app-1 [no container]\n"
            "2 start-container shop-app-1 after 1\n");
}

TEST(Reconcile, AMissingNetworkConnectionRecreates) {
  auto project = example();
  World world = up(project);
  world.container("shop-web-1").networks.clear();
  EXPECT_NE(listing(project, world).find("[not connected to network shop_default]"), std::string::npos);
}

TEST(Reconcile, UnrepairedNetworkIsReported) {
  auto project = example();
  World world = up(project);
  world.state.networks.front().fault = "network shop_default: bridge br-1 is down; cannot repair it: busy";
  EXPECT_EQ(listing(project, world),
            "warning: network shop_default: bridge br-1 is down; cannot repair it: busy\n");
}

TEST(Reconcile, AConnectionWithoutItsNamesOrAddressesRecreates) {
  auto project = example();
  World world = up(project);
  EndpointSpec& endpoint = world.container("shop-web-1").connections.at("shop_default");
  EndpointSpec whole = endpoint;
  endpoint.aliases.clear();
  EXPECT_NE(listing(project, world).find("[name web is missing on network shop_default]"), std::string::npos)
      << listing(project, world);
  endpoint = whole;
  EXPECT_EQ(listing(project, world), "nothing to do\n");
  project.services.at("web").networks.at("default").ipv4_address = "10.1.2.3";
  world = up(project);
  world.container("shop-web-1").connections.at("shop_default").ipv4_address.reset();
  EXPECT_NE(listing(project, world).find("[address 10.1.2.3 is missing on network shop_default]"),
            std::string::npos)
      << listing(project, world);
}

TEST(Reconcile, MovedPortIsReleasedFirst) {
  auto project = shop();
  publish(add_service(project, "blue", "app:1"), 8080, 80);
  add_service(project, "green", "app:1");
  depend(project, "blue", "green");
  World world = up(project);
  project.services.at("blue").ports.clear();
  publish(project.services.at("green"), 8080, 80);
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{}) << plan_listing(plan);
  EXPECT_EQ(listing(project, world), "nothing to do\n");
}

TEST(Reconcile, MovedNameIsFreedFirst) {
  auto project = shop();
  add_service(project, "one", "app:1").container_name = "main";
  add_service(project, "two", "app:1").container_name = "spare";
  World world = up(project);
  std::swap(project.services.at("one").container_name, project.services.at("two").container_name);
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{}) << plan_listing(plan);
  EXPECT_EQ(world.container("main").service, "two");
}

TEST(Reconcile, PullsByPolicy) {
  auto project = shop();
  add_service(project, "app", "app:1");
  World world;
  EXPECT_NE(listing(project, world).find("pull-image app:1 [no image]"), std::string::npos);
  project.services.at("app").pull_policy = "never";
  EXPECT_EQ(listing(project, world).find("pull-image"), std::string::npos);
  world = up(project);
  project.services.at("app").pull_policy = "always";
  std::string text = listing(project, world);
  EXPECT_NE(text.find("1 pull-image app:1 [pull policy: always]"), std::string::npos) << text;
  EXPECT_NE(text.find("if-changed 1 [if image app:1 changes]"), std::string::npos) << text;
  ReconcileOptions options;
  options.pull = "never";
  EXPECT_EQ(listing(project, world, options), "nothing to do\n");
}

TEST(Reconcile, ServiceWithAReadyImageDoesNotWaitForOtherBuilds) {
  World world;
  world.state.images = {{"redis:7", "r"}, {"nginx:1.27", "n"}};
  Plan plan = reconcile(desired(example()), world.state);
  std::vector<ActionId> open{5};  // start redis
  std::set<ActionId> needs;
  while (!open.empty()) {
    ActionId id = open.back();
    open.pop_back();
    for (const Edge& edge : plan.actions[static_cast<size_t>(id - 1)].after) {
      needs.insert(edge.id);
      open.push_back(edge.id);
    }
  }
  EXPECT_EQ(object_of(plan.actions[4]), "shop-redis-1");
  EXPECT_FALSE(needs.count(3)) << "building shop-web";
}

TEST(Reconcile, PreparingAServiceDoesNotChangeItsContainers) {
  World world = up(example());
  world.container("shop-redis-1").state = ContainerStatus::Exited;
  ReconcileOptions options;
  options.prepare = "web";
  auto project = example();
  project.services.at("web").environment["DEBUG"] = "1";
  EXPECT_EQ(listing(project, world, options, {{}, {"web"}, false}),
            "1 start-container shop-redis-1 [exited (0)]\n"
            "2 wait-healthy shop-redis-1 after 1 [for web]\n");
  World empty;
  EXPECT_EQ(listing(project, empty, options, {{}, {"web"}, true}),
            "1 create-network shop_default [no network]\n"
            "2 build-image shop-web [no image]\n");
}

TEST(Undo, RemovesNewObjects) {
  World world;
  world.have_images(example());
  Plan plan = reconcile(desired(example()), world.state);
  std::vector<bool> performed(plan.actions.size(), true);
  std::vector<std::string> ids(plan.actions.size(), "id");
  EXPECT_EQ(plan_listing(undo(plan, performed, ids)),
            "1 remove-container shop-redis-1 [undone]\n"
            "2 remove-container shop-web-1 [undone]\n"
            "3 remove-container shop-proxy-1 [undone]\n"
            "4 remove-network shop_default after 1,2,3 [undone]\n"
            "5 remove-volume shop_data after 1,2,3 [undone]\n");
  EXPECT_EQ(plan_listing(undo(plan, std::vector<bool>(plan.actions.size(), false), ids)), "nothing to do\n");
}

TEST(Undo, KeepsStartedReplacements) {
  World world = up(example());
  auto project = example();
  project.services.at("web").environment["DEBUG"] = "1";
  Plan plan = reconcile(desired(project), world.state);
  std::vector<std::string> ids(plan.actions.size(), "id");
  EXPECT_EQ(plan_listing(undo(plan, {true, true, false, false, false}, ids)), "nothing to do\n");
  EXPECT_EQ(plan_listing(undo(plan, {true, false, false, false, false}, ids)),
            "1 remove-container shop-web-1 [undone]\n");
}
