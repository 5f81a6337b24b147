// Whole projects: our examples, and files as people write them. Counts the parts that a conversion must not lose.
#include <filesystem>
#include <regex>

#include "orchestrator/compose/fields.h"
#include "tests/unit/targets/kubernetes_fixture.h"

namespace stack::targets::kubernetes {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> project_folders() {
  std::vector<std::string> out;
  for (const char* base : {"compose-examples", "tests/unit/targets/projects"})
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / base))
      if (entry.is_directory()) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

class ProjectsTest : public testing::TestWithParam<std::string> {
 protected:
  ProjectsTest() {
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
  const KubeObject* find(const std::string& kind, const std::string& name) const {
    for (const KubeObject& object : conversion.objects)
      if (object.kind == kind && object.name == name) return &object;
    return nullptr;
  }
  // The pod template that runs the service, and the service's container in it.
  OrderedJson container_of(const std::string& service, OrderedJson* pod = nullptr) const {
    for (const KubeObject& object : conversion.objects) {
      if (!object.body.contains("spec") || !object.body["spec"].contains("template")) continue;
      const OrderedJson& spec = object.body["spec"]["template"]["spec"];
      for (const char* list : {"containers", "initContainers"})
        for (const OrderedJson& container : spec.value(list, OrderedJson::array())) {
          if (container["name"] != service) continue;
          if (pod != nullptr) *pod = spec;
          return container;
        }
    }
    return nullptr;
  }

  compose::Loaded loaded;
  Conversion conversion;
};

std::string kube_name(std::string name) {
  for (char& c : name)
    if (c == '_') c = '-';
  return name;
}

TEST_P(ProjectsTest, ConvertsToTheSameBytesTwiceWithoutLocalPaths) {
  ASSERT_FALSE(conversion.objects.empty());
  std::string first = object_stream(conversion);
  EXPECT_EQ(first, object_stream(converted()));
  EXPECT_EQ(first.find(std::string(STACK_SOURCE_DIR)), std::string::npos);
  std::set<std::string> seen;
  for (const KubeObject& object : conversion.objects)
    EXPECT_TRUE(seen.insert(object.kind + "/" + object.name).second) << object.kind << "/" << object.name;
}

TEST_P(ProjectsTest, KeepsEveryDependency) {
  for (const auto& [name, service] : loaded.project.services) {
    if (service.depends_on.empty()) continue;
    OrderedJson pod;
    ASSERT_FALSE(container_of(kube_name(name), &pod).is_null()) << name;
    std::set<std::string> awaited;
    for (const OrderedJson& init : pod.value("initContainers", OrderedJson::array()))
      if (init.contains("command") && init["command"].size() == 3 && init["command"][1] == "wait")
        awaited.insert(init["command"][2].get<std::string>());
    for (const auto& [needed, dependency] : service.depends_on) {
      bool one_pod = service.network_mode == "service:" + needed;
      if (one_pod) {
        EXPECT_EQ(container_of(kube_name(needed))["restartPolicy"], "Always") << needed;
        continue;
      }
      std::string base = kube_name(needed);
      EXPECT_TRUE(awaited.contains(base) || awaited.contains(base + "-healthy") ||
                  awaited.contains(base + "-completed") || awaited.contains(base + "-started"))
          << name << " does not wait for " << needed;
      if (dependency.condition == compose::DependencyCondition::CompletedSuccessfully) {
        EXPECT_TRUE(awaited.contains(base + "-completed") && find("Job", base) != nullptr) << needed;
      }
    }
  }
}

TEST_P(ProjectsTest, EveryServiceCanBeResolvedAndEveryAwaitedNameExists) {
  std::set<std::string> names;
  for (const KubeObject& object : conversion.objects)
    if (object.kind == "Service") names.insert(object.name);
  for (const Gate& gate : conversion.gates) names.insert(gate.object.name);
  for (const auto& [name, service] : loaded.project.services)
    if (service.network_mode != "none") {
      EXPECT_TRUE(names.contains(kube_name(name))) << name;
    }
  for (const KubeObject& object : conversion.objects) {
    if (!object.body.contains("spec") || !object.body["spec"].contains("template")) continue;
    for (const OrderedJson& init :
         object.body["spec"]["template"]["spec"].value("initContainers", OrderedJson::array()))
      if (init.contains("command") && init["command"].size() == 3 && init["command"][1] == "wait") {
        EXPECT_TRUE(names.contains(init["command"][2])) << init["command"].dump();
      }
  }
}

TEST_P(ProjectsTest, HealthChecksAreProbesAndPortsAreReachable) {
  for (const auto& [name, service] : loaded.project.services) {
    OrderedJson container = container_of(kube_name(name));
    ASSERT_FALSE(container.is_null()) << name;
    if (service.healthcheck && !service.healthcheck->disable) {
      EXPECT_TRUE(container.contains("readinessProbe")) << name;
      EXPECT_TRUE(container.contains("startupProbe")) << name;
      EXPECT_FALSE(container.contains("livenessProbe")) << name;
    }
    for (const compose::PortMapping& port : service.ports) {
      bool local = port.host_ip == "127.0.0.1";
      const KubeObject* object = find("Service", kube_name(name) + (local ? "-local" : "-published"));
      ASSERT_NE(object, nullptr) << name;
      EXPECT_EQ(object->body["spec"]["type"], local ? "ClusterIP" : "LoadBalancer") << name;
    }
    if (service.build) {
      EXPECT_NE(container["image"].get<std::string>().find('/'), std::string::npos) << name;
    }
  }
}

TEST_P(ProjectsTest, EveryKeyIsAccountedForWithItsPlace) {
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

TEST_P(ProjectsTest, VolumesAndBindsKeepTheirContents) {
  for (const auto& [name, service] : loaded.project.services) {
    OrderedJson container = container_of(kube_name(name));
    size_t mounts = 0;
    for (const compose::VolumeMount& mount : service.volumes)
      for (const OrderedJson& entry : container.value("volumeMounts", OrderedJson::array()))
        if (entry["mountPath"] == mount.target) ++mounts;
    EXPECT_EQ(mounts, service.volumes.size()) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProjectsTest, testing::ValuesIn(project_folders()), [](const auto& one) {
  return std::regex_replace(fs::path(one.param).filename().string(), std::regex("[^a-zA-Z0-9]"), "_");
});

// Collects the names of a type's members.
struct MemberNames {
  std::vector<std::string> names;
  template <typename T>
  void operator()(std::string_view name, T&) {
    names.emplace_back(name);
  }
  void extensions(compose::Extensions&) { names.emplace_back("extensions"); }
};

template <typename T>
std::vector<std::string> members_of() {
  T value;
  MemberNames visitor;
  compose::fields(visitor, value);
  return visitor.names;
}

TEST(KubernetesRules, CoverEveryKeyOfTheModel) {
  auto covered = [](const std::string& pattern) {
    for (const KeyRule& rule : kubernetes_rules()) {
      std::string have(rule.pattern);
      if (have == pattern || have.starts_with(pattern + ".") || pattern.starts_with(have + ".")) return true;
    }
    return false;
  };
  for (const std::string& name : members_of<compose::Service>())
    EXPECT_TRUE(covered("services.*." + name)) << name;
  for (const std::string& name : members_of<compose::Deploy>())
    EXPECT_TRUE(covered("services.*.deploy." + name)) << name;
  for (const std::string& name : members_of<compose::Healthcheck>())
    EXPECT_TRUE(covered("services.*.healthcheck." + name)) << name;
  for (const std::string& name : members_of<compose::UpdateConfig>())
    EXPECT_TRUE(covered("services.*.deploy.update_config." + name)) << name;
  for (const std::string& name : members_of<compose::Placement>())
    EXPECT_TRUE(covered("services.*.deploy.placement." + name)) << name;
  for (const std::string& name : members_of<compose::Network>())
    EXPECT_TRUE(covered("networks.*." + name)) << name;
  for (const std::string& name : members_of<compose::Volume>())
    EXPECT_TRUE(covered("volumes.*." + name)) << name;
}

}  // namespace
}  // namespace stack::targets::kubernetes
