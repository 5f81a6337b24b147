#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/process.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

class Exec : public ::testing::Test {
 protected:
  void SetUp() override {
    box.script("sleep 60");
    box.start();
    ASSERT_TRUE(box.seen().started) << (box.seen().failed ? box.seen().failed->text : "");
  }
  Container box;
};

TEST_F(Exec, RunsInTheContainersNamespacesAndReturnsTheExitCode) {
  Container::ExecResult result = box.exec("hostname; ls /proc | grep -c '^1$'; exit 3");
  EXPECT_EQ(result.output, "box\n1\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST_F(Exec, HasTheContainersCapabilitiesAndFilter) {
  EXPECT_EQ(box.exec("grep -E 'CapEff|CapBnd|CapInh|Seccomp:' /proc/self/status").output,
            "CapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n");
}

// No flag has this bit; the kernel's error shows that flags reach it.
TEST_F(Exec, FlagsOfTheFilterReachTheKernel) {
  box.request.seccomp_flags = 1U << 30;
  Container::ExecResult result = box.exec_process(box.exec_process_json({"true"}));
  ASSERT_TRUE(result.seen.failed);
  EXPECT_NE(result.seen.failed->text.find("seccomp: invalid argument"), std::string::npos)
      << result.seen.failed->text;
}

TEST_F(Exec, IsInTheContainersCgroup) {
  std::string groups = box.exec("cat /proc/self/cgroup").output;
  if (Cgroups::detect()->mode() == CgroupMode::V2) {
    // The cgroup namespace shows the container's own group as the root.
    EXPECT_EQ(groups, "0::/\n");
  } else {
    EXPECT_NE(groups.find("memory:" + box.cgroup()), std::string::npos) << groups;
  }
}

TEST_F(Exec, MissingCommandIs127) {
  Container::ExecResult result = box.exec_process(box.exec_process_json({"nonsense"}));
  ASSERT_TRUE(result.seen.failed);
  EXPECT_EQ(result.seen.failed->exit_code, 127);
}

TEST_F(Exec, UserAndDirectoryAreHonored) {
  Json process = box.exec_process_json({"sh", "-c", "id -u; pwd"});
  process["user"] = {{"uid", 1000}, {"gid", 1000}};
  process["cwd"] = "/tmp";
  EXPECT_EQ(box.exec_process(process).output, "1000\n/tmp\n");
}

TEST_F(Exec, NoDescriptorLeaksIn) {
  EXPECT_EQ(box.exec("ls /proc/self/fd | tr '\\n' ' '").output, "0 1 2 3 ");
}

TEST_F(Exec, HelperIsNotVisibleInside) {
  EXPECT_EQ(box.exec("cat /proc/[0-9]*/comm | sort -u | tr '\\n' ' '").output.find("stack"),
            std::string::npos);
}

TEST_F(Exec, WorkingDirectoryOutsideTheRootIsRejected) {
  Json process = box.exec_process_json({"true"});
  process["cwd"] = "/proc/self/fd/4";
  Container::ExecResult result = box.exec_process(process);
  EXPECT_TRUE(result.seen.failed);
}

TEST_F(Exec, TerminalHasItsSizeAndWeHoldTheMaster) {
  Json process = box.exec_process_json({"sh", "-c", "tty; stty size; sleep 0.2; stty size"});
  process["terminal"] = true;
  process["consoleSize"] = {{"height", 30}, {"width", 90}};
  ExecRequest request;
  request.target_pid = box.pid();
  request.target_pidfd = box.seen().started->pidfd.get();
  request.cgroup_path = box.cgroup();
  request.process = to_text(process);
  request.seccomp_bpf = default_filter();
  Result<ExecSession> session = launch_exec(request, program());
  ASSERT_TRUE(session.has_value());
  Observed seen;
  observe(session->control.get(), seen, [](const Observed& s) { return s.started || s.failed; });
  ASSERT_TRUE(seen.started) << seen.failed->text;
  ASSERT_TRUE(seen.started->stdio.terminal);
  ASSERT_TRUE(resize_terminal(seen.started->stdio.terminal.get(), 50, 120).has_value());
  observe(session->control.get(), seen, [](const Observed& s) { return s.exited.has_value(); });
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(seen.started->stdio.terminal.get(), buffer, sizeof(buffer))) > 0;)
    text.append(buffer, size_t(n));
  EXPECT_NE(text.find("/dev/pts/"), std::string::npos) << text;
  EXPECT_NE(text.find("50 120"), std::string::npos) << text;
  EXPECT_EQ(seen.exited->exit_code, 0);
  ::waitpid(session->pid, nullptr, 0);
}

TEST_F(Exec, EndsWithTheContainer) {
  ExecRequest request;
  request.target_pid = box.pid();
  request.target_pidfd = box.seen().started->pidfd.get();
  request.cgroup_path = box.cgroup();
  request.process = to_text(box.exec_process_json({"sleep", "60"}));
  Result<ExecSession> session = launch_exec(request, program());
  ASSERT_TRUE(session.has_value());
  Observed seen;
  observe(session->control.get(), seen, [](const Observed& s) { return s.started || s.failed; });
  ASSERT_TRUE(seen.started);
  ASSERT_TRUE(signal_pidfd(box.seen().started->pidfd.get(), SIGKILL).has_value());
  observe(session->control.get(), seen, [](const Observed& s) { return s.exited.has_value(); });
  EXPECT_EQ(seen.exited->exit_code, 137);
  ::waitpid(session->pid, nullptr, 0);
  EXPECT_EQ(box.wait(), 137);
}

}  // namespace
}  // namespace stack::runtime::test
