// The images that a plan builds, with their causes and order.
#include <gtest/gtest.h>

#include "orchestrator/plan/operations.h"
#include "world.h"

using namespace stack;
using namespace stack::orchestrator;
using namespace stack::orchestrator::testing;

namespace {

compose::Build build_of(const std::string& context) {
  compose::Build build;
  build.context = context;
  return build;
}

compose::Service& add_built(compose::Project& project, const std::string& name, const std::string& context) {
  compose::Service& service = add_service(project, name, "");
  service.build = build_of(context);
  return service;
}

std::string images_of(const Plan& plan) {
  std::string text;
  for (const Action& action : plan.actions) {
    const auto* build = std::get_if<BuildImage>(&action.body);
    if (build == nullptr) continue;
    text += build->image.reference;
    for (const std::string& also : build->also) text += " " + also;
    for (const Edge& edge : action.after)
      text += " after " + object_of(plan.actions[static_cast<size_t>(edge.id - 1)]);
    text += " [" + action.cause + "]\n";
  }
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  return text;
}

std::string up_images(const compose::Project& project, const World& world,
                      const ReconcileOptions& options = {}) {
  return images_of(reconcile(desired(project), world.state, options));
}

}  // namespace

TEST(Builds, ServicesWithTheSameBuildAreBuiltOnce) {
  compose::Project project = shop();
  add_built(project, "web", "/srv/shop/app");
  add_built(project, "worker", "/srv/shop/app");
  add_built(project, "other", "/srv/shop/other");
  World world;
  EXPECT_EQ(up_images(project, world), "shop-other [no image]\nshop-web shop-worker [no image]\n");
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_EQ(world.apply(plan), std::vector<std::string>{})
      << "each service's containers come after the one build";
  EXPECT_TRUE(world.has("shop-worker-1"));
}

TEST(Builds, DifferentTargetIsADifferentBuild) {
  compose::Project project = shop();
  add_built(project, "web", "/srv/shop/app");
  add_built(project, "worker", "/srv/shop/app").build->target = "worker";
  EXPECT_EQ(up_images(project, World()), "shop-web [no image]\nshop-worker [no image]\n");
}

TEST(Builds, ChangedContextIsBuiltAndReplacesIfTheImageChanges) {
  compose::Project project = shop();
  add_built(project, "web", "/srv/shop/app");
  World world = up(project);
  world.state.builds["shop-web"] = {"new", "old", {}};
  EXPECT_EQ(up_images(project, world), "shop-web [context changed]\n");
  world.state.builds["shop-web"] = {"same", "same", {}};
  EXPECT_EQ(up_images(project, world), "");
  world.state.builds["shop-web"] = {"new", "", {}};
  EXPECT_EQ(up_images(project, world), "") << "nothing is known of what the image was built from";
}

TEST(Builds, ConflictingPullPolicyIsReported) {
  compose::Project project = shop();
  add_built(project, "web", "/srv/shop/app").pull_policy = "missing";
  World world = up(project);
  world.state.builds["shop-web"] = {"new", "old", {}};
  EXPECT_EQ(up_images(project, world),
            "warning: image shop-web: context changed, but its pull policy is \"missing\"; use --build to "
            "build it\n");
  ReconcileOptions no_build;
  no_build.no_build = true;
  EXPECT_EQ(up_images(project, world, no_build), "");
}

TEST(Builds, ImageIsBuiltAfterItsBases) {
  compose::Project project = shop();
  add_built(project, "app", "/srv/shop/app").build->additional_contexts["base"] = "service:zbase";
  add_built(project, "zbase", "/srv/shop/base");
  add_built(project, "front", "/srv/shop/front");
  World world;
  world.state.builds["shop-front"] = {"", "", {"shop-app"}};
  EXPECT_EQ(
      up_images(project, world),
      "shop-zbase [no image]\nshop-app after shop-zbase [no image]\nshop-front after shop-app [no image]\n");
}

TEST(Builds, BaseOfANamedServiceIsBuiltEvenIfItsServiceDoesNotRun) {
  compose::Project project = shop();
  add_built(project, "app", "/srv/shop/app").build->additional_contexts["base"] = "service:base";
  add_built(project, "base", "/srv/shop/base");
  DesiredOptions only_app;
  only_app.services = {"app"};
  Plan plan = reconcile(desired(project, only_app), World().state);
  EXPECT_EQ(images_of(plan), "shop-base [no image]\nshop-app after shop-base [no image]\n");
  EXPECT_EQ(plan_listing(plan).find("create-container shop-base-1"), std::string::npos);
  EXPECT_EQ(images_of(plan_build(desired(project, only_app), World().state)),
            "shop-base [requested]\nshop-app after shop-base [requested]\n");
}

TEST(Builds, ImagesWithAChangedBaseAreRebuilt) {
  compose::Project project = shop();
  add_built(project, "app", "/srv/shop/app").build->additional_contexts["base"] = "service:base";
  add_built(project, "base", "/srv/shop/base");
  add_built(project, "top", "/srv/shop/top");
  World world = up(project);
  world.state.builds["shop-base"] = {"new", "old", {}};
  world.state.builds["shop-top"] = {"same", "same", {"shop-app"}};
  EXPECT_EQ(up_images(project, world),
            "shop-base [context changed]\n"
            "shop-app after shop-base [if image shop-base changes]\n"
            "shop-top after shop-app [if image shop-app changes]\n");
  EXPECT_EQ(world.apply(reconcile(desired(project), world.state)), std::vector<std::string>{});
}

TEST(Builds, SeparatelyBuiltBaseIsDetected) {
  compose::Project project = shop();
  add_built(project, "app", "/srv/shop/app");
  add_built(project, "base", "/srv/shop/base");
  World world = up(project);
  world.state.builds["shop-app"] = {"same", "same", {"shop-base"}, {"shop-base"}};
  EXPECT_EQ(up_images(project, world), "shop-app [image shop-base changed]\n");
}

TEST(Builds, CyclicBasesAreBuilt) {
  compose::Project project = shop();
  add_built(project, "a", "/srv/shop/a");
  add_built(project, "b", "/srv/shop/b");
  World world;
  world.state.builds["shop-a"] = {"", "", {"shop-b"}};
  world.state.builds["shop-b"] = {"", "", {"shop-a"}};
  Plan plan = reconcile(desired(project), world.state);
  EXPECT_NE(images_of(plan).find("shop-a"), std::string::npos);
  EXPECT_NE(images_of(plan).find("shop-b"), std::string::npos);
}

TEST(Builds, BuildCarriesItsInputs) {
  compose::Project project = shop();
  add_built(project, "web", "/srv/shop/app");
  World world;
  world.state.builds["shop-web"] = {"digest", "", {}};
  Plan plan = reconcile(desired(project), world.state);
  bool found = false;
  for (const Action& action : plan.actions)
    if (const auto* build = std::get_if<BuildImage>(&action.body)) found = build->inputs == "digest";
  EXPECT_TRUE(found);
}
