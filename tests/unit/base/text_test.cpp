#include "base/text.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

TEST(Nearest, SwappedNeighborsAreOneMistake) {
  std::vector<std::string> names{"image", "init", "ipc"};
  EXPECT_EQ(nearest("imgae", names), "image");
  EXPECT_EQ(nearest("iamge", names), "image");
}

TEST(Nearest, FindsMissingExtraAndWrongLetters) {
  std::vector<std::string> names{"environment", "env_file", "expose"};
  EXPECT_EQ(nearest("enviroment", names), "environment");
  EXPECT_EQ(nearest("environments", names), "environment");
  EXPECT_EQ(nearest("Expase", names), "expose");
}

TEST(Nearest, SuggestsNothingForAnUnrelatedWord) {
  std::vector<std::string> names{"image", "ports"};
  EXPECT_EQ(nearest("completely", names), "");
  EXPECT_EQ(nearest("x", names), "");
}

}  // namespace
}  // namespace stack
