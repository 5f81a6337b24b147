#include "model/random_name.h"

#include <gtest/gtest.h>

#include <set>

namespace stack {
namespace {

TEST(RandomName, ThousandsAreDistinctAndValidContainerNames) {
  std::set<std::string> names;
  for (uint64_t i = 0; i < 5000; ++i) names.insert(random_name(i));
  EXPECT_EQ(names.size(), 5000U);
  for (const std::string& name : names) {
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_NE(name.find('_'), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace stack
