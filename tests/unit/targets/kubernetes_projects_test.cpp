// Whole projects. Counts the parts that a conversion must not lose.
#include <set>

#include "tests/unit/targets/kubernetes_fixture.h"
#include "tests/unit/targets/whole_projects.h"

namespace stack::targets::kubernetes {
namespace {

class ProjectsTest : public WholeProjectTest<Conversion, ConvertInputs> {
 protected:
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

TEST_P(ProjectsTest, EveryKeyIsAccountedForWithItsPlace) { expect_every_key_explained(conversion.report); }

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

INSTANTIATE_TEST_SUITE_P(All, ProjectsTest, testing::ValuesIn(project_folders()), folder_test_name);

TEST(WholeProjects, AreTheExamplesAndTwentyOthers) { EXPECT_GE(project_folders().size(), 12U + 20U); }

TEST(KubernetesRules, CoverEveryKeyOfTheModel) { expect_model_covered(kubernetes_rules()); }

}  // namespace
}  // namespace stack::targets::kubernetes
