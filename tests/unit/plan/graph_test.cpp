#include "orchestrator/plan/graph.h"

#include <gtest/gtest.h>

using namespace stack::orchestrator;
using stack::compose::Dependency;
using stack::compose::DependencyCondition;

namespace {

ServiceGraph graph_of(const std::map<std::string, std::vector<std::string>>& edges) {
  ServiceGraph graph;
  for (const auto& [name, others] : edges) {
    ServiceGraph::Dependencies dependencies;
    for (const std::string& other : others) dependencies[other] = {};
    graph.add(name, dependencies);
  }
  return graph;
}

using Names = std::vector<std::string>;

}  // namespace

TEST(ServiceGraph, PutsDependenciesBeforeDependents) {
  auto graph = graph_of({{"a", {"c"}}, {"b", {}}, {"c", {"d"}}, {"d", {}}});
  EXPECT_EQ(*graph.order(), (Names{"d", "c", "a", "b"}));
}

TEST(ServiceGraph, PrintsACycleAsAPath) {
  auto graph = graph_of({{"x", {"c"}}, {"c", {"a"}}, {"a", {"b"}}, {"b", {"c"}}});
  ASSERT_FALSE(graph.order());
  EXPECT_EQ(graph.order().error().text(), "dependency cycle: a -> b -> c -> a");
  EXPECT_EQ(graph_of({{"self", {"self"}}}).order().error().text(), "dependency cycle: self -> self");
}

TEST(ServiceGraph, IgnoresEdgesToUnknownServices) {
  EXPECT_EQ(*graph_of({{"a", {"gone"}}}).order(), Names{"a"});
}

TEST(ServiceGraph, FindsEverythingAroundAService) {
  auto graph =
      graph_of({{"web", {"api"}}, {"api", {"db", "cache"}}, {"db", {}}, {"cache", {}}, {"other", {}}});
  EXPECT_EQ(graph.with_dependencies({"api"}), (Names{"api", "cache", "db"}));
  EXPECT_EQ(graph.with_dependents({"db"}), (Names{"api", "db", "web"}));
  EXPECT_EQ(graph.dependents("db"), Names{"api"});
  EXPECT_EQ(graph.with_dependencies({"nobody"}), Names{});
}

TEST(DependsOnLabel, RoundTrips) {
  ServiceGraph::Dependencies dependencies{
      {"db", {DependencyCondition::Healthy, true, true, false}},
      {"job", {DependencyCondition::CompletedSuccessfully, false, true, false}}};
  std::string text = depends_on_label(dependencies);
  EXPECT_EQ(text, "db:service_healthy:true,job:service_completed_successfully:false");
  EXPECT_EQ(parse_depends_on_label(text), dependencies);
}

TEST(DependsOnLabel, SkipsMalformedParts) {
  EXPECT_TRUE(parse_depends_on_label("").empty());
  EXPECT_EQ(parse_depends_on_label("db,x:service_odd,:a").size(), 1u);
}
