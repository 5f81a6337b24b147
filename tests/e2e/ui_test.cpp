// `stack ui` in a terminal (tmux).
#include <cstdlib>

#include "command.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class Ui : public Scenario {
 protected:
  void SetUp() override {
    if (!path_exists("/usr/bin/tmux")) GTEST_SKIP() << "tmux is not installed";
    Scenario::SetUp();
    project("shop", R"(
services:
  db:
    image: debian:bookworm-slim
    command: sh -c 'echo database ready; exec sleep infinity'
    stop_signal: SIGKILL
  web:
    image: debian:bookworm-slim
    command: sh -c 'echo page one; echo other; exec sleep infinity'
    stop_signal: SIGKILL
    depends_on: [db]
)");
  }
  void TearDown() override {
    if (stack_ui_) tmux({"kill-server"});
    if (!IsSkipped()) Scenario::TearDown();
  }
  CommandResult tmux(std::vector<std::string> args) {
    args.insert(args.begin(), {"/usr/bin/tmux", "-S", folder() + "/tmux", "-f", "/dev/null"});
    return run_command(args);
  }
  void open(const std::string& command = "-p shop ui") {
    stack_ui_ = true;
    CommandResult started = tmux({"new-session", "-d", "-x", "100", "-y", "30", "-c", folder() + "/shop",
                                  program_folder() + "/stack --root " + stack().root() + " --run-root " +
                                      stack().run_root() + " " + command + "; sleep 100"});
    ASSERT_EQ(started.code, 0) << started.text();
  }
  void keys(const std::string& text) { tmux({"send-keys", text}); }
  std::string screen() { return tmux({"capture-pane", "-p"}).out; }
  ::testing::AssertionResult shows(const std::string& text) {
    if (eventually(10s, [&] { return screen().find(text) != std::string::npos; }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "\"" << text << "\" is not on the screen:\n" << screen();
  }

 private:
  bool stack_ui_ = false;
};

TEST_F(Ui, ShowsServicesLogsAndProcessesAndControlsServices) {
  must({"up", "-d"});
  open();
  EXPECT_TRUE(shows("> db"));
  EXPECT_TRUE(shows("database ready"));
  keys("j");
  EXPECT_TRUE(shows("> web"));
  EXPECT_TRUE(shows("page one"));
  keys("/");
  keys("page");
  keys("Enter");
  EXPECT_TRUE(eventually(10s, [&] { return screen().find("other") == std::string::npos; })) << screen();
  keys("Escape");
  EXPECT_TRUE(shows("other"));
  keys("t");
  EXPECT_TRUE(shows("sleep infinity"));
  pid_t before = container("web").pid;
  keys("r");
  EXPECT_TRUE(shows("restarting web: done"));
  EXPECT_NE(container("web").pid, before);
  keys("s");
  EXPECT_TRUE(shows("exited"));
  EXPECT_EQ(container("web").state, "exited");
  keys("q");
  EXPECT_TRUE(eventually(10s, [&] { return screen().find("SERVICE") == std::string::npos; })) << screen();
  EXPECT_EQ(container("db").state, "running");
}

TEST_F(Ui, TheMenuOfUpOpensTheDashboardAndStops) {
  open("up --menu");
  EXPECT_TRUE(shows("o: open the dashboard"));
  EXPECT_TRUE(shows("page one"));
  keys("o");
  ASSERT_TRUE(shows("dashboard: http://127.0.0.1:"));
  const std::string before = "dashboard: http://127.0.0.1:";
  const std::string text = screen();
  const int port = std::atoi(text.c_str() + text.find(before) + before.size());
  EXPECT_TRUE(tcp_connects("127.0.0.1", port));
  keys("q");
  EXPECT_TRUE(shows("Gracefully Stopping"));
  EXPECT_TRUE(eventually(20s, [&] { return container("web").state == "exited"; }));
  EXPECT_TRUE(eventually(20s, [&] { return !tcp_connects("127.0.0.1", port); }));
}

TEST_F(Ui, WithoutATerminalItIsAnError) {
  must({"up", "-d"});
  CommandResult piped = run({"ui"});
  EXPECT_EQ(piped.code, 1);
  EXPECT_NE(piped.err.find("needs a terminal"), std::string::npos) << piped.text();
}

}  // namespace
}  // namespace stack::e2e
