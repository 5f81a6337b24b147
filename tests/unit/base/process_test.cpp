#include "base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"

namespace stack {
namespace {

// The descriptors of ls itself; 3 is the directory that it reads.
std::string descriptors_of_a_child(std::map<int, int> fds) {
  SpawnRequest request;
  request.program = "ls";
  request.args = {"-m", "/proc/self/fd"};
  request.fds = std::move(fds);
  auto run = run_captured(std::move(request));
  return run ? run->output : run.error().text();
}

TEST(Process, SignalsThatCannotBeIgnoredAreNoticed) {
  EXPECT_TRUE(notices_signal(::getpid(), SIGKILL));
  EXPECT_TRUE(notices_signal(::getpid(), SIGSTOP));
  EXPECT_FALSE(notices_signal(::getpid(), SIGUSR2)) << "no handler";
}

TEST(Spawn, ChildrenHaveOnlyTheirOwnDescriptors) {
  Fd leaking(::open("/dev/null", O_RDONLY));
  Fd high(::fcntl(leaking.get(), F_DUPFD, 200));
  ASSERT_TRUE(leaking && high);
  EXPECT_EQ(descriptors_of_a_child({}), "0, 1, 2, 3\n");
  EXPECT_EQ(descriptors_of_a_child({{5, leaking.get()}}), "0, 1, 2, 3, 5\n");
}

}  // namespace
}  // namespace stack
