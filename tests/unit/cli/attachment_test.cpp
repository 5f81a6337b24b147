#include "cli/session/attachment.h"

#include <gtest/gtest.h>

#include "cli/flags/shell_words.h"
#include "cli/render/frames.h"

namespace stack::cli {
namespace {

std::string frame(char stream, const std::string& content) {
  std::string out{stream, 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(content.size() >> shift & 0xff);
  return out + content;
}

TEST(Frames, StreamsAreSeparatedForAnySplit) {
  std::string bytes = frame(1, "hello ") + frame(2, "oops") + frame(1, "") + frame(1, "world");
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::string out;
    std::string err;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(
          reader.feed(std::string_view(bytes).substr(at, piece),
                      [&](int stream, std::string_view content) { (stream == 2 ? err : out) += content; }));
    }
    EXPECT_EQ(out, "hello world") << piece;
    EXPECT_EQ(err, "oops") << piece;
  }
}

TEST(Frames, ContentIsPassedOnBeforeTheFrameIsComplete) {
  FrameReader reader;
  std::string out;
  std::string bytes = frame(1, "hello");
  ASSERT_TRUE(reader.feed(std::string_view(bytes).substr(0, 10), [&](int, std::string_view c) { out += c; }));
  EXPECT_EQ(out, "he");
}

TEST(Frames, UnframedBytesAreAnError) {
  FrameReader reader;
  EXPECT_FALSE(reader.feed("plain text!", [](int, std::string_view) {}));
}

TEST(StartFailure, ErrorTextsGiveShellExitCodes) {
  EXPECT_EQ(start_failure_code(invalid("exec: \"nope\": executable file not found in $PATH"), 1), 127);
  EXPECT_EQ(start_failure_code(invalid("exec /x: Permission denied"), 1), 126);
  EXPECT_EQ(start_failure_code(Error("out of memory"), 1), 1);
  EXPECT_EQ(start_failure_code(Error(ErrorKind::NoCommand, "x"), 1), 127);
}

TEST(ShellWords, QuotesAndEscapesJoinWords) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(shell_words("sh -c 'a b' \"c \\\" d\" e\\ f").value(),
            (Words{"sh", "-c", "a b", "c \" d", "e f"}));
  EXPECT_EQ(shell_words("").value(), Words{});
  EXPECT_EQ(shell_words("''").value(), Words{""});
  EXPECT_FALSE(shell_words("a 'b"));
}

}  // namespace
}  // namespace stack::cli
