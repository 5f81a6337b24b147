#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/process.h"

using namespace stack;

TEST(Process, SignalsThatNobodyCanIgnoreAreNoticed) {
  EXPECT_TRUE(notices_signal(::getpid(), SIGKILL));
  EXPECT_TRUE(notices_signal(::getpid(), SIGSTOP));
  EXPECT_FALSE(notices_signal(::getpid(), SIGUSR2)) << "no handler";
}
