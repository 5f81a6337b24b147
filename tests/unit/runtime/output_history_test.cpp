#include "runtime/monitor/output_history.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace stack::runtime {
namespace {

// The output for a reader at this position: "o" or "e", its bytes, preceded by "-N" for a gap.
std::string walk(const OutputHistory& history, uint64_t out, uint64_t err) {
  const uint64_t from[2] = {out, err};
  OutputHistory::Walk steps(history, from);
  OutputHistory::Piece piece;
  std::string text;
  while (steps.next(piece)) {
    if (piece.missed > 0) text += "-" + std::to_string(piece.missed) + " ";
    text += (piece.stream == wire::kStreamStderr ? "e:" : "o:") + std::string(piece.bytes, piece.size) + " ";
  }
  return text;
}

void add(OutputHistory& history, wire::Stream stream, const std::string& text) {
  history.add(stream, text.data(), text.size());
}

TEST(OutputHistory, ReaderGetsTheOutputAfterItsPosition) {
  auto history = std::make_unique<OutputHistory>();
  history->begin();
  add(*history, wire::kStreamStdout, "hello ");
  add(*history, wire::kStreamStderr, "oops");
  add(*history, wire::kStreamStdout, "world");
  EXPECT_EQ(walk(*history, 0, 0), "o:hello  e:oops o:world ");
  EXPECT_EQ(walk(*history, 4, 1), "o:o  e:ops o:world ");
  EXPECT_EQ(walk(*history, 6, 4), "o:world ");
  EXPECT_EQ(walk(*history, 11, 4), "");
}

TEST(OutputHistory, OutputBeforeTheHistoryIsAGap) {
  auto history = std::make_unique<OutputHistory>();
  add(*history, wire::kStreamStdout, "lost");
  history->begin();
  add(*history, wire::kStreamStdout, "kept");
  EXPECT_EQ(walk(*history, 1, 0), "-3 o:kept ");
  EXPECT_EQ(walk(*history, 4, 0), "o:kept ");
}

TEST(OutputHistory, OldestOutputIsDroppedWhenFull) {
  auto history = std::make_unique<OutputHistory>();
  history->begin();
  const std::string megabyte(1 << 20, 'x');
  add(*history, wire::kStreamStdout, megabyte);
  add(*history, wire::kStreamStdout, "end");
  std::string text = walk(*history, 0, 0);
  ASSERT_TRUE(text.starts_with("-")) << text.substr(0, 40);
  uint64_t missed = std::stoull(text.substr(1));
  EXPECT_GT(missed, 400'000U);
  EXPECT_LT(missed, 700'000U);
  EXPECT_TRUE(text.ends_with("end "));
  EXPECT_EQ(walk(*history, megabyte.size(), 0), "o:end ");
}

}  // namespace
}  // namespace stack::runtime
