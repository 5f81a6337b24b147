#include "base/json.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

std::string nested(size_t depth, char open, char close) {
  return std::string(depth, open) + std::string(depth, close);
}

TEST(Json, DeepNestingIsAnError) {
  EXPECT_TRUE(parse_json(nested(kDeepestJson, '[', ']')));
  EXPECT_FALSE(parse_json(nested(kDeepestJson + 1, '[', ']')));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(parse_json(objects));
}

TEST(Json, BracketsInTextDoNotCount) {
  EXPECT_TRUE(parse_json("\"" + std::string(10'000, '[') + "\""));
  EXPECT_TRUE(parse_json("[\"\\\"" + std::string(10'000, '{') + "\"]"));
}

}  // namespace
}  // namespace stack
