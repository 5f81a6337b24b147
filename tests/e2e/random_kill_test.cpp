// Kills the engine with SIGKILL at random moments of all its operations. After each kill, the next engine responds
// immediately, completes the request, and leaves nothing without an owner.
//
// STACK_TEST_KILLS: number of kills (default 15). STACK_TEST_SEED: repeats a run.
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <random>

#include "kill_project.h"
#include "scenario.h"
#include "unowned.h"

namespace stack::e2e {
namespace {

class RandomKill : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    unsigned seed = number_from("STACK_TEST_SEED", std::random_device{}());
    std::printf("STACK_TEST_SEED=%u\n", seed);
    random_.seed(seed);
    project("kill", kKillProject);
    write("payload", std::string(200'000, 'p'));
  }
  static unsigned number_from(const char* name, unsigned fallback) {
    const char* given = std::getenv(name);
    return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : fallback;
  }
  int up_to(int most) { return std::uniform_int_distribution<int>(0, most)(random_); }

  // Starts a command, kills the engine some time later, and checks that the next one responds immediately.
  std::unique_ptr<BackgroundCommand> kill_during(const std::vector<std::string>& args, int most_ms) {
    std::unique_ptr<BackgroundCommand> command = start(args);
    ::usleep(static_cast<useconds_t>(up_to(most_ms)) * 1000);
    stack().kill_engine();
    CommandResult ps = must({"ps"});
    EXPECT_LE(ps.took, patiently(500ms)) << "ps after the kill";
    return command;
  }
  void expect_success(const std::vector<std::string>& args, int most_ms) {
    std::unique_ptr<BackgroundCommand> command = kill_during(args, most_ms);
    EXPECT_EQ(command->wait(60s), 0) << args[0] << ": " << command->output();
  }
  // Commands that may lose their connection: only their completion counts.
  void expect_end(const std::vector<std::string>& args, int most_ms) {
    std::unique_ptr<BackgroundCommand> command = kill_during(args, most_ms);
    EXPECT_NE(command->wait(60s), -1) << args[0] << " does not end: " << command->output();
  }
  void expect_running(size_t count) {
    std::vector<RunningContainer> all = containers();
    EXPECT_EQ(all.size(), count);
    for (const RunningContainer& one : all) EXPECT_EQ(one.state, "running") << one.name;
  }

  void expect_no_leaks(const std::string& after) {
    std::string found;
    // Namespaces and their links disappear some moments after their last process.
    eventually(10s, [&] { return (found = unowned_objects(stack())).empty(); });
    EXPECT_EQ(found, "") << "after a kill during " << after;
  }

  std::mt19937 random_;
};

TEST_F(RandomKill, LeavesNothingBehindAndLosesNothing) {
  struct Round {
    const char* name;
    std::function<void()> run;
  };
  const std::vector<Round> rounds{
      {"up", [&] { expect_success({"up", "-d"}, 200), expect_running(2); }},
      {"down", [&] { expect_success({"down", "-v"}, 150), expect_nothing_left(); }},
      {"scale", [&] { expect_success({"up", "-d", "--scale", "db=3"}, 200), expect_running(4); }},
      {"scale back", [&] { expect_success({"up", "-d", "--scale", "db=1"}, 150), expect_running(2); }},
      {"recreate",
       [&] { expect_success({"up", "-d", "--force-recreate", "-t", "0"}, 250), expect_running(2); }},
      {"build", [&] { expect_end({"--profile", "build", "build", "--no-cache"}, 900); }},
      {"exec", [&] { expect_end({"exec", "-T", "web", "sh", "-c", "sleep 0.2; echo said"}, 250); }},
      {"run", [&] { expect_end({"run", "--rm", "-T", "web", "sh", "-c", "sleep 0.2; echo said"}, 300); }},
      {"cp", [&] { expect_end({"cp", "payload", "web:/tmp/payload"}, 60); }},
      {"logs", [&] { expect_end({"logs", "db"}, 60); }},
  };
  const unsigned kills = number_from("STACK_TEST_KILLS", 15);
  must({"up", "-d"});
  for (unsigned kill = 1; kill <= kills && !HasFailure(); ++kill) {
    const Round& round = rounds[static_cast<size_t>(up_to(static_cast<int>(rounds.size()) - 1))];
    SCOPED_TRACE("kill " + std::to_string(kill) + ", during " + round.name);
    bool needs_containers = std::string_view(round.name) != "up" && std::string_view(round.name) != "down";
    if (needs_containers && containers().empty()) must({"up", "-d"});
    if (std::string_view(round.name) == "up") must({"down", "-v"});
    round.run();
    expect_no_leaks(round.name);
  }
}

}  // namespace
}  // namespace stack::e2e
