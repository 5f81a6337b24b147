// R1, R4, R5: the engine and the monitors are killed or stopped.
#include <signal.h>
#include <unistd.h>

#include "tests/e2e/kill_project.h"
#include "row.h"

namespace stack::reliability {
namespace {

class EngineRow : public Row {
 protected:
  struct Lives {
    std::map<std::string, std::pair<pid_t, uint64_t>> by_name;  // PID and start time
    bool operator==(const Lives&) const = default;
  };
  Lives lives() {
    Lives all;
    for (const e2e::RunningContainer& one : containers())
      all.by_name[one.name] = {one.pid, e2e::start_time_of(one.pid)};
    return all;
  }
  // Begins a command and kills the engine some time later; then the engine must answer.
  std::unique_ptr<BackgroundCommand> kill_during(const std::vector<std::string>& args, unsigned most_ms) {
    std::unique_ptr<BackgroundCommand> command = start(args);
    ::usleep(up_to(most_ms) * 1000);
    stack().kill_engine();
    timed(measure([&] { must({"ps"}); }));
    return command;
  }
  void expect_code(const std::vector<std::string>& args, unsigned most_ms, int code) {
    std::unique_ptr<BackgroundCommand> command = kill_during(args, most_ms);
    EXPECT_EQ(command->wait(60s), code) << args[0] << ": " << command->output();
  }
  void expect_end(const std::vector<std::string>& args, unsigned most_ms) {
    std::unique_ptr<BackgroundCommand> command = kill_during(args, most_ms);
    EXPECT_NE(command->wait(60s), -1) << args[0] << " does not end: " << command->output();
  }
  void expect_running(size_t number) {
    std::vector<e2e::RunningContainer> all = containers();
    EXPECT_EQ(all.size(), number);
    for (const e2e::RunningContainer& one : all) EXPECT_EQ(one.state, "running") << one.name;
  }
};

TEST_F(EngineRow, R1_KilledEngine) {
  begin("R1", "engine killed during up, down, scale, recreate, build, exec, run, cp, logs",
        "`ps` after the kill");
  project("kill", e2e::kKillProject);
  write("payload", std::string(200'000, 'p'));
  struct Round {
    std::string name;
    bool keeps_containers;
    std::function<void()> run;
  };
  const std::vector<Round> rounds{
      {"up", false, [&] { expect_code({"up", "-d"}, 200, 0), expect_running(2); }},
      {"down", false, [&] { expect_code({"down", "-v"}, 150, 0), expect_nothing_left(); }},
      {"scale", false, [&] { expect_code({"up", "-d", "--scale", "db=3"}, 200, 0), expect_running(4); }},
      {"scale back", false, [&] { expect_code({"up", "-d", "--scale", "db=1"}, 150, 0), expect_running(2); }},
      {"recreate", false,
       [&] { expect_code({"up", "-d", "--force-recreate", "-t", "0"}, 250, 0), expect_running(2); }},
      {"build", true, [&] { expect_end({"--profile", "build", "build", "--no-cache"}, 600); }},
      {"exec", true, [&] { expect_code({"exec", "-T", "web", "sh", "-c", "sleep 0.2; exit 7"}, 250, 7); }},
      {"run", true,
       [&] {
         expect_code({"run", "--rm", "-T", "--no-deps", "web", "sh", "-c", "sleep 0.2; exit 9"}, 300, 9);
       }},
      {"cp", true, [&] { expect_end({"cp", "payload", "web:/tmp/payload"}, 60); }},
      {"logs", true, [&] { expect_end({"logs", "db"}, 60); }},
  };
  must({"up", "-d"});
  for (unsigned i = count(20, 400); i > 0; --i) {
    const Round& round = rounds[up_to(static_cast<unsigned>(rounds.size()) - 1)];
    once(round.name, [&] {
      if (round.name == "up") must({"down", "-v"});
      if (round.name != "up" && round.name != "down" && containers().empty()) must({"up", "-d"});
      Lives before = lives();
      round.run();
      EXPECT_TRUE(!round.keeps_containers || before == lives()) << "containers were restarted";
      expect_no_leaks();
    });
  }
}

TEST_F(EngineRow, R4_KilledMonitor) {
  begin("R4", "monitor of a container killed", "new monitor");
  project("kill", e2e::kKillProject);
  must({"up", "-d"});
  for (unsigned i = count(10, 100); i > 0; --i) {
    once("monitor", [&] {
      Lives before = lives();
      std::vector<pid_t> monitors = e2e::processes_with("stack-monitor");
      ASSERT_FALSE(monitors.empty());
      pid_t victim = monitors[up_to(static_cast<unsigned>(monitors.size()) - 1)];
      ::kill(victim, SIGKILL);
      timed(measure([&] {
        EXPECT_TRUE(eventually(5s, [&] {
          std::vector<pid_t> now = e2e::processes_with("stack-monitor");
          return now.size() == monitors.size() && std::find(now.begin(), now.end(), victim) == now.end();
        }));
      }));
      EXPECT_TRUE(before == lives()) << "containers were restarted";
      EXPECT_EQ(inside("db", "echo alive"), "alive");
      expect_no_leaks();
    });
  }
}

TEST_F(EngineRow, R5_StoppedEngine) {
  begin("R5", "engine stopped for seconds (SIGSTOP), then continued");
  project("kill", e2e::kKillProject);
  must({"up", "-d"});
  for (unsigned i = count(2, 20); i > 0; --i) {
    once("stop", [&] {
      Lives before = lives();
      pid_t engine = stack().engine_pid();
      ::kill(engine, SIGSTOP);
      ::usleep(2'000'000);
      EXPECT_FALSE(e2e::start_time_of(before.by_name.begin()->second.first) == 0);
      ::kill(engine, SIGCONT);
      EXPECT_TRUE(before == lives()) << "containers were restarted";
      expect_no_leaks();
    });
  }
}

}  // namespace
}  // namespace stack::reliability
