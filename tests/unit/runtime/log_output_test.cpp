#include "runtime/monitor/log_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

TEST(JsonLog, TextIsEscapedLikeInGo) {
  EXPECT_EQ(escaped("plain \xc3\xa9 \xf0\x9f\x98\x80"), "plain \xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(escaped("\"\\\n\r\t\x01<>&"), "\\\"\\\\\\n\\r\\t\\u0001\\u003c\\u003e\\u0026");
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
}

TEST(JsonLog, InvalidUtf8BecomesTheReplacementCharacter) {
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
  Fd directory{::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  wire::LogValues values;
  LogOutput file;
  LineLogger logger{wire::kStreamStdout};

  void open(int64_t max_size, int max_file) {
    values.driver = wire::kLogJson;
    values.max_size = max_size;
    values.max_file = max_file;
    std::snprintf(values.name, sizeof(values.name), "log");
    file.open(directory.get(), values, (folder.path() + "/journal").c_str());
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

TEST_F(Logged, LinesAreAssembledFromPieces) {
  open(0, 1);
  add("one\ntw");
  add("o\n\nthr");
  add("ee");
  logger.finish(file);
  file.flush();
  EXPECT_EQ(messages(), (std::vector<std::string>{"one\n", "two\n", "\n", "three"}));
}

TEST_F(Logged, LineOfExactlyTheLimitIsOnePartialAndAnEmptyRest) {
  open(0, 1);
  add(std::string(kLongestMessage, 'x') + "\nnext\n");
  file.flush();
  std::vector<std::string> got = messages();
  ASSERT_EQ(got.size(), 3u);
  EXPECT_EQ(got[0].size(), kLongestMessage);
  EXPECT_EQ(got[1], "\n");
  EXPECT_EQ(got[2], "next\n");
}

TEST_F(Logged, ControlCharactersNeverSplitALineAcrossFiles) {
  open(200000, 3);
  for (int i = 0; i < 20; ++i) add(std::string(kLongestMessage, '\x01'));
  file.flush();
  for (const char* name : {"log", "log.1", "log.2"}) {
    for (const std::string& message : messages(name)) EXPECT_EQ(message.size(), kLongestMessage);
  }
}

TEST_F(Logged, SingleFileIsTruncatedWhenFull) {
  open(1000, 1);
  for (int i = 0; i < 100; ++i) {
    add("a line of some length " + std::to_string(i) + "\n");
    file.flush();
  }
  EXPECT_LT(read_file(folder.path() + "/log")->size(), 1200u);
  EXPECT_FALSE(path_exists(folder.path() + "/log.1"));
  EXPECT_EQ(messages().back(), "a line of some length 99\n");
}

TEST_F(Logged, ExistingFileIsContinued) {
  open(0, 1);
  add("one\n");
  file.flush();
  file.close();
  open(0, 1);
  add("two\n");
  file.flush();
  EXPECT_EQ(messages(), (std::vector<std::string>{"one\n", "two\n"}));
}

TEST_F(Logged, FilesExceedMaxSizeByAtMostOneRecord) {
  open(2000, 3);
  for (int i = 0; i < 200; ++i) add("a line of some length " + std::to_string(i) + "\n");
  file.flush();
  for (const char* name : {"log", "log.1", "log.2"})
    EXPECT_LT(read_file(folder.path() + "/" + name)->size(), 2000u + 120u) << name;
  EXPECT_FALSE(path_exists(folder.path() + "/log.3"));
}

TEST_F(Logged, CompressedFilesAreRotatedWithTheOthers) {
  ASSERT_TRUE(write_file(folder.path() + "/log.1.gz", "one"));
  ASSERT_TRUE(write_file(folder.path() + "/log.2.gz", "two"));
  ASSERT_TRUE(write_file(folder.path() + "/log.3.gz", "three"));
  open(100, 4);
  add(std::string(200, 'x') + "\n");
  file.flush();
  add("next\n");
  file.flush();
  EXPECT_EQ(*read_file(folder.path() + "/log.2.gz"), "one");
  EXPECT_EQ(*read_file(folder.path() + "/log.3.gz"), "two");
  EXPECT_FALSE(path_exists(folder.path() + "/log.1.gz"));
  EXPECT_TRUE(path_exists(folder.path() + "/log.1"));
}

TEST_F(Logged, LockedNamesDoNotChange) {
  open(100, 3);
  Fd lock{::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  add(std::string(200, 'x') + "\n");
  file.flush();
  add("two\n");
  file.flush();
  EXPECT_FALSE(path_exists(folder.path() + "/log.1"));
  ::flock(lock.get(), LOCK_UN);
  add("three\n");
  file.flush();
  EXPECT_TRUE(path_exists(folder.path() + "/log.1"));
  EXPECT_EQ(messages(), (std::vector<std::string>{"three\n"}));
  EXPECT_EQ(messages("log.1").back(), "two\n");
}

TEST_F(Logged, AttributesPrecedeTheTimeInEachRecord) {
  std::string text = ",\"attrs\":{\"com.example\":\"a\"}";
  values.fields_size = static_cast<uint32_t>(text.copy(values.fields, sizeof(values.fields)));
  open(0, 1);
  add("one\n");
  file.flush();
  std::string line = read_file(folder.path() + "/log").value_or("");
  EXPECT_TRUE(line.starts_with(
      "{\"log\":\"one\\n\",\"stream\":\"stdout\",\"attrs\":{\"com.example\":\"a\"},\"time\":\""))
      << line;
}

// ---- non-blocking ----

TEST_F(Logged, NonBlockingWritesTheSameLinesThroughAnotherProcess) {
  values.buffer_size = 1 << 20;
  open(0, 1);
  for (int i = 0; i < 5000; ++i) add("line " + std::to_string(i) + "\n");
  file.close();
  std::vector<std::string> got = messages();
  ASSERT_EQ(got.size(), 5000u);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(got[static_cast<size_t>(i)], "line " + std::to_string(i) + "\n");
  EXPECT_EQ(file.dropped_bytes(), 0u);
}

// The log file is a FIFO that nobody reads, like a hanging disk.
TEST_F(Logged, NonBlockingModeNeverWaitsAndCountsDroppedBytes) {
  // As the monitor does.
  ::signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(::mkfifo((folder.path() + "/log").c_str(), 0600), 0);
  Fd reader{::open((folder.path() + "/log").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  values.buffer_size = 100'000;
  open(0, 1);
  auto begin = std::chrono::steady_clock::now();
  std::string line = std::string(999, 'x') + "\n";
  for (int i = 0; i < 3000; ++i) {
    add(line);
    file.flush();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  // At least the bytes that do not fit: 100 kB wait, and pipes and buffers hold some more.
  EXPECT_GT(file.dropped_bytes(), 1'500'000u);
  reader.reset();
  file.close();
}

// ---- journald ----

class Journaled : public Logged {
 protected:
  Fd journal{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};

  void listen() {
    ::unlink((folder.path() + "/journal").c_str());
    journal.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal", folder.path().c_str());
    ASSERT_EQ(::bind(journal.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  std::string receive() {
    std::string bytes(64 * 1024, '\0');
    ssize_t n = ::recv(journal.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
    return bytes;
  }
  void open_journal() {
    std::string text = "CONTAINER_NAME=web\n";
    values.fields_size = static_cast<uint32_t>(text.copy(values.fields, sizeof(values.fields)));
    open(0, 1);
    values.driver = wire::kLogJournal;
    file.close();
    file.open(directory.get(), values, (folder.path() + "/journal").c_str());
  }
};

TEST_F(Journaled, MessagesAreSentInItsProtocolAndKeptInAFileForReading) {
  listen();
  open_journal();
  add("hello\n");
  file.flush();
  std::string got = receive();
  EXPECT_TRUE(got.starts_with("CONTAINER_NAME=web\nPRIORITY=6\nSYSLOG_TIMESTAMP=20")) << got;
  EXPECT_TRUE(got.ends_with(std::string("MESSAGE\n\5\0\0\0\0\0\0\0hello\n", 22))) << got;
  EXPECT_EQ(got.find("PARTIAL"), std::string::npos);
  EXPECT_EQ(messages(), (std::vector<std::string>{"hello\n"}));
  EXPECT_EQ(read_file(folder.path() + "/log").value_or("").find("CONTAINER_NAME"), std::string::npos);
}

TEST_F(Journaled, PartsOfALongLineAreNumberedUnderOneId) {
  listen();
  open_journal();
  add(std::string(kLongestMessage + 10, 'x') + "\n");
  std::string first = receive();
  std::string second = receive();
  EXPECT_NE(
      first.find(
          "CONTAINER_PARTIAL_ORDINAL=1\nCONTAINER_PARTIAL_LAST=false\nCONTAINER_PARTIAL_MESSAGE=true\n"),
      std::string::npos);
  EXPECT_NE(second.find("CONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=true\n"), std::string::npos);
  auto id_of = [](const std::string& text) {
    size_t at = text.find("CONTAINER_PARTIAL_ID=");
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(id_of(first), id_of(second));
}

TEST_F(Journaled, RestartedJournalIsReconnected) {
  open_journal();
  add("lost\n");
  EXPECT_EQ(file.dropped_bytes(), 4u);
  listen();
  add("found\n");
  EXPECT_NE(receive().find("found"), std::string::npos);
  EXPECT_EQ(file.dropped_bytes(), 4u);
}

}  // namespace
}  // namespace stack::runtime
