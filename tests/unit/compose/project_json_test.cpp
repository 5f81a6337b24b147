#include "base/json.h"
#include "fixture.h"
#include "full_example.h"

namespace stack::compose {
namespace {

TEST_F(ComposeTest, FullProjectSurvivesJson) {
  options.project_name.reset();
  options.profiles = {"a"};
  options.environment["SECRET"] = std::string("bin\xff\0\n", 6);
  Project before = project(kFullExample);
  ASSERT_TRUE(before.services.contains("web"));
  before.services["job"].gpus.push_back({{"gpu"}, -1, {}, "nvidia", {{"a", "b"}}});
  before.disabled_services["off"] = {DisabledReason::NotSelected, {"x"}};
  auto parsed = parse_json(stack::to_text(project_to_json(before)));
  ASSERT_TRUE(parsed);
  auto after = project_from_json(*parsed);
  ASSERT_TRUE(after);
  EXPECT_EQ(stack::to_text(project_to_json(*after)), stack::to_text(project_to_json(before)));
  EXPECT_TRUE(*after == before);
}

TEST(ProjectJson, DefaultsThatAreNotZeroSurvive) {
  Project p;
  p.name = "p";
  Service& s = p.services["web"];
  s.name = "web";
  s.depends_on["a"] = {DependencyCondition::Started, false, false, false};
  s.depends_on["b"] = {DependencyCondition::Started, false, true, false};
  s.command = StringList{};
  s.environment["NONE"] = std::nullopt;
  s.environment["EMPTY"] = "";
  s.init = false;
  s.stop_grace_period = Nanoseconds{0};
  s.healthcheck.emplace();
  s.restart.emplace();
  s.networks["default"];
  s.memswap_limit.bytes = -1;
  p.configs["c"].bytes = "";
  p.configs["c"].content = "";
  auto after = project_from_json(project_to_json(p));
  ASSERT_TRUE(after);
  EXPECT_TRUE(*after == p) << project_to_json(*after).dump(1);
}

TEST(ProjectJson, UnexpectedJsonIsAnErrorOrIgnored) {
  EXPECT_FALSE(project_from_json(Json::array()));
  EXPECT_FALSE(project_from_json(Json::object()));
  for (const char* text :
       {R"({"name":"p","services":5})",
        R"({"name":"p","services":{"a":7,"b":{"ports":{"x":1},"command":5,"cpus":"x"}}})",
        R"({"name":"p","secrets":{"s":{"bytes":"***"}},"disabled_services":{"x":1},"origins":[]})",
        R"({"name":"p","unknown":1,"services":{"a":{"healthcheck":[],"later":1}}})"})
    EXPECT_TRUE(project_from_json(*parse_json(text))) << text;
}

TEST(ProjectJson, ServiceTextLeavesDefaultsOut) {
  Service s;
  s.name = "web";
  s.image = "a";
  s.healthcheck.emplace().interval = std::chrono::seconds(5);
  EXPECT_EQ(stack::to_text(service_to_json(s)), R"({"healthcheck":{"interval":5000000000},"image":"a"})");
}

TEST(ProjectJson, KeepsEveryKindOfMount) {
  Project project;
  project.name = "p";
  Service& service = project.services["a"];
  service.name = "a";
  for (MountType type : {MountType::Volume, MountType::Bind, MountType::Tmpfs, MountType::Image}) {
    VolumeMount mount;
    mount.type = type;
    mount.source = "/source";
    mount.target = "/target";
    service.volumes.push_back(mount);
  }
  Result<Project> back = project_from_json(project_to_json(project));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, project);
}

}  // namespace
}  // namespace stack::compose
