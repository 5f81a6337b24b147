// Deployments against a real API server.
#include <filesystem>
#include <thread>

#include "cluster.h"

namespace stack::beyond {
namespace {

namespace fs = std::filesystem;

constexpr const char* kShop = R"(
services:
  db:
    image: docker.io/example/db:1
    volumes: ["data:/var/lib/db"]
    healthcheck: {test: ["CMD", "ready"], interval: 1s}
  web:
    image: docker.io/example/web:1
    ports: ["8080:80"]
    depends_on: {db: {condition: service_healthy}}
volumes: {data: {}}
)";

void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "looked for: " << part << "\nin: " << text;
}

TEST_F(ClusterTest, EveryProjectIsAcceptedStrictly) {
  for (const char* base : {"compose-examples", "tests/unit/targets/projects"})
    for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(STACK_SOURCE_DIR) / base)) {
      if (!entry.is_directory()) continue;
      CommandResult result =
          run({"plan", "--project-directory", entry.path(), "-f",
               fs::exists(entry.path() / "compose.yaml") ? (entry.path() / "compose.yaml").string()
                                                         : (entry.path() / "docker-compose.yml").string(),
               "--push-to", "registry.example:5000"},
              {{"API_TOKEN", "t"}, {"GRAFANA_PASSWORD", "p"}});
      EXPECT_EQ(result.exit_code, 2) << entry.path() << "\n" << result.err;
      expect_contains(result.out, "+ create ");
    }
}

TEST_F(ClusterTest, ASecondDeploymentChangesNothing) {
  project(kShop);
  must({"deploy", "--detach"});
  auto first = objects();
  EXPECT_TRUE(first.contains("StatefulSet/db"));
  EXPECT_TRUE(first.contains("Deployment/web"));
  EXPECT_TRUE(first.contains("Service/web-published"));
  EXPECT_TRUE(first.contains("PersistentVolumeClaim/shop-data"));
  // The controllers write a workload's status, which changes its version: wait until they are done.
  for (int i = 0; i < 50 && objects() != first; ++i) {
    first = objects();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.exit_code, 0) << plan.out;
  expect_contains(plan.out, "nothing to do");
  must({"deploy", "--detach"});
  EXPECT_EQ(objects(), first);
}

TEST_F(ClusterTest, ThePlanSaysWhatWouldChangeAndWhy) {
  project(kShop);
  must({"deploy", "--detach"});
  std::string changed = kShop;
  changed.replace(changed.find("web:1"), 5, "web:2");
  project(changed);
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.exit_code, 2);
  expect_contains(plan.out, "~ change Deployment web  changed: ");
  expect_contains(plan.out, "docker.io/example/web:1 -> docker.io/example/web:2");
  EXPECT_EQ(plan.out.find("StatefulSet"), std::string::npos) << plan.out;
  CommandResult json = run({"plan", "--json"});
  auto parsed = parse_json(json.out);
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["changes"], 1);
}

TEST_F(ClusterTest, ARemovedServiceIsPrunedAndDownKeepsOnlyClaims) {
  project(kShop);
  must({"deploy", "--detach"});
  project(
      "services:\n  db: {image: docker.io/example/db:1, volumes: [\"data:/var/lib/db\"]}\nvolumes: {data: "
      "{}}\n");
  CommandResult plan = run({"plan"});
  expect_contains(plan.out, "- remove Deployment web  not in the files");
  must({"deploy", "--detach"});
  EXPECT_FALSE(objects().contains("Deployment/web"));
  EXPECT_FALSE(objects().contains("Service/web-published"));
  EXPECT_TRUE(objects().contains("StatefulSet/db"));
  must({"down"});
  auto left = objects();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_TRUE(left.contains("PersistentVolumeClaim/shop-data"));
  must({"down", "-v"});
  for (int i = 0; i < 50 && !objects().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(objects().empty());
}

TEST_F(ClusterTest, AWrongTokenIsToldAndChangesNothing) {
  project(kShop);
  CommandResult result = run({"deploy", "--detach", "--context", "stranger"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "does not accept the credentials of context stranger");
  EXPECT_TRUE(objects().empty());
}

TEST_F(ClusterTest, AMissingNamespaceIsNamed) {
  project(kShop);
  space = "nowhere";
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "namespace nowhere does not exist in context t");
}

TEST_F(ClusterTest, AQuotaStopsTheDeploymentBeforeItBegins) {
  Cluster::shared().post(
      "/api/v1/namespaces/" + space + "/resourcequotas",
      {{"metadata", {{"name", "q"}}}, {"spec", {{"hard", {{"services.loadbalancers", "0"}}}}}});
  std::this_thread::sleep_for(std::chrono::seconds(2));
  project(kShop);
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "compose.yaml:9:");
  expect_contains(result.err, "service web: Service web-published");
  expect_contains(result.err, "quota");
  EXPECT_TRUE(objects().empty());
}

TEST_F(ClusterTest, AFieldOfAnotherManagerIsAConflict) {
  project(kShop);
  must({"deploy", "--detach"});
  std::string path = *targets::kubernetes::resource_path("Deployment", space, "web");
  Cluster::shared().apply_as("autoscaler", path,
                             {{"apiVersion", "apps/v1"},
                              {"kind", "Deployment"},
                              {"metadata", {{"name", "web"}}},
                              {"spec", {{"replicas", 5}}}});
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "compose.yaml:7:");
  expect_contains(result.err, "service web: Deployment web: Apply failed with 1 conflict");
  expect_contains(result.err, ".spec.replicas");
  EXPECT_EQ(Cluster::shared().get(path)["spec"]["replicas"], 5);
}

TEST_F(ClusterTest, AnObjectOfAnotherProjectIsNotTouched) {
  Cluster::shared().post(
      "/api/v1/namespaces/" + space + "/services",
      {{"metadata", {{"name", "web"}}}, {"spec", {{"ports", Json::array({{{"port", 1}}})}}}});
  project(kShop);
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "service web: Service web: exists already and is not managed by stack");
  EXPECT_TRUE(objects().empty());
}

TEST_F(ClusterTest, AChangedJobIsCreatedAgain) {
  project("services:\n  once: {image: docker.io/example/a:1, restart: \"no\"}\n");
  must({"deploy", "--detach"});
  std::string before = objects()["Job/once"];
  project("services:\n  once: {image: docker.io/example/a:2, restart: \"no\"}\n");
  expect_contains(run({"plan"}).out, "~ replace Job once  cannot be changed in place");
  must({"deploy", "--detach"});
  EXPECT_NE(objects()["Job/once"], before);
}

TEST_F(ClusterTest, ALargeBindIsRefusedWithItsPlace) {
  project("services:\n  web:\n    image: docker.io/example/a\n    volumes: [\"./big:/big:ro\"]\n",
          {{"big/file", std::string(1'200'000, 'x')}});
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "compose.yaml:4:15: services.web.volumes.0: big has more than 1000 kB");
  EXPECT_TRUE(objects().empty());
}

TEST_F(ClusterTest, AServerThatIsKilledIsToldAndARerunCompletesTheWork) {
  project(kShop);
  Cluster::shared().kill_server();
  CommandResult result = run({"deploy", "--detach"});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "the API server at https://127.0.0.1:");
  expect_contains(result.err, "connection refused");
  Cluster::shared().start_server();
  must({"deploy", "--detach"});
  EXPECT_TRUE(objects().contains("Deployment/web"));
}

TEST_F(ClusterTest, AnUnhealthyServerCertificateIsRefused) {
  project(kShop);
  std::string config = read_file(Cluster::shared().kubeconfig()).value();
  auto other = folder + "/kubeconfig";
  size_t at = config.find(", certificate-authority");
  config.erase(at, config.find('}', at) - at);
  ASSERT_TRUE(write_file(other, config));
  CommandResult result = run({"deploy", "--detach"}, {{"KUBECONFIG", other}});
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "certificate");
}

}  // namespace
}  // namespace stack::beyond
