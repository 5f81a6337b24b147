// deploy.update_config on real containers.
#include "scenario.h"

namespace stack::e2e {
namespace {

class RollingUpdate : public Scenario {
 protected:
  // Three replicas that respond with "VERSION" and also write it for the test; BROKEN ones exit immediately.
  static std::string yaml(const std::string& version, const std::string& update,
                          const std::string& extra = "") {
    return R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'test $$VERSION != broken && exec sleep infinity'
    stop_signal: SIGKILL
    environment: { VERSION: ")" +
           version + R"(" }
    healthcheck: { test: "test $$VERSION != ill", interval: 500ms, retries: 2 }
    deploy:
      replicas: 3
      update_config: { )" +
           update + " }\n" + extra;
  }

  std::string versions() {
    std::string all;
    for (const RunningContainer& one : containers("web")) {
      if (one.state != "running") continue;
      std::string environment = file_in(one, "/proc/1/environ");
      size_t at = environment.find("VERSION=");
      all +=
          one.name + "=" + (at == std::string::npos ? "?" : std::string(environment.c_str() + at + 8)) + " ";
    }
    return all;
  }
};

constexpr const char* kAllOld = "shop-web-1=old shop-web-2=old shop-web-3=old ";
constexpr const char* kAllNew = "shop-web-1=new shop-web-2=new shop-web-3=new ";

TEST_F(RollingUpdate, ReplacesReplicasInSequenceWhileOthersKeepRunning) {
  project("shop", yaml("old", "order: start-first"));
  must({"up", "-d", "--wait"});
  ASSERT_EQ(versions(), kAllOld);
  write("docker-compose.yml", yaml("new", "order: start-first"));
  CommandResult plan = run({"plan"});
  EXPECT_NE(plan.out.find("batch 3 of 3"), std::string::npos) << plan.text();
  auto update = start({"up", "-d"});
  size_t fewest = 99;
  int code = -1;
  while ((code = update->wait(1ms)) == -1) {
    size_t alive = 0;
    for (const RunningContainer& one : containers("web")) alive += one.state == "running" ? 1 : 0;
    fewest = std::min(fewest, alive);
  }
  EXPECT_EQ(code, 0) << update->output();
  EXPECT_GE(fewest, 3U) << "start-first: never fewer than before";
  EXPECT_EQ(versions(), kAllNew);
  EXPECT_EQ(containers("web").size(), 3U);
  EXPECT_EQ(run({"plan"}).code, 0);
}

TEST_F(RollingUpdate, FailureStopsTheUpdateAndRestoresTheReplica) {
  project("shop", yaml("old", "monitor: 300ms"));
  must({"up", "-d", "--wait"});
  std::map<std::string, std::string> before = ids();
  write("docker-compose.yml", yaml("ill", "monitor: 300ms"));
  CommandResult failed = run({"up", "-d"});
  EXPECT_EQ(failed.code, 1) << failed.text();
  EXPECT_NE(failed.err.find("update of service web stopped: 1 of 3"), std::string::npos) << failed.text();
  EXPECT_NE(failed.err.find("unhealthy"), std::string::npos) << failed.text();
  EXPECT_TRUE(eventually(5s, [&] { return versions() == kAllOld; })) << versions();
  EXPECT_EQ(ids(), before) << "the old containers, and nothing beside them";
}

TEST_F(RollingUpdate, RollsBackAcceptedReplicas) {
  std::string update = "monitor: 300ms, failure_action: rollback";
  std::string rollback = "      rollback_config: { parallelism: 0, monitor: 100ms }\n";
  // Whichever new container is third fails.
  project("shop", yaml("old", update, rollback));
  must({"up", "-d", "--wait"});
  std::map<std::string, std::string> before = ids();
  std::string changed = yaml("new", update, rollback);
  size_t at = changed.find("test $$VERSION != broken");
  ASSERT_NE(at, std::string::npos);
  changed.replace(at, std::string("test $$VERSION != broken").size(),
                  "mkdir /shared/a || mkdir /shared/b || exit 3");
  changed += "    volumes: ['shared:/shared']\nvolumes:\n  shared:\n";
  write("docker-compose.yml", changed);
  CommandResult failed = run({"up", "-d"});
  EXPECT_EQ(failed.code, 1) << failed.text();
  EXPECT_NE(failed.err.find("was rolled back: 1 of 3"), std::string::npos) << failed.text();
  EXPECT_TRUE(eventually(5s, [&] { return versions() == kAllOld; })) << versions();
  EXPECT_EQ(ids(), before);
}

TEST_F(RollingUpdate, ContinueCompletesAndReportsFailuresAtTheEnd) {
  project("shop", yaml("old", "failure_action: continue, parallelism: 0"));
  must({"up", "-d", "--wait"});
  write("docker-compose.yml", yaml("broken", "failure_action: continue, parallelism: 0"));
  CommandResult failed = run({"up", "-d"});
  EXPECT_EQ(failed.code, 1) << failed.text();
  EXPECT_NE(failed.err.find("3 of 3"), std::string::npos) << failed.text();
  EXPECT_TRUE(eventually(5s, [&] { return versions() == kAllOld; })) << versions();
}

}  // namespace
}  // namespace stack::e2e
