// Starts in order, exits, and restarts.
#include <signal.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Life : public Scenario {
 protected:
  bool runs(const std::string& service, std::chrono::milliseconds within = 10s) {
    return eventually(within, [&] {
      std::vector<RunningContainer> all = containers(service);
      return all.size() == 1 && all[0].state == "running" && all[0].pid > 0;
    });
  }
};

TEST_F(Life, HealthyOrderIsKept) {
  example("healthy-order");
  must({"up", "-d"});
  EXPECT_EQ(container("db").health, "healthy");
  ASSERT_TRUE(runs("front"));
  uint64_t db = start_time_of(container("db").pid);
  uint64_t app = start_time_of(container("app").pid);
  uint64_t front = start_time_of(container("front").pid);
  // In clock ticks of 10 ms; db needs a second until it is ready.
  EXPECT_GE(app, db + 90);
  EXPECT_GE(front, app);
}

TEST_F(Life, MigrationRunsOnceBeforeTheService) {
  example("migrate-once");
  must({"up", "-d"});
  RunningContainer migrate = container("migrate");
  EXPECT_EQ(migrate.state, "exited");
  EXPECT_EQ(migrate.exit_code, 0);
  EXPECT_TRUE(
      eventually(5s, [&] { return must({"logs", "app"}).out.find("schema 42") != std::string::npos; }));
}

TEST_F(Life, FailedMigrationKeepsTheServiceDownAndIsExplained) {
  example("migrate-once");
  CommandResult up = run({"up", "-d"}, {{"FAIL", "1"}});
  EXPECT_EQ(up.code, 1) << up.text();
  EXPECT_NE(up.err.find("migrate"), std::string::npos) << up.text();
  EXPECT_NE(up.err.find("4"), std::string::npos) << "the exit code is named: " << up.text();
  EXPECT_NE(up.err.find("no such table"), std::string::npos) << "its last log lines are shown: " << up.text();
  for (const RunningContainer& one : containers("app")) EXPECT_NE(one.state, "running");
}

TEST_F(Life, RestartPoliciesDecideAfterAnExit) {
  example("restart-policy");
  must({"up", "-d"});
  ASSERT_TRUE(eventually(15s, [&] {
    return container("on-failure").restarts == 2 && container("on-failure").state == "running";
  }));
  EXPECT_EQ(container("never").state, "exited");
  EXPECT_EQ(container("never").exit_code, 1);
  EXPECT_EQ(container("never").restarts, 0);

  RunningContainer before = container("always");
  ASSERT_GT(before.pid, 0);
  ::kill(before.pid, SIGKILL);
  ASSERT_TRUE(eventually(10s, [&] {
    RunningContainer now = container("always");
    return now.state == "running" && now.pid > 0 && now.pid != before.pid;
  }));
  EXPECT_EQ(container("always").id, before.id);
  EXPECT_EQ(container("always").restarts, 1);
  EXPECT_EQ(container("always").addresses, before.addresses) << "a restart keeps the address";
}

TEST_F(Life, ManuallyStoppedContainerStaysStopped) {
  example("restart-policy");
  must({"up", "-d", "always"});
  must({"stop", "-t", "1", "always"});
  RunningContainer stopped = container("always");
  EXPECT_EQ(stopped.state, "exited");
  // A crash of the engine does not change that: in Docker, a restart of the daemon starts `always` containers only
  // if they were not stopped by hand.
  must({"start", "always"});
  EXPECT_TRUE(runs("always"));
  must({"restart", "-t", "1", "always"});
  EXPECT_TRUE(runs("always"));
  must({"kill", "always"});
  EXPECT_TRUE(eventually(5s, [&] { return container("always").state == "exited"; }));
}

TEST_F(Life, NextEngineRestartsAContainerThatExitedWithoutAnEngine) {
  example("restart-policy");
  must({"up", "-d", "always"});
  ASSERT_TRUE(runs("always"));
  RunningContainer before = container("always");
  stack().kill_engine();
  ::kill(before.pid, SIGKILL);
  must({"ps"});
  EXPECT_TRUE(eventually(10s, [&] {
    RunningContainer now = container("always");
    return now.id == before.id && now.state == "running" && now.pid > 0 && now.pid != before.pid;
  }));
}

TEST_F(Life, ExitCodesAndOutOfMemoryAreReported) {
  project("ends", R"(
services:
  three:
    image: debian:bookworm-slim
    command: sh -c "exit 3"
  term:
    image: debian:bookworm-slim
    command: sh -c "kill -TERM $$$$; sleep 5"
    init: true
  greedy:
    image: debian:bookworm-slim
    command: perl -e 'my $$x = "a" x (200 * 1024 * 1024); print length $$x'
    mem_limit: 32m
    memswap_limit: 32m
)");
  must({"up", "-d"});
  ASSERT_TRUE(eventually(20s, [&] {
    for (const RunningContainer& one : containers())
      if (one.state != "exited") return false;
    return containers().size() == 3;
  }));
  EXPECT_EQ(container("three").exit_code, 3);
  EXPECT_EQ(container("term").exit_code, 143);
  EXPECT_EQ(container("greedy").exit_code, 137);
  ApiAnswer details = stack().api("GET", "/containers/" + container("greedy").id + "/json");
  EXPECT_TRUE(bool_or(details.body.value("State", Json::object()), "OOMKilled"));
}

TEST_F(Life, StopSendsTheSignalAndKillsAfterTheGracePeriod) {
  project("stops", R"(
services:
  polite:
    image: debian:bookworm-slim
    command: bash -c 'trap "echo bye; exit 0" USR1; echo up; while true; do sleep 0.1; done'
    stop_signal: SIGUSR1
  stubborn:
    image: debian:bookworm-slim
    command: bash -c 'trap "" TERM; echo up; while true; do sleep 0.1; done'
    stop_grace_period: 1s
)");
  must({"up", "-d"});
  for (const char* service : {"polite", "stubborn"})
    ASSERT_TRUE(eventually(10s, [&] { return must({"logs", service}).out.find("up") != std::string::npos; }));
  CommandResult stop = must({"stop"});
  EXPECT_LT(stop.took, 5s);
  EXPECT_GE(stop.took, 900ms);
  EXPECT_EQ(container("polite").exit_code, 0);
  EXPECT_EQ(container("stubborn").exit_code, 137);
  EXPECT_NE(must({"logs", "polite"}).out.find("bye"), std::string::npos);
}

// The first process of a container misses a signal for which it has no handler yet; a stop right after the start
// would then take the whole grace period.
TEST_F(Life, StopReachesAProcessThatInstallsItsHandlerLater) {
  project("early", R"(
services:
  slow:
    image: debian:bookworm-slim
    command: bash -c 'sleep 2; trap "n=x$$n" TERM; echo ready; sleep 0.5; echo heard $$n; exit 3'
)");
  must({"up", "-d"});
  CommandResult stop = must({"stop"});
  EXPECT_LT(stop.took, 8s);
  EXPECT_EQ(container("slow").exit_code, 3);
  // Once.
  EXPECT_NE(must({"logs"}).out.find("heard x\n"), std::string::npos) << must({"logs"}).out;
}

}  // namespace
}  // namespace stack::e2e
