// Ends running commands: by Ctrl-C, by a later command, or because their client has died.
#include <signal.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Interrupt : public Scenario {
 protected:
  // `web` runs, and its health check does not succeed for an hour.
  void never_healthy() {
    project("slow", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    healthcheck: { test: ["CMD", "false"], interval: 1h, start_period: 1h }
)");
  }
  bool web_runs() {
    return eventually(30s, [&] {
      std::vector<RunningContainer> all = containers("web");
      return all.size() == 1 && all[0].state == "running";
    });
  }
  static constexpr auto kAtOnce = 10s;
};

TEST_F(Interrupt, DownEndsAWaitingUp) {
  never_healthy();
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d", "--wait"});
  ASSERT_TRUE(web_runs()) << up->output();
  CommandResult down = must({"down"});
  EXPECT_LT(down.took, patiently(kAtOnce));
  EXPECT_EQ(up->wait(patiently(kAtOnce)), 130) << up->output();
  EXPECT_NE(up->output().find("interrupted by `down`"), std::string::npos) << up->output();
  expect_nothing_left();
}

TEST_F(Interrupt, StopEndsAnUpWhoseClientHasDied) {
  never_healthy();
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d", "--wait"});
  ASSERT_TRUE(web_runs()) << up->output();
  up->signal(SIGKILL);
  CommandResult stop = must({"stop"});
  EXPECT_LT(stop.took, patiently(kAtOnce));
  EXPECT_EQ(container("web").state, "exited");
}

TEST_F(Interrupt, NewUpReplacesOneWhoseClientHasDied) {
  never_healthy();
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d", "--wait"});
  ASSERT_TRUE(web_runs()) << up->output();
  up->signal(SIGKILL);
  up->wait(5s);
  project("slow",
          "services:\n  web:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    stop_signal: "
          "SIGKILL\n");
  CommandResult again = must({"up", "-d", "--wait"});
  EXPECT_LT(again.took, patiently(kAtOnce));
}

TEST_F(Interrupt, CtrlCEndsAWaitingForegroundUp) {
  never_healthy();
  project("slow", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    healthcheck: { test: ["CMD", "false"], interval: 1h, start_period: 1h }
  late:
    image: debian:bookworm-slim
    command: sleep infinity
    depends_on: { web: { condition: service_healthy } }
)");
  std::unique_ptr<BackgroundCommand> up = start({"up"});
  ASSERT_TRUE(web_runs()) << up->output();
  up->signal(SIGINT);
  EXPECT_EQ(up->wait(patiently(kAtOnce)), 130) << up->output();
  EXPECT_EQ(container("web").state, "exited");
}

TEST_F(Interrupt, DownEndsAnUpThatRunsAHook) {
  project("hooked", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    post_start: [{ command: ["sleep", "600"] }]
)");
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d"});
  ASSERT_TRUE(web_runs()) << up->output();
  EXPECT_LT(must({"down"}).took, patiently(kAtOnce));
  up->wait(5s);
}

TEST_F(Interrupt, CtrlCEndsTheStepsOfABuild) {
  project("build", "services:\n  app:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo begun && exec sleep 86399\n");
  std::unique_ptr<BackgroundCommand> build = start({"build"});
  ASSERT_TRUE(build->says("begun", 60s)) << build->output();
  build->signal(SIGINT);
  EXPECT_EQ(build->wait(patiently(kAtOnce)), 130) << build->output();
  EXPECT_TRUE(eventually(kAtOnce, [] { return processes_with("86399").empty(); })) << "the step runs on";
}

TEST_F(Interrupt, DownEndsABuildOfUp) {
  project("build", "services:\n  app:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo begun && exec sleep 86398\n");
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d"});
  ASSERT_TRUE(up->says("begun", 60s)) << up->output();
  EXPECT_LT(must({"down"}).took, patiently(kAtOnce));
  EXPECT_EQ(up->wait(patiently(kAtOnce)), 130) << up->output();
  EXPECT_TRUE(eventually(kAtOnce, [] { return processes_with("86398").empty(); })) << "the step runs on";
}

}  // namespace
}  // namespace stack::e2e
