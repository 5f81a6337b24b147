#include "engine/container/attach_stream.h"

#include <gtest/gtest.h>

namespace stack::engine {
namespace {

const std::string kGapOfNine = stream_frame(4, std::string("\0\0\0\0\0\0\0\11", 8));

TEST(FrameSelector, PassesCompleteFramesOnForAnySplit) {
  std::string all =
      stream_frame(1, "hello") + stream_frame(2, "oops") + stream_frame(1, std::string(70'000, 'x'));
  for (size_t piece : {size_t{1}, size_t{3}, size_t{8}, size_t{4096}, all.size()}) {
    FrameSelector selector(false, true, true);
    std::string out;
    for (size_t at = 0; at < all.size(); at += piece)
      out += selector.take(std::string_view(all).substr(at, piece));
    EXPECT_EQ(out, all) << piece;
  }
}

TEST(FrameSelector, OmitsUnselectedStreams) {
  std::string all = stream_frame(1, "out") + stream_frame(2, "err");
  EXPECT_EQ(FrameSelector(false, true, false).take(all), stream_frame(1, "out"));
  EXPECT_EQ(FrameSelector(false, false, true).take(all), stream_frame(2, "err"));
}

TEST(FrameSelector, TerminalsGetRawBytes) {
  EXPECT_EQ(FrameSelector(true, true, true).take(stream_frame(1, "a") + stream_frame(1, "b")), "ab");
}

// Docker's clients support streams 0 to 2 and fail for others.
TEST(FrameSelector, GapBecomesALineOnStderr) {
  std::string out = FrameSelector(false, true, true).take(kGapOfNine + stream_frame(1, "after"));
  EXPECT_EQ(out, stream_frame(2, "[9 bytes of output dropped: the client reads too slowly]\r\n") +
                     stream_frame(1, "after"));
  EXPECT_EQ(FrameSelector(false, true, false).take(kGapOfNine), "");
}

}  // namespace
}  // namespace stack::engine
