#include "base/detach_keys.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

std::string typed(DetachKeys& keys, const std::string& text, bool expect_detached = false) {
  bool detached = false;
  std::string out = keys.filter(text, detached);
  EXPECT_EQ(detached, expect_detached);
  return out;
}

TEST(DetachKeys, TheSequenceDetachesEvenInPieces) {
  DetachKeys keys = DetachKeys::parse(kDefaultDetachKeys).value();
  EXPECT_EQ(typed(keys, "ab\x10"), "ab");
  EXPECT_EQ(typed(keys, "\x11z", true), "");
}

TEST(DetachKeys, BrokenSequenceIsPassedOnCompletely) {
  DetachKeys keys = DetachKeys::parse(kDefaultDetachKeys).value();
  EXPECT_EQ(typed(keys, "\x10"), "");
  EXPECT_EQ(typed(keys, "x"), "\x10x");
  EXPECT_EQ(typed(keys, "\x10\x10"), "\x10");
  EXPECT_EQ(typed(keys, "\x11", true), "");
}

TEST(DetachKeys, AreParsedLikeInDocker) {
  EXPECT_TRUE(DetachKeys::parse("ctrl-a,d"));
  EXPECT_TRUE(DetachKeys::parse("ctrl-\\"));
  EXPECT_FALSE(DetachKeys::parse("ctrl-1"));
  EXPECT_FALSE(DetachKeys::parse("alt-x"));
  DetachKeys none = DetachKeys::parse("").value();
  EXPECT_EQ(typed(none, "\x10\x11"), "\x10\x11");
}

}  // namespace
}  // namespace stack
