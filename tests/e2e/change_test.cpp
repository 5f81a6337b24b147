// `up` and `plan` with existing objects.
#include "scenario.h"

namespace stack::e2e {
namespace {

class Change : public Scenario {
 protected:
  static std::string yaml(const std::string& debug) {
    return R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    environment:
      DEBUG: ")" +
           debug + R"("
    depends_on: [db]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data:
)";
  }
};

TEST_F(Change, SecondUpDoesNothing) {
  project("shop", yaml("0"));
  EXPECT_EQ(run({"plan"}).code, 2);
  must({"up", "-d"});
  std::map<std::string, std::string> before = ids();
  std::map<std::string, pid_t> pids;
  for (const RunningContainer& one : containers()) pids[one.name] = one.pid;
  EXPECT_EQ(run({"plan"}).code, 0);
  must({"up", "-d"});
  EXPECT_EQ(ids(), before);
  for (const RunningContainer& one : containers()) EXPECT_EQ(one.pid, pids[one.name]);
}

TEST_F(Change, ChangedEnvironmentRecreatesOnlyThatService) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  std::map<std::string, std::string> before = ids();
  write("docker-compose.yml", yaml("1"));
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.code, 2) << plan.text();
  EXPECT_NE(plan.out.find("DEBUG"), std::string::npos) << "the cause is named: " << plan.text();
  must({"up", "-d"});
  std::map<std::string, std::string> after = ids();
  EXPECT_EQ(after["shop-db-1"], before["shop-db-1"]);
  EXPECT_NE(after["shop-web-1"], before["shop-web-1"]);
  EXPECT_EQ(after.size(), 2U);
  EXPECT_EQ(inside("web", "echo $DEBUG"), "1");
}

TEST_F(Change, ForceRecreateReplacesAllAndKeepsTheVolume) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  EXPECT_EQ(inside("db", "echo kept > /data/x"), "");
  std::map<std::string, std::string> before = ids();
  must({"up", "-d", "--force-recreate"});
  for (const auto& [name, id] : ids()) EXPECT_NE(id, before[name]) << name;
  EXPECT_EQ(inside("db", "cat /data/x"), "kept");
}

TEST_F(Change, RemovedServiceIsAnOrphanUntilRemovalIsRequested) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  write("docker-compose.yml",
        "services:\n  db:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    stop_signal: "
        "SIGKILL\n"
        "    volumes: ['data:/data']\nvolumes:\n  data:\n");
  CommandResult up = must({"up", "-d"});
  EXPECT_NE(up.err.find("shop-web-1"), std::string::npos) << "the orphan is named: " << up.text();
  EXPECT_EQ(containers().size(), 2U);
  must({"up", "-d", "--remove-orphans"});
  EXPECT_EQ(containers().size(), 1U);
}

TEST_F(Change, StoppedContainerIsStartedAndRemovedOneIsRecreated) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  std::map<std::string, std::string> before = ids();
  must({"stop", "web"});
  EXPECT_EQ(container("web").state, "exited");
  must({"up", "-d"});
  EXPECT_EQ(container("web").state, "running");
  EXPECT_EQ(ids(), before);
  must({"rm", "-fs", "web"});
  EXPECT_EQ(containers("web").size(), 0U);
  must({"up", "-d"});
  EXPECT_EQ(container("web").state, "running");
  EXPECT_EQ(container("db").id, before["shop-db-1"]);
}

TEST_F(Change, OneServiceWithoutItsDependencies) {
  project("shop", yaml("0"));
  must({"up", "-d", "--no-deps", "web"});
  EXPECT_EQ(containers("db").size(), 0U);
  EXPECT_EQ(containers("web").size(), 1U);
  must({"up", "-d", "web"});
  EXPECT_EQ(containers("db").size(), 1U);
}

TEST_F(Change, SameNameInAnotherFolderIsRejected) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  ASSERT_TRUE(ensure_directory(folder() + "/elsewhere/shop"));
  ASSERT_TRUE(write_file(folder() + "/elsewhere/shop/docker-compose.yml", yaml("0")));
  CommandOptions options;
  options.directory = folder() + "/elsewhere/shop";
  CommandResult refused = stack().run({"up", "-d"}, options);
  EXPECT_EQ(refused.code, 1) << refused.text();
  EXPECT_NE(refused.err.find(folder() + "/shop"), std::string::npos) << refused.text();
}

TEST_F(Change, ProjectMovesWithItsFolderOrItsName) {
  project("shop", yaml("0"));
  must({"up", "-d"});
  std::string id = container("db").id;
  // A release in another folder, under the same name.
  ASSERT_TRUE(ensure_directory(folder() + "/release-2"));
  ASSERT_TRUE(write_file(folder() + "/release-2/docker-compose.yml", yaml("0")));
  CommandOptions options;
  options.directory = folder() + "/release-2";
  CommandResult taken = stack().run({"-p", "shop", "up", "-d"}, options);
  EXPECT_EQ(taken.code, 0) << taken.text();
  EXPECT_EQ(container("db").id, id);
  // The folder is gone, and another one has its name.
  ASSERT_TRUE(ensure_directory(folder() + "/moved"));
  std::filesystem::rename(folder() + "/release-2", folder() + "/moved/shop");
  options.directory = folder() + "/moved/shop";
  CommandResult moved = stack().run({"up", "-d"}, options);
  EXPECT_EQ(moved.code, 0) << moved.text();
  EXPECT_EQ(container("db").id, id);
}

TEST_F(Change, FaultsOfOtherServicesDoNotMatter) {
  project("parts", R"(
services:
  good: {image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, depends_on: [base]}
  base: {image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL}
  bad: {image: "debian:bookworm-slim", runtime: nvidia, env_file: missing.env, secrets: [gone]}
secrets:
  gone: {file: ./gone.txt}
)");
  must_fail({"up", "-d"}, {"service bad"});
  EXPECT_TRUE(containers().empty());
  must({"up", "-d", "good"});
  EXPECT_EQ(containers().size(), 2U);
  EXPECT_EQ(must({"run", "--rm", "-T", "good", "echo", "once"}).out, "once\n");
  // Whatever is in the file now, what was started can be removed.
  must({"down"});
  EXPECT_TRUE(containers().empty());
}

TEST_F(Change, DownKeepsWhatAnotherProjectUses) {
  project("first", R"(
services:
  web: {image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, volumes: ["v:/v"]}
networks: {default: {name: common}}
volumes: {v: {name: common_volume}}
)");
  must({"up", "-d"});
  ASSERT_TRUE(ensure_directory(folder() + "/second"));
  ASSERT_TRUE(write_file(folder() + "/second/docker-compose.yml", R"(
services:
  web: {image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL, volumes: ["v:/v"]}
networks: {default: {name: common, external: true}}
volumes: {v: {name: common_volume, external: true}}
)"));
  CommandOptions second;
  second.directory = folder() + "/second";
  CommandResult up = stack().run({"up", "-d"}, second);
  EXPECT_EQ(up.code, 0) << up.text();
  CommandResult down = must({"down", "-v"});
  EXPECT_NE(down.err.find("is kept"), std::string::npos) << down.text();
  EXPECT_EQ(containers().size(), 0U);
  EXPECT_EQ(stack().run({"exec", "-T", "web", "test", "-d", "/v"}, second).code, 0);
  EXPECT_EQ(stack().run({"down"}, second).code, 0);
  EXPECT_EQ(run({"down", "-v"}).code, 0);
}

TEST_F(Change, ProfilesStartOnlyOnRequest) {
  example("profiles");
  must({"up", "-d"});
  EXPECT_EQ(containers().size(), 1U);
  must({"--profile", "debug", "up", "-d"});
  EXPECT_EQ(containers().size(), 2U);
  EXPECT_EQ(must({"run", "--rm", "seed"}).out, "seeded\n");
  must({"--profile", "debug", "down"});
  EXPECT_TRUE(containers().empty());
}

TEST_F(Change, ConcurrentUpsRunInSequence) {
  project("shop", yaml("0"));
  std::unique_ptr<BackgroundCommand> first = start({"up", "-d"});
  std::unique_ptr<BackgroundCommand> second = start({"up", "-d"});
  EXPECT_EQ(first->wait(), 0) << first->output();
  EXPECT_EQ(second->wait(), 0) << second->output();
  EXPECT_EQ(containers().size(), 2U);
  for (const RunningContainer& one : containers()) EXPECT_EQ(one.state, "running");
}

TEST_F(Change, WaitForAnotherUpIsReported) {
  project("shop", R"(
services:
  slow:
    image: debian:bookworm-slim
    command: sh -c "sleep 2; touch /ok; sleep infinity"
    stop_signal: SIGKILL
    healthcheck: {test: "test -e /ok", interval: 200ms, retries: 50}
  last:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    depends_on: {slow: {condition: service_healthy}}
)");
  std::unique_ptr<BackgroundCommand> first = start({"up", "-d"});
  ASSERT_TRUE(eventually(10s, [&] { return !containers("slow").empty(); })) << first->output();
  std::unique_ptr<BackgroundCommand> second = start({"up", "-d"});
  EXPECT_TRUE(second->says("wait", 5s)) << second->output();
  EXPECT_EQ(first->wait(), 0) << first->output();
  EXPECT_EQ(second->wait(), 0) << second->output();
}

}  // namespace
}  // namespace stack::e2e
