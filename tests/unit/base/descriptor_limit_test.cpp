#include "base/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace stack {
namespace {

TEST(DescriptorLimit, IsRaisedAndTheOriginalIsRemembered) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(set_descriptor_limit(256));
  ASSERT_TRUE(raise_descriptor_limit());
  rlimit raised{};
  ::getrlimit(RLIMIT_NOFILE, &raised);
  EXPECT_EQ(raised.rlim_cur, std::min<rlim_t>(raised.rlim_max, 1 << 20));
  EXPECT_EQ(callers_descriptor_limit(), 256U);
  ASSERT_TRUE(set_descriptor_limit(*callers_descriptor_limit()));
  ::getrlimit(RLIMIT_NOFILE, &raised);
  EXPECT_EQ(raised.rlim_cur, 256U);
  EXPECT_EQ(raised.rlim_max, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace stack
