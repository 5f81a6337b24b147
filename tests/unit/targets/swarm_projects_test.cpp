// Whole projects on a swarm.
#include <set>

#include "tests/unit/targets/swarm_fixture.h"
#include "tests/unit/targets/whole_projects.h"

namespace stack::targets::swarm {
namespace {

class SwarmProjectsTest : public WholeProjectTest<Conversion, ConvertInputs> {
 protected:
  const SwarmObject* find(const std::string& service) const {
    for (const SwarmObject& object : conversion.objects)
      if (object.kind == ObjectKind::Service && object.service == service) return &object;
    return nullptr;
  }
};

TEST_P(SwarmProjectsTest, ConvertsToTheSameBytesTwiceWithoutLocalPaths) {
  ASSERT_FALSE(conversion.objects.empty());
  EXPECT_EQ(object_list(conversion), object_list(converted()));
  EXPECT_EQ(object_list(conversion).find(std::string(STACK_SOURCE_DIR)), std::string::npos);
  std::set<std::string> paths;
  for (const ObjectFile& file : object_files(conversion))
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
}

TEST_P(SwarmProjectsTest, KeepsDependenciesNamesHealthAndPorts) {
  for (const auto& [name, service] : loaded.project.services) {
    const SwarmObject* object = find(name);
    ASSERT_NE(object, nullptr) << name;
    EXPECT_EQ(conversion.needs.contains(name) ? conversion.needs.at(name).size() : 0,
              service.depends_on.size());
    const OrderedJson& task = object->body["TaskTemplate"];
    if (service.network_mode.empty())
      for (const OrderedJson& network : task["Networks"]) {
        bool named = network["Aliases"][0] == name;
        EXPECT_TRUE(named) << name;
      }
    if (service.healthcheck && !service.healthcheck->disable) {
      EXPECT_TRUE(task["ContainerSpec"].contains("Healthcheck")) << name;
    }
    size_t published = 0;
    for (const compose::PortMapping& port : service.ports)
      if (port.host_ip != "127.0.0.1") ++published;
    const OrderedJson& endpoint = object->body["EndpointSpec"];
    EXPECT_EQ(endpoint.contains("Ports") ? endpoint["Ports"].size() : 0, published) << name;
    if (service.build) {
      EXPECT_NE(task["ContainerSpec"]["Image"].get<std::string>().find('/'), std::string::npos) << name;
    }
  }
}

TEST_P(SwarmProjectsTest, EveryKeyIsAccountedForWithItsPlace) {
  expect_every_key_explained(conversion.report);
}

INSTANTIATE_TEST_SUITE_P(All, SwarmProjectsTest, testing::ValuesIn(project_folders()), folder_test_name);

TEST(SwarmRules, CoverEveryKeyOfTheModel) { expect_model_covered(swarm_rules()); }

}  // namespace
}  // namespace stack::targets::swarm
