#include "runtime/watch/json_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"

namespace stack::runtime {
namespace {

std::string time_text(int64_t seconds, int64_t nanoseconds) {
  char text[64];
  TextWriter out(text, sizeof(text));
  add_time(out, seconds, nanoseconds);
  return out.done();
}

std::string escaped(const std::string& bytes) {
  std::string out;
  escape_json(
      bytes.data(), bytes.size(),
      [](void* to, const char* piece, size_t size) { static_cast<std::string*>(to)->append(piece, size); },
      &out);
  return out;
}

TEST(JsonLog, TimesAreRfc3339WithNanosecondsWithoutTrailingZeros) {
  EXPECT_EQ(time_text(0, 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(time_text(951782400, 0), "2000-02-29T00:00:00Z");
  EXPECT_EQ(time_text(1709251199, 123456789), "2024-02-29T23:59:59.123456789Z");
  EXPECT_EQ(time_text(1735689600, 120000000), "2025-01-01T00:00:00.12Z");
  EXPECT_EQ(time_text(4102444799, 1), "2099-12-31T23:59:59.000000001Z");
}

TEST(JsonLog, TextIsEscapedAsGoDoes) {
  EXPECT_EQ(escaped("plain \xc3\xa9 \xf0\x9f\x98\x80"), "plain \xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(escaped("\"\\\n\r\t\x01<>&"), "\\\"\\\\\\n\\r\\t\\u0001\\u003c\\u003e\\u0026");
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
}

TEST(JsonLog, BrokenUtf8BecomesTheReplacementCharacter) {
  EXPECT_EQ(escaped("a\xff"
                    "b"),
            "a\\ufffdb");
  EXPECT_EQ(escaped("\xc3"), "\\ufffd");
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd");
  EXPECT_EQ(escaped("\xc0\xaf"), "\\ufffd\\ufffd");
  EXPECT_EQ(escaped("\xf5\x80\x80\x80"), "\\ufffd\\ufffd\\ufffd\\ufffd");
}

TEST(JsonLog, EveryByteSequenceGivesValidJson) {
  uint32_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 20; ++i) bytes += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    EXPECT_TRUE(parse_json("\"" + escaped(bytes) + "\"").has_value());
  }
}

class Logged : public ::testing::Test {
 protected:
  TemporaryDirectory folder = std::move(*TemporaryDirectory::create("/tmp/stack-log-"));
  Fd directory{::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  LogFile file;
  LineLogger logger{"stdout"};

  void open(int64_t max_size, int max_file) {
    wire::LogValues values;
    values.driver = wire::kLogJson;
    values.max_size = max_size;
    values.max_file = max_file;
    std::snprintf(values.name, sizeof(values.name), "log");
    file.open(directory.get(), values);
  }
  void add(const std::string& text) { logger.add(file, text.data(), text.size()); }
  std::vector<std::string> messages(const std::string& name = "log") {
    std::vector<std::string> out;
    std::string text = read_file(folder.path() + "/" + name).value_or("");
    for (size_t at = 0; at < text.size();) {
      size_t end = text.find('\n', at);
      out.push_back(string_or(*parse_json(text.substr(at, end - at)), "log"));
      at = end + 1;
    }
    return out;
  }
};

TEST_F(Logged, LinesComeTogetherFromPieces) {
  open(0, 1);
  add("one\ntw");
  add("o\n\nthr");
  add("ee");
  logger.finish(file);
  flush_log(file);
  EXPECT_EQ(messages(), (std::vector<std::string>{"one\n", "two\n", "\n", "three"}));
}

TEST_F(Logged, LineOfExactlyTheLimitIsOnePartialAndAnEmptyRest) {
  open(0, 1);
  add(std::string(kLongestMessage, 'x') + "\nnext\n");
  flush_log(file);
  std::vector<std::string> got = messages();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].size(), kLongestMessage);
  EXPECT_EQ(got[1], "\n");
  EXPECT_EQ(got[2], "next\n");
}

TEST_F(Logged, ControlCharactersNeverTearALineAcrossFiles) {
  open(200000, 3);
  for (int i = 0; i < 20; ++i) add(std::string(kLongestMessage, '\x01'));
  flush_log(file);
  for (const char* name : {"log", "log.1", "log.2"}) {
    for (const std::string& message : messages(name)) EXPECT_EQ(message.size(), kLongestMessage);
  }
}

TEST_F(Logged, SingleFileIsCutWhenFull) {
  open(1000, 1);
  for (int i = 0; i < 100; ++i) {
    add("a line of some length " + std::to_string(i) + "\n");
    flush_log(file);
  }
  EXPECT_LT(read_file(folder.path() + "/log")->size(), 1200u);
  EXPECT_FALSE(path_exists(folder.path() + "/log.1"));
  EXPECT_EQ(messages().back(), "a line of some length 99\n");
}

TEST_F(Logged, ExistingFileIsContinued) {
  open(0, 1);
  add("one\n");
  flush_log(file);
  file.close();
  open(0, 1);
  add("two\n");
  flush_log(file);
  EXPECT_EQ(messages(), (std::vector<std::string>{"one\n", "two\n"}));
}

}  // namespace
}  // namespace stack::runtime
