#include "base/children.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

namespace stack {
namespace {

// A child that leaves a grandchild behind, which exits immediately.
pid_t child_with_orphan() {
  pid_t child = ::fork();
  if (child != 0) return child;
  if (::fork() == 0) ::_exit(0);
  ::_exit(0);
}

TEST(Children, OnlyInheritedChildrenAreReaped) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  pid_t own = spawn_noted(child_with_orphan);
  ASSERT_GT(own, 0);
  int reaped = 0;
  for (int i = 0; i < 500 && reaped == 0; ++i) {
    reaped = reap_inherited_children();
    ::usleep(10'000);
  }
  EXPECT_EQ(reaped, 1);
  Result<int> status = wait_for(own);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(exit_code_of(*status), 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(Children, SpawnRecordsItsChildren) {
  SpawnRequest request;
  request.program = "true";
  Result<pid_t> pid = spawn(request);
  ASSERT_TRUE(pid) << pid.error().text();
  ::usleep(100'000);
  EXPECT_EQ(reap_inherited_children(), 0);
  EXPECT_TRUE(wait_for(*pid));
}

}  // namespace
}  // namespace stack
