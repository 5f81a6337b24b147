// The engine is killed with SIGKILL repeatedly; nothing may be lost or left behind.
#include <signal.h>
#include <unistd.h>

#include <random>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Crash : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    const char* given = std::getenv("STACK_TEST_SEED");
    unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device{}();
    std::printf("STACK_TEST_SEED=%u\n", seed);
    random_.seed(seed);
  }
  void shop() {
    project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    ports: ["18080:8000"]
    depends_on: [db, cache]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
    networks: [default, back]
  cache:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
volumes:
  data:
networks:
  back:
)");
  }
  void pause(int most_ms) {
    ::usleep(static_cast<useconds_t>(std::uniform_int_distribution<int>(0, most_ms)(random_)) * 1000);
  }
  // Runs a command and kills the engine some time after its start, once or twice.
  void run_under_fire(const std::vector<std::string>& args, int most_ms) {
    std::unique_ptr<BackgroundCommand> command = start(args);
    for (int i = std::uniform_int_distribution<int>(1, 2)(random_); i > 0; --i) {
      pause(most_ms);
      stack().kill_engine();
      ++kills_;
    }
    EXPECT_EQ(command->wait(60s), 0) << args[0] << " with its engine killed: " << command->output();
  }
  std::map<std::string, uint64_t> start_times() {
    std::map<std::string, uint64_t> times;
    for (const RunningContainer& one : containers()) times[one.name + " " + one.id] = start_time_of(one.pid);
    return times;
  }

  std::mt19937 random_;
  int kills_ = 0;
};

TEST_F(Crash, TwentyKillsDuringUpAndDownLoseNothing) {
  shop();
  must({"ls"});
  for (int round = 0; kills_ < 20 && !HasFailure(); ++round) {
    run_under_fire({"up", "-d"}, 150);
    ASSERT_EQ(containers().size(), 3U) << "round " << round;
    for (const RunningContainer& one : containers())
      EXPECT_EQ(one.state, "running") << one.name << " in round " << round;
    // If everything is up, a kill changes nothing.
    std::map<std::string, uint64_t> before = start_times();
    stack().kill_engine();
    ++kills_;
    must({"ps"});
    EXPECT_EQ(start_times(), before) << "round " << round;
    run_under_fire({"down", "-v"}, 150);
    expect_nothing_left();
  }
}

TEST_F(Crash, KillsDuringReplacementsLeaveOneContainerPerService) {
  shop();
  must({"up", "-d"});
  for (int round = 0; round < 5 && !HasFailure(); ++round) {
    run_under_fire({"up", "-d", "--force-recreate", "-t", "0"}, 200);
    std::vector<RunningContainer> all = containers();
    ASSERT_EQ(all.size(), 3U) << "round " << round;
    EXPECT_EQ(all[0].name, "shop-cache-1");
    EXPECT_EQ(all[1].name, "shop-db-1");
    EXPECT_EQ(all[2].name, "shop-web-1");
    for (const RunningContainer& one : all) EXPECT_EQ(one.state, "running") << one.name;
  }
}

TEST_F(Crash, KilledMonitorDoesNotEndTheContainer) {
  shop();
  must({"up", "-d", "db"});
  RunningContainer before = container("db");
  uint64_t started = start_time_of(before.pid);
  // The launcher becomes the monitor right after it has reported the start.
  std::vector<pid_t> monitors;
  ASSERT_TRUE(eventually(5s, [&] {
    monitors = processes_with("stack-monitor");
    return monitors.size() == 1;
  }));
  ::kill(monitors[0], SIGKILL);
  ::usleep(300'000);
  EXPECT_EQ(start_time_of(before.pid), started) << "the container lives";
  EXPECT_EQ(container("db").id, before.id);
  must({"down", "-v"});
}

TEST_F(Crash, EngineRestartsWhenContainersNeedIt) {
  shop();
  must({"up", "-d"});
  pid_t first = stack().engine_pid();
  stack().kill_engine();
  EXPECT_TRUE(eventually(10s, [&] {
    pid_t now = stack().engine_pid();
    return now != 0 && now != first;
  })) << "a monitor starts the engine again";
}

TEST_F(Crash, InterruptedClientDoesNotCancelItsRequest) {
  shop();
  std::unique_ptr<BackgroundCommand> up = start({"up", "-d"});
  pause(60);
  up->signal(SIGKILL);
  up->wait();
  must({"up", "-d"});
  EXPECT_EQ(containers().size(), 3U);
  for (const RunningContainer& one : containers()) EXPECT_EQ(one.state, "running");
}

TEST_F(Crash, AttachmentsContinueWithTheNextEngine) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'while [ ! -e /go ]; do sleep 0.1; done; echo after; exit 7'
)");
  must({"up", "-d"});
  auto ours = start({"attach", "web"});
  auto dockers = start({"docker", "attach", "shop-web-1"});
  EXPECT_TRUE(eventually(5s, [&] { return stack().engine_pid() != 0; }));
  std::this_thread::sleep_for(300ms);
  stack().kill_engine();
  must({"ps"});
  std::this_thread::sleep_for(500ms);
  must({"exec", "-T", "web", "touch", "/go"});
  EXPECT_EQ(ours->wait(), 7) << ours->output();
  EXPECT_EQ(dockers->wait(), 7) << dockers->output();
  EXPECT_NE(ours->output().find("after"), std::string::npos) << ours->output();
  EXPECT_NE(dockers->output().find("after"), std::string::npos) << dockers->output();
}

TEST_F(Crash, EventsContinueWithTheNextEngine) {
  project(
      "shop",
      "services: {web: {image: \"debian:bookworm-slim\", command: sleep infinity, stop_signal: SIGKILL}}");
  must({"up", "-d"});
  auto ours = start({"events"});
  auto dockers = start({"docker", "events"});
  auto both_show = [&](const std::string& text) {
    return eventually(5s, [&] {
      return ours->output().find(text) != std::string::npos &&
             dockers->output().find(text) != std::string::npos;
    });
  };
  std::this_thread::sleep_for(300ms);
  must({"pause"});
  EXPECT_TRUE(both_show("pause")) << ours->output() << dockers->output();
  stack().kill_engine();
  must({"unpause"});
  EXPECT_TRUE(both_show("unpause")) << ours->output() << dockers->output();
  ours->signal(SIGINT);
  dockers->signal(SIGINT);
}

// Each transfer takes longer than the engine lives.
TEST_F(Crash, TransfersBeginAgain) {
  std::string folder = directory_name(stack().root());
  std::string archive = folder + "/saved.tar";
  must({"docker", "tag", "debian:bookworm-slim", "copy:1"});
  for (int i = 0; i < 3; ++i) {
    auto save = start({"docker", "save", "-o", archive, "copy:1"});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 30 * i));
    stack().kill_engine();
    EXPECT_EQ(save->wait(), 0) << save->output();
    auto load = start({"docker", "load", "-i", archive});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 60 * i));
    stack().kill_engine();
    EXPECT_EQ(load->wait(), 0) << load->output();
    EXPECT_NE(load->output().find("Loaded image: copy:1"), std::string::npos) << load->output();
  }
}

TEST_F(Crash, FollowedLogsContinueWithTheNextEngine) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'printf "no line "; i=0; while [ ! -e /go ]; do i=$$((i+1)); echo line $$i; sleep 0.05; done; echo after'
)");
  must({"up", "-d"});
  auto lines = start({"docker", "logs", "-f", "shop-web-1"});
  std::this_thread::sleep_for(700ms);
  for (int kills = 0; kills < 3; ++kills) {
    stack().kill_engine();
    must({"ps"});
    std::this_thread::sleep_for(400ms);
  }
  must({"exec", "-T", "web", "touch", "/go"});
  EXPECT_EQ(lines->wait(), 0) << lines->output();
  EXPECT_EQ(lines->output(), must({"docker", "logs", "shop-web-1"}).out) << "each line once";
  EXPECT_EQ(lines->output().find("no line line 1\nline 2\n"), 0U) << lines->output();
}

}  // namespace
}  // namespace stack::e2e
