// Commands that cannot be executed, working directories, limits, init.
#include <signal.h>
#include <sys/stat.h>

#include "base/process.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

TEST(Command, MissingCommandIs127WithDockersText) {
  Container box;
  box.command({"nonsense"});
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->exit_code, 127);
  EXPECT_EQ(box.seen().failed->text, "exec: \"nonsense\": executable file not found in $PATH");
  EXPECT_EQ(box.seen().failed->object, "nonsense");
  box.wait();
}

TEST(Command, MissingPathIs127) {
  Container box;
  box.command({"/no/such"});
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->exit_code, 127);
  EXPECT_EQ(box.seen().failed->text, "exec: \"/no/such\": stat /no/such: no such file or directory");
  box.wait();
}

TEST(Command, FileWithoutExecutePermissionIs126) {
  Container box;
  box.command({"/etc/passwd"});
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->exit_code, 126);
  EXPECT_EQ(box.seen().failed->text, "exec: \"/etc/passwd\": permission denied");
  box.wait();
}

TEST(Command, DirectoryIs126) {
  Container box;
  box.command({"/etc"});
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->exit_code, 126);
  box.wait();
}

TEST(Command, TextWithoutInterpreterLineIs126) {
  Container box;
  ASSERT_TRUE(write_file(box.folder() + "/upper/text", "echo hello\n", 0755).has_value());
  box.command({"/text"});
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->exit_code, 126);
  EXPECT_EQ(box.seen().failed->text, "exec: \"/text\": exec format error");
  box.wait();
}

TEST(Command, FailedStartLeavesNoCgroupAndNoSocket) {
  Container box;
  box.command({"nonsense"});
  box.start();
  box.wait();
  EXPECT_FALSE(Cgroups::detect()->exists(box.cgroup()));
  EXPECT_FALSE(path_exists(box.request.run_dir + "/monitor.sock"));
}

TEST(Command, SignalDeathIs128PlusSignal) {
  Container box;
  box.script("kill -9 $$ ; sleep 60");
  // As process 1, the shell ignores its own SIGKILL, so it is sent from outside.
  ASSERT_TRUE(box.start().started);
  ASSERT_TRUE(signal_pidfd(box.seen().started->pidfd.get(), SIGKILL).has_value());
  EXPECT_EQ(box.wait(), 137);
  EXPECT_EQ(box.seen().exited->signal, SIGKILL);
  EXPECT_FALSE(box.seen().exited->oom_killed);
}

TEST(Command, MissingWorkingDirectoryIsCreated) {
  Container box;
  box.spec["process"]["cwd"] = "/srv/app";
  box.script("pwd");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "/srv/app\n");
}

TEST(Command, LimitsAreSetAndImpossibleOnesAreLoweredWithANote) {
  Container box;
  box.spec["process"]["rlimits"] = Json::array({{{"type", "RLIMIT_NOFILE"}, {"soft", 100}, {"hard", 200}},
                                                {{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}}});
  box.script("ulimit -Sn; ulimit -Hn; ulimit -c");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "100\n200\n0\n");
}

TEST(Command, InitReapsOrphansAndForwardsSignals) {
  Container box;
  box.request.use_init = true;
  box.script("trap 'echo got; exit 5' TERM; (sleep 0.01 &) ; echo ready; while :; do sleep 0.05; done");
  ASSERT_TRUE(box.start().started);
  // Process 1 is init, and the orphan leaves no zombie.
  for (int i = 0; i < 100 && box.output().empty(); ++i) usleep(10000);
  Container::ExecResult seen =
      box.exec("sleep 0.1; tr '\\0' ' ' < /proc/1/cmdline; grep -sl 'State:.Z' /proc/[0-9]*/status");
  EXPECT_EQ(seen.output.substr(0, 10), "stack-init");
  EXPECT_EQ(seen.output.find("status"), std::string::npos) << seen.output;
  ASSERT_TRUE(signal_pidfd(box.seen().started->pidfd.get(), SIGTERM).has_value());
  EXPECT_EQ(box.wait(), 5);
  EXPECT_EQ(box.output(), "ready\ngot\n");
}

TEST(Command, HoldWaitsForTheStartMessage) {
  Container box;
  box.request.hold_before_start = true;
  box.script("echo started");
  box.start();
  ASSERT_TRUE(box.seen().created);
  EXPECT_FALSE(box.seen().started);
  EXPECT_GT(box.seen().created->pid, 0);
  EXPECT_EQ(box.output(), "");
  ASSERT_TRUE(send_start(box.monitor().control.get()).has_value());
  observe(box.monitor().control.get(), box.seen(),
          [](const Observed& seen) { return seen.started.has_value(); });
  EXPECT_EQ(box.wait(), 0);
  EXPECT_EQ(box.output(), "started\n");
}

TEST(Command, NotesReportDeviations) {
  Container box;
  box.spec["process"]["rlimits"] =
      Json::array({{{"type", "RLIMIT_NOFILE"}, {"soft", 1 << 30}, {"hard", 1 << 30}}});
  box.script("true");
  box.start();
  // With CAP_SYS_RESOURCE and a high fs.nr_open it may succeed; then there is no note.
  ASSERT_TRUE(box.seen().started || box.seen().failed);
  if (box.seen().started && !box.seen().started->notes.empty()) {
    EXPECT_NE(box.seen().started->notes[0].find("RLIMIT_NOFILE"), std::string::npos);
  }
  box.wait();
}

}  // namespace
}  // namespace stack::runtime::test
