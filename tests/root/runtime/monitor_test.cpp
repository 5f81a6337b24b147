// Logs and attached readers of a monitor.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "monitor_streams.h"

namespace stack::runtime::test {
namespace {

TEST(Monitor, LinesAreSplitAtSixteenKibibytesLikeInDocker) {
  Container box;
  box.script("head -c 40000 /dev/zero | tr '\\0' x; echo; echo end");
  EXPECT_EQ(box.run(), 0);
  std::vector<Json> lines = box.log_lines();
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(string_or(lines[0], "log").size(), 16384u);
  EXPECT_EQ(string_or(lines[1], "log").size(), 16384u);
  EXPECT_EQ(string_or(lines[2], "log").size(), 40000u - 2 * 16384 + 1);
  EXPECT_TRUE(string_or(lines[2], "log").ends_with("\n"));
  EXPECT_EQ(string_or(lines[3], "log"), "end\n");
}

TEST(Monitor, LogLinesAreValidJsonForAnyBytes) {
  Container box;
  box.script("printf 'a\"b\\\\c\\001\\377<>&\\n\\tz'");
  EXPECT_EQ(box.run(), 0);
  std::string raw = read_file(box.folder() + "/state/log.json").value_or("");
  EXPECT_TRUE(raw.starts_with(
      "{\"log\":\"a\\\"b\\\\c\\u0001\\ufffd\\u003c\\u003e\\u0026\\n\",\"stream\":\"stdout\",\"time\":\"20"))
      << raw;
  ASSERT_EQ(box.log_lines().size(), 2u);
  EXPECT_EQ(string_or(box.log_lines()[1], "log"), "\tz");
}

TEST(Monitor, LogIsRotatedAndBounded) {
  Container box;
  box.request.log.max_size = 20000;
  box.request.log.max_file = 3;
  box.script("i=0; while [ $i -lt 1000 ]; do echo line $i of a log that is long enough; i=$((i+1)); done");
  EXPECT_EQ(box.run(), 0);
  EXPECT_TRUE(path_exists(box.folder() + "/state/log.json.2"));
  EXPECT_FALSE(path_exists(box.folder() + "/state/log.json.3"));
  for (const char* file : {"log.json", "log.json.1", "log.json.2"}) {
    EXPECT_FALSE(box.log_lines(file).empty());
    EXPECT_LT(read_file(box.folder() + "/state/" + file)->size(), 20000u + 128 * 1024u);
  }
  EXPECT_EQ(string_or(box.log_lines().back(), "log"), "line 999 of a log that is long enough\n");
}

TEST(Monitor, NoLogDriverWritesNoFile) {
  Container box;
  box.request.log.driver = LogDriver::None;
  box.script("echo x");
  EXPECT_EQ(box.run(), 0);
  EXPECT_FALSE(path_exists(box.request.log.path));
}

TEST(Monitor, AttachedReaderGetsFramesAndWritesStdin) {
  Container box;
  box.request.open_stdin = true;
  box.request.stdin_once = true;
  box.script("while read line; do echo got $line; echo bad >&2; done; echo end");
  ASSERT_TRUE(box.start().started);
  Fd stream = attach(box, {.stdin_open = true, .output = true, .lossless = false, .resume = {}});
  ASSERT_TRUE(stream);
  write_text(stream.get(), "one\ntwo\n");
  ::shutdown(stream.get(), SHUT_WR);
  box.seen().started->stdio.stdin_write.reset();
  std::vector<Frame> frames = read_frames(stream.get());
  EXPECT_EQ(joined(frames, 1), "got one\ngot two\nend\n");
  EXPECT_EQ(joined(frames, 2), "bad\nbad\n");
  EXPECT_EQ(box.wait(), 0);
  EXPECT_TRUE(box.seen().stdin_closed);
}

TEST(Monitor, ReaderRequestedAtTheStartMissesNothing) {
  for (int round = 0; round < 10; ++round) {
    Container box;
    box.request.hold_before_start = true;
    box.script("echo first");
    box.start();
    ASSERT_TRUE(box.seen().created);
    ASSERT_TRUE(send_start(box.monitor().control.get(), 1).has_value());
    // Deliberately late: the command has already exited.
    usleep(30000);
    Fd stream = attach(box, {});
    ASSERT_TRUE(stream) << (box.seen().refused.empty() ? "" : box.seen().refused[0]);
    EXPECT_EQ(joined(read_frames(stream.get()), 1), "first\n");
    EXPECT_EQ(box.wait(), 0);
  }
}

TEST(Monitor, SeveralReadersReceiveTheSameOutput) {
  Container box;
  box.request.open_stdin = true;
  box.script("read go; echo hello");
  ASSERT_TRUE(box.start().started);
  Fd first = attach(box, {.stdin_open = true, .resume = {}}, 1);
  Fd second = attach(box, {}, 2);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  write_text(first.get(), "go\n");
  EXPECT_EQ(joined(read_frames(first.get()), 1), "hello\n");
  EXPECT_EQ(joined(read_frames(second.get()), 1), "hello\n");
  EXPECT_EQ(box.wait(), 0);
}

TEST(Monitor, SlowReaderMissesOutputButNeverBlocksTheContainer) {
  Container box;
  box.request.open_stdin = true;
  box.request.log.driver = LogDriver::None;
  box.script("read go; dd if=/dev/zero bs=64k count=200 2>/dev/null; read again; echo tail");
  ASSERT_TRUE(box.start().started);
  Fd input = attach(box, {.stdin_open = true, .output = false, .resume = {}}, 1);
  Fd slow = attach(box, {}, 2);
  write_text(input.get(), "go\n");
  // 12.5 MB are written while nobody reads, but the command still reaches its second read.
  Container::ExecResult waited = box.exec(
      "i=0; while [ $i -lt 100 ]; do pidof dd >/dev/null || break; sleep 0.05; "
      "i=$((i+1)); done; [ $i -lt 100 ]");
  EXPECT_EQ(waited.exit_code, 0);
  std::vector<Frame> before = read_frames(slow.get(), 1);
  EXPECT_FALSE(before.empty());
  // Make room, then let it write once more.
  char buffer[65536];
  while (::read(slow.get(), buffer, sizeof(buffer)) > 0) {
  }
  write_text(input.get(), "again\n");
  std::string rest;
  for (pollfd poll{slow.get(), POLLIN, 0}; ::poll(&poll, 1, 5000) == 1;) {
    ssize_t n = ::read(slow.get(), buffer, sizeof(buffer));
    if (n <= 0) break;
    rest.append(buffer, static_cast<size_t>(n));
  }
  EXPECT_EQ(box.wait(), 0);
  // A gap frame (4) precedes the later output.
  size_t tail = rest.find("tail\n");
  ASSERT_NE(tail, std::string::npos);
  size_t gap = rest.find(std::string("\4\0\0\0\0\0\0\10", 8));
  ASSERT_NE(gap, std::string::npos);
  EXPECT_LT(gap, tail);
}

TEST(Monitor, SlowButReadingReaderMissesNothing) {
  Container box;
  box.request.open_stdin = true;
  box.request.log.driver = LogDriver::None;
  box.script("read go; dd if=/dev/zero bs=64k count=100 2>/dev/null");
  ASSERT_TRUE(box.start().started);
  Fd reader = attach(box, {.stdin_open = true, .resume = {}});
  write_text(reader.get(), "go\n");
  std::string raw;
  std::vector<char> buffer(128 * 1024);
  for (pollfd poll{reader.get(), POLLIN, 0}; ::poll(&poll, 1, 5000) == 1;) {
    ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    raw.append(buffer.data(), static_cast<size_t>(n));
    usleep(2000);
  }
  size_t payload = 0;
  for (size_t at = 0; at + 8 <= raw.size();) {
    size_t length = 0;
    for (size_t i = 4; i < 8; ++i) length = length << 8 | static_cast<unsigned char>(raw[at + i]);
    EXPECT_NE(raw[at], 4) << "a gap";
    payload += length;
    at += 8 + length;
  }
  EXPECT_EQ(payload, 100u * 65536);
  EXPECT_EQ(box.wait(), 0);
}

TEST(Monitor, NonBlockingLogNeverBlocksTheContainerAndReportsLosses) {
  Container box;
  // The log file is a FIFO whose reader never reads: like a hanging disk.
  ASSERT_EQ(::mkfifo(box.request.log.path.c_str(), 0600), 0);
  Fd reader(::open(box.request.log.path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  box.request.log.buffer_size = 100'000;
  box.script("head -c 3000000 /dev/zero | tr '\\0' x | fold -w 1000; exit 5");
  EXPECT_EQ(box.run(), 5);
  EXPECT_GT(box.seen().exited->log_bytes_dropped, 1'000'000u);
}

TEST(Monitor, NonBlockingLogIsCompleteIfThereIsTime) {
  Container box;
  box.request.log.buffer_size = 1 << 20;
  box.script("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done");
  EXPECT_EQ(box.run(), 0);
  std::vector<Json> lines = box.log_lines();
  ASSERT_EQ(lines.size(), 500u);
  EXPECT_EQ(string_or(lines.back(), "log"), "line 499\n");
  EXPECT_EQ(box.seen().exited->log_bytes_dropped, 0u);
}

TEST(Monitor, LosslessReaderGetsEveryByte) {
  Container box;
  box.request.open_stdin = true;
  box.request.log.driver = LogDriver::None;
  box.script("read go; dd if=/dev/zero bs=64k count=200 2>/dev/null");
  ASSERT_TRUE(box.start().started);
  Fd reader = attach(box, {.stdin_open = true, .output = true, .lossless = true, .resume = {}});
  write_text(reader.get(), "go\n");
  usleep(100000);  // it must wait now
  std::vector<Frame> frames = read_frames(reader.get());
  EXPECT_EQ(joined(frames, 1).size(), 200u * 65536);
  EXPECT_EQ(joined(frames, 4), "");
  EXPECT_EQ(box.wait(), 0);
}

TEST(Monitor, DeadReaderIsForgotten) {
  Container box;
  box.request.open_stdin = true;
  box.script("read go; echo still; exit 4");
  ASSERT_TRUE(box.start().started);
  attach(box, {}, 1).reset();
  Fd input = attach(box, {.stdin_open = true, .resume = {}}, 2);
  write_text(input.get(), "go\n");
  EXPECT_EQ(box.wait(), 4);
  EXPECT_EQ(box.output(), "still\n");
}

TEST(Monitor, TerminalIsAttachedAndResized) {
  Container box;
  box.spec["process"]["terminal"] = true;
  box.spec["process"]["consoleSize"] = {{"height", 24}, {"width", 80}};
  box.script("tty; stty size; read line; echo said $line; stty size; exit 6");
  ASSERT_TRUE(box.start().started) << box.seen().failed->text;
  EXPECT_TRUE(box.seen().started->stdio.terminal);
  Fd stream = attach(box, {.stdin_open = true, .resume = {}});
  ASSERT_TRUE(send_resize(box.monitor().control.get(), 40, 100).has_value());
  usleep(50000);
  write_text(stream.get(), "hi\n");
  EXPECT_EQ(box.wait(), 6);
  std::string text = box.output();
  EXPECT_NE(text.find("/dev/pts/0"), std::string::npos) << text;
  EXPECT_NE(text.find("said hi"), std::string::npos) << text;
  EXPECT_NE(text.find("40 100"), std::string::npos) << text;
}

}  // namespace
}  // namespace stack::runtime::test
