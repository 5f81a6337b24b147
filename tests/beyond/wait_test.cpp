// How deployments wait, with a real API server and its controllers. The tests write the status of pods, as a kubelet does.
#include <future>
#include <thread>

#include "cluster.h"

namespace stack::beyond {
namespace {

namespace kube = targets::kubernetes;

class WaitTest : public ClusterTest {
 protected:
  // Starts `stack deploy` and returns its future result.
  std::future<CommandResult> deploy(std::vector<std::string> more = {}) {
    std::vector<std::string> args{"deploy", "--wait-timeout", "90"};
    args.insert(args.end(), more.begin(), more.end());
    return std::async(std::launch::async, [this, args] { return run(args); });
  }

  // The name of the service's newest pod that is not `other`; waits for it.
  std::string pod_of(const std::string& service, const std::string& other = "") {
    for (int i = 0; i < 150; ++i) {
      Json list = Cluster::shared().get(*kube::resource_path("Pod", space) +
                                        "?labelSelector=stack.service%3D" + service);
      if (list.is_object())
        for (const Json& pod : list["items"]) {
          std::string name = string_or(pod["metadata"], "name");
          if (name != other) return name;
        }
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    ADD_FAILURE() << "no pod of " << service;
    return "";
  }

  void set_status(const std::string& pod, const Json& status) {
    Cluster::shared().patch_status(*kube::resource_path("Pod", space, pod), status);
  }
  void make_ready(const std::string& pod, const std::string& container) {
    set_status(pod, {{"phase", "Running"},
                     {"conditions", Json::array({{{"type", "Ready"}, {"status", "True"}},
                                                 {{"type", "ContainersReady"}, {"status", "True"}}})},
                     {"containerStatuses",
                      Json::array({{{"name", container},
                                    {"ready", true},
                                    {"started", true},
                                    {"restartCount", 0},
                                    {"image", "i"},
                                    {"imageID", "i"},
                                    {"state", {{"running", {{"startedAt", "2026-01-01T00:00:00Z"}}}}}}})}});
  }
  void end_with(const std::string& pod, const std::string& container, int code) {
    set_status(pod,
               {{"phase", code == 0 ? "Succeeded" : "Failed"},
                {"containerStatuses",
                 Json::array({{{"name", container},
                               {"ready", false},
                               {"restartCount", 0},
                               {"image", "i"},
                               {"imageID", "i"},
                               {"state", {{"terminated", {{"exitCode", code}, {"reason", "Error"}}}}}}})}});
  }
  bool exists(const std::string& kind, const std::string& name) {
    return Cluster::shared().status_of(*kube::resource_path(kind, space, name)) == 200;
  }
};

constexpr const char* kMigration = R"(
services:
  migrate: {image: docker.io/example/migrate}
  app: {image: docker.io/example/app, depends_on: {migrate: {condition: service_completed_successfully}}}
)";

TEST_F(WaitTest, AGateOpensOnceTheJobHasSucceededAndStaysOpen) {
  project(kMigration);
  auto result = deploy();
  std::string job = pod_of("migrate");
  std::string app = pod_of("app");
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_FALSE(exists("Service", "migrate-completed"));
  end_with(job, "migrate", 0);
  for (int i = 0; i < 100 && !exists("Service", "migrate-completed"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(exists("Service", "migrate-completed"));
  make_ready(app, "app");
  CommandResult done = result.get();
  EXPECT_EQ(done.exit_code, 0) << done.err;
  // Nothing runs again.
  CommandResult again = must({"deploy"});
  EXPECT_EQ(again.err.find("Creating"), std::string::npos) << again.err;
  EXPECT_EQ(pod_of("migrate"), job);
  EXPECT_TRUE(exists("Service", "migrate-completed"));
}

TEST_F(WaitTest, AFailedJobGivesItsExitCode) {
  project(kMigration);
  auto result = deploy();
  end_with(pod_of("migrate"), "migrate", 4);
  CommandResult done = result.get();
  EXPECT_EQ(done.exit_code, 4) << done.err;
  EXPECT_NE(done.err.find("service migrate: exited with code 4"), std::string::npos) << done.err;
  EXPECT_FALSE(exists("Service", "migrate-completed"));
}

TEST_F(WaitTest, ABadImageFailsWithTheKubeletsWordsAndTheOldPodsStay) {
  project("services:\n  web: {image: docker.io/example/web:1}\n");
  auto first = deploy();
  std::string old = pod_of("web");
  make_ready(old, "web");
  EXPECT_EQ(first.get().exit_code, 0);
  project("services:\n  web: {image: docker.io/example/web:missing}\n");
  auto begin = std::chrono::steady_clock::now();
  auto second = deploy();
  std::string bad = pod_of("web", old);
  set_status(bad, {{"phase", "Pending"},
                   {"containerStatuses",
                    Json::array({{{"name", "web"},
                                  {"ready", false},
                                  {"restartCount", 0},
                                  {"image", "i"},
                                  {"imageID", ""},
                                  {"state",
                                   {{"waiting",
                                     {{"reason", "ImagePullBackOff"},
                                      {"message", "Back-off pulling image: not found"}}}}}}})}});
  CommandResult done = second.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_NE(done.err.find("service web: ImagePullBackOff: Back-off pulling image: not found"),
            std::string::npos)
      << done.err;
  EXPECT_TRUE(exists("Pod", old));
}

TEST_F(WaitTest, AFailedUpdateIsRolledBackWhereTheFileAsksForIt) {
  const std::string yaml =
      "services:\n  web:\n    image: docker.io/example/web:1\n    deploy: {update_config: {failure_action: "
      "rollback}}\n";
  project(yaml);
  auto first = deploy();
  std::string old = pod_of("web");
  make_ready(old, "web");
  EXPECT_EQ(first.get().exit_code, 0);
  std::string changed = yaml;
  changed.replace(changed.find("web:1"), 5, "web:2");
  project(changed);
  auto second = deploy({"--wait-timeout", "8"});
  CommandResult done = second.get();
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_NE(done.err.find("rolled back to the previous deployment"), std::string::npos) << done.err;
  Json web = Cluster::shared().get(*kube::resource_path("Deployment", space, "web"));
  EXPECT_EQ(web["spec"]["template"]["spec"]["containers"][0]["image"], "docker.io/example/web:1");
}

TEST_F(WaitTest, PsShowsPodsAsForLocalProjects) {
  project("services:\n  web: {image: docker.io/example/web:1}\n");
  auto result = deploy();
  make_ready(pod_of("web"), "web");
  EXPECT_EQ(result.get().exit_code, 0);
  CommandResult ps = must({"ps"});
  EXPECT_NE(ps.out.find("docker.io/example/web:1"), std::string::npos) << ps.out;
  EXPECT_NE(ps.out.find("Up "), std::string::npos) << ps.out;
  CommandResult ls = must({"ls"});
  EXPECT_NE(ls.out.find("running(1)"), std::string::npos) << ls.out;
}

}  // namespace
}  // namespace stack::beyond
