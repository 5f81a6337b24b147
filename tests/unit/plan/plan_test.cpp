#include "orchestrator/plan/plan.h"

#include <gtest/gtest.h>

#include "orchestrator/plan/plan_builder.h"

using namespace stack;
using namespace stack::orchestrator;

namespace {

ActionId add_stop_of(PlanBuilder& builder, const std::string& name) {
  return builder.add("web", StopContainer{{ContainerId(name), 0, name}, {}}, "");
}

}  // namespace

TEST(PlanBuilder, OrdersActionsAfterPredecessorsAndKeepsTheRestInOrder) {
  PlanBuilder builder("shop");
  ActionId a = add_stop_of(builder, "a");
  add_stop_of(builder, "b");
  ActionId c = add_stop_of(builder, "c");
  builder.after(a, c);
  EXPECT_EQ(plan_listing(std::move(builder).finish()),
            "1 stop-container b\n2 stop-container c\n3 stop-container a after 2\n");
}

TEST(PlanBuilder, RenumbersReferences) {
  PlanBuilder builder("shop");
  ActionId start = builder.add("web", StartContainer{{{}, 3, "c"}}, "");
  ActionId image = builder.add("web", BuildImage{}, "");
  ActionId create = builder.add("web", CreateContainer{}, "");
  builder[create].only_if = {{image, "x"}};
  builder.after(start, create);
  builder.after(create, image);
  Plan plan = std::move(builder).finish();
  EXPECT_EQ(std::get<StartContainer>(plan.actions[2].body).container.made_by, 2);
  EXPECT_EQ(plan.actions[1].only_if[0].image, 1);
  for (size_t i = 0; i < plan.actions.size(); ++i)
    EXPECT_EQ(plan.actions[i].id, static_cast<ActionId>(i + 1));
}

TEST(PlanBuilder, HardEdgeOverridesASoftOne) {
  PlanBuilder builder("shop");
  ActionId a = add_stop_of(builder, "a");
  ActionId b = add_stop_of(builder, "b");
  builder.after(b, a, true);
  builder.after(b, a);
  builder.after(b, a, true);
  builder.after(b, 0);
  builder.after(b, b);
  EXPECT_EQ(plan_listing(std::move(builder).finish()), "1 stop-container a\n2 stop-container b after 1\n");
}

TEST(PlanBuilder, CycleIsBroken) {
  PlanBuilder builder("shop");
  ActionId a = add_stop_of(builder, "a");
  ActionId b = add_stop_of(builder, "b");
  builder.after(a, b);
  builder.after(b, a);
  EXPECT_EQ(plan_listing(std::move(builder).finish()), "1 stop-container a\n2 stop-container b after 1\n");
}

TEST(Plan, RendersAsDocumentedInTheApi) {
  PlanBuilder builder("shop");
  ActionId a =
      builder.add("web", StopContainer{{ContainerId("id"), 0, "shop-web-1"}, {}}, "scaled down to 0");
  ActionId b =
      builder.add("web", RemoveContainer{{ContainerId("id"), 0, "shop-web-1"}, false}, "scaled down to 0");
  builder.after(b, a);
  EXPECT_EQ(
      plan_json(std::move(builder).finish()).dump(),
      R"([{"id":1,"kind":"stop-container","object":"shop-web-1","service":"web","text":"stop container shop-web-1",)"
      R"("cause":"scaled down to 0","after":[]},)"
      R"({"id":2,"kind":"remove-container","object":"shop-web-1","service":"web",)"
      R"("text":"remove container shop-web-1","cause":"scaled down to 0","after":[1]}])");
}

TEST(Plan, CountsChangesNotWaits) {
  PlanBuilder builder("shop");
  builder.warn("careful");
  builder.add("db", WaitHealthy{{ContainerId("x"), 0, "shop-db-1"}}, "--wait");
  Plan plan = std::move(builder).finish();
  EXPECT_EQ(count_changes(plan), 0);
  EXPECT_EQ(plan_text(plan),
            "warning: careful\nservice db\n  . wait until healthy  shop-db-1  --wait\nno changes\n");
}
