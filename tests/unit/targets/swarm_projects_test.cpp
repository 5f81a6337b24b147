// Whole projects: our examples, and files as people write them.
#include <filesystem>
#include <regex>

#include "orchestrator/compose/fields.h"
#include "tests/unit/targets/swarm_fixture.h"

namespace stack::targets::swarm {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> swarm_project_folders() {
  std::vector<std::string> out;
  for (const char* base : {"compose-examples", "tests/unit/targets/projects"})
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / base))
      if (entry.is_directory()) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

class SwarmProjectsTest : public testing::TestWithParam<std::string> {
 protected:
  SwarmProjectsTest() {
    compose::LoadOptions options;
    options.current_directory = GetParam();
    options.refuse = false;
    options.environment = {{"API_TOKEN", "t"}, {"GRAFANA_PASSWORD", "p"}};
    auto result = compose::load(options);
    if (result) {
      loaded = std::move(*result);
    } else {
      ADD_FAILURE() << compose::render(result.error());
    }
    conversion = converted();
  }
  Conversion converted() const {
    ConvertInputs inputs;
    inputs.place = [this](const std::string& pointer) { return compose::place_of(loaded, pointer); };
    return convert(loaded.project, inputs);
  }
  const SwarmObject* find(const std::string& service) const {
    for (const SwarmObject& object : conversion.objects)
      if (object.kind == ObjectKind::Service && object.service == service) return &object;
    return nullptr;
  }

  compose::Loaded loaded;
  Conversion conversion;
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
  for (const KeyFidelity& key : conversion.report.keys) {
    EXPECT_NE(key.verdict.note, kUnknownKey) << key.key;
    if (key.verdict.level != Fidelity::Exact) {
      EXPECT_FALSE(key.verdict.note.empty()) << key.key;
    }
    if (key.key.starts_with("services.") && !key.key.ends_with(".implicit")) {
      EXPECT_FALSE(key.place.empty()) << key.key;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SwarmProjectsTest, testing::ValuesIn(swarm_project_folders()),
                         [](const auto& one) {
                           return std::regex_replace(fs::path(one.param).filename().string(),
                                                     std::regex("[^a-zA-Z0-9]"), "_");
                         });

struct SwarmMemberNames {
  std::vector<std::string> names;
  template <typename T>
  void operator()(std::string_view name, T&) {
    names.emplace_back(name);
  }
  void extensions(compose::Extensions&) { names.emplace_back("extensions"); }
};

template <typename T>
void expect_covered(const std::string& prefix) {
  T value;
  SwarmMemberNames visitor;
  compose::fields(visitor, value);
  for (const std::string& name : visitor.names) {
    std::string pattern = prefix + name;
    bool covered = std::any_of(swarm_rules().begin(), swarm_rules().end(), [&](const KeyRule& rule) {
      std::string have(rule.pattern);
      return have == pattern || have.starts_with(pattern + ".") || pattern.starts_with(have + ".");
    });
    EXPECT_TRUE(covered) << pattern;
  }
}

TEST(SwarmRules, CoverEveryKeyOfTheModel) {
  expect_covered<compose::Service>("services.*.");
  expect_covered<compose::Deploy>("services.*.deploy.");
  expect_covered<compose::Healthcheck>("services.*.healthcheck.");
  expect_covered<compose::UpdateConfig>("services.*.deploy.update_config.");
  expect_covered<compose::Placement>("services.*.deploy.placement.");
  expect_covered<compose::Network>("networks.*.");
  expect_covered<compose::Volume>("volumes.*.");
}

}  // namespace
}  // namespace stack::targets::swarm
