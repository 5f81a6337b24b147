#include <gtest/gtest.h>

#include "base/text.h"

namespace stack {
namespace {

const std::vector<std::string> kWords{"build", "image", "restart", "start"};

TEST(Nearest, SwappedLettersCountOnce) {
  EXPECT_EQ(nearest("buidl", kWords), "build");
  EXPECT_EQ(nearest("imgae", kWords), "image");
}

TEST(Nearest, TheFewestChangesWin) {
  EXPECT_EQ(nearest("stat", kWords), "start");
  EXPECT_EQ(nearest("Restrt", kWords), "restart");
}

TEST(Nearest, DistantWordsAreNotSuggested) { EXPECT_EQ(nearest("xyzzy", kWords), ""); }

TEST(Nearest, SingleLettersAreNotSuggestedForEachOther) {
  const std::vector<std::string> letters{"a", "c"};
  EXPECT_EQ(nearest("b", letters), "");
  EXPECT_EQ(nearest("C", letters), "c");
}

}  // namespace
}  // namespace stack
