#include "cli/render/progress/transfer_model.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

using std::chrono::milliseconds;

Json layer(const char* id, const char* phase, int64_t current, int64_t total) {
  return {{"event", "pull"},    {"id", 1},       {"layer", id}, {"phase", phase},
          {"current", current}, {"total", total}};
}

TEST(TransferModel, ShowsAColumnPerLayerThenBytesAndSpeed) {
  TransferModel model;
  TransferModel::Time now{};
  EXPECT_EQ(model.text(now), "");
  model.apply(layer("a", "waiting", 0, 1000), now);
  model.apply(layer("b", "present", 0, 500), now);
  EXPECT_EQ(model.text(now), "⠀⣿ 500B/1.5kB");
  model.apply(layer("a", "downloading", 250, 1000), now);
  model.apply(layer("a", "downloading", 500, 1000), now + milliseconds(1000));
  EXPECT_EQ(model.text(now + milliseconds(1000)), "⣤⣿ 1kB/1.5kB 250B/s");
  model.apply(layer("a", "extracting", 0, 1000), now + milliseconds(1500));
  EXPECT_EQ(model.text(now + milliseconds(1500)), "⣿⣿ 1.5kB/1.5kB extracting");
  model.apply(layer("a", "complete", 1000, 1000), now + milliseconds(1600));
  EXPECT_EQ(model.text(now + milliseconds(1600)), "⣿⣿ 1.5kB/1.5kB");
}

TEST(TransferModel, WaitIsShownUntilBytesMoveAgain) {
  TransferModel model;
  TransferModel::Time now{};
  model.apply(layer("a", "downloading", 1, 10), now);
  model.apply({{"event", "pull"}, {"id", 1}, {"text", "trying again in 5s"}}, now);
  EXPECT_EQ(model.text(now), "⠀ 1B/10B  trying again in 5s");
  model.apply(layer("a", "downloading", 5, 10), now);
  EXPECT_EQ(model.text(now), "⣤ 5B/10B");
}

TEST(TransferModel, PlainLinesForMainPhases) {
  EXPECT_EQ(plain_transfer_text(layer("a", "downloading", 1, 10)), "");
  EXPECT_EQ(plain_transfer_text(layer("a", "downloaded", 10, 10)), "a Downloaded 10B");
  EXPECT_EQ(plain_transfer_text(layer("a", "present", 0, 10)), "a Already exists");
  EXPECT_EQ(plain_transfer_text({{"text", "hello"}}), "hello");
}

}  // namespace
}  // namespace stack::cli
