#include "engine/logs/log_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "base/files.h"
#include "engine/logs/log_archive.h"

namespace stack::logs {
namespace {

constexpr WallTime kStart = WallTime(std::chrono::seconds(1'760'000'000));

WallTime second(int n) { return kStart + std::chrono::seconds(n); }

std::string record(std::string_view text, int at, std::string_view stream = "stdout") {
  return "{\"log\":\"" + std::string(text) + "\",\"stream\":\"" + std::string(stream) + "\",\"time\":\"" +
         rfc3339(second(at)) + "\"}\n";
}

class LogFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TemporaryDirectory> made = TemporaryDirectory::create("/tmp/stack-logs-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
  }
  std::string path(const std::string& suffix = "") const { return folder_->path() + "/c.log" + suffix; }
  void append(std::string_view text, const std::string& suffix = "") const {
    std::ofstream(path(suffix), std::ios::app) << text;
  }
  void rotate(int files) const {
    for (int i = files; i > 0; --i)
      (void)std::rename(path(i > 1 ? "." + std::to_string(i - 1) : "").c_str(),
                        path("." + std::to_string(i)).c_str());
  }
  LogQuery query() const {
    LogQuery q;
    q.path = path();
    return q;
  }
  static LogReader reader(LogQuery q) {
    Result<LogReader> made = LogReader::open(std::move(q));
    EXPECT_TRUE(made) << made.error().text();
    return std::move(*made);
  }
  // All currently available lines, joined by '|'.
  static std::string rest(LogReader& from) {
    std::string all;
    for (;;) {
      Result<std::optional<LogEntry>> entry = from.next();
      EXPECT_TRUE(entry) << entry.error().text();
      if (!entry || !*entry) return all;
      std::string text = (*entry)->text;
      while (text.ends_with('\n')) text.pop_back();
      all += (all.empty() ? "" : "|") + text;
    }
  }
  std::string all(LogQuery q) const {
    LogReader from = reader(std::move(q));
    return rest(from);
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST(LogLine, EscapesStreamAndTimeAreRead) {
  std::optional<LogEntry> entry =
      parse_log_line(R"({"log":"a\t\"b\"\\ é\n","stream":"stderr","time":"2026-01-02T03:04:05.000000006Z"})");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text, "a\t\"b\"\\ \u00e9\n");
  EXPECT_EQ(entry->stream, LogStream::Stderr);
  EXPECT_EQ(rfc3339(entry->time), "2026-01-02T03:04:05.000000006Z");
}

TEST(LogLine, UnicodeEscapesAndOtherMembersGoThroughTheFullParser) {
  std::optional<LogEntry> entry = parse_log_line(
      R"({"log":"\u003cb\u003e\u0000\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-01-02T03:04:05Z"})");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text, std::string("<b>\0\n", 5));
}

TEST(LogLine, OtherTextsAreRejected) {
  for (const char* line :
       {"", "{", "text", R"({"log":"x"})", R"({"log":1,"stream":"stdout","time":"2026-01-02T03:04:05Z"})",
        R"({"log":"x","stream":"other","time":"2026-01-02T03:04:05Z"})",
        R"({"log":"x","stream":"stdout","time":"yesterday"})"})
    EXPECT_FALSE(parse_log_line(line)) << line;
}

TEST_F(LogFiles, MissingLogIsEmpty) {
  LogReader from = reader(query());
  EXPECT_EQ(rest(from), "");
  EXPECT_TRUE(from.finished());
}

TEST_F(LogFiles, RotatedFilesAreReadOldestFirst) {
  append(record("1\\n", 1), ".2");
  append(record("2\\n", 2), ".1");
  append(record("3\\n", 3));
  EXPECT_EQ(all(query()), "1|2|3");
}

TEST_F(LogFiles, CorruptLinesAreSkippedAndCounted) {
  append(record("1\\n", 1) + "\x01\x02{torn\n" + record("2\\n", 2) + "{\"log\":\"3");
  LogReader from = reader(query());
  EXPECT_EQ(rest(from), "1|2");
  EXPECT_EQ(from.skipped(), 1U);
}

TEST_F(LogFiles, PartsOfALineAreJoinedPerStream) {
  append(record("a", 1) + record("x\\n", 2, "stderr") + record("b", 3) + record("c\\n", 4));
  EXPECT_EQ(all(query()), "x|abc");
}

TEST_F(LogFiles, UnfinishedLinesAreReturnedAtTheEnd) {
  append(record("1\\n", 1) + record("bye", 2));
  EXPECT_EQ(all(query()), "1|bye");
}

TEST_F(LogFiles, TailCountsLinesAcrossRotatedFiles) {
  append(record("1\\n", 1) + record("2\\n", 2), ".1");
  append(record("3\\n", 3) + record("4\\n", 4));
  LogQuery q = query();
  for (auto [tail, expected] :
       {std::pair<size_t, std::string>{0, ""}, {1, "4"}, {2, "3|4"}, {3, "2|3|4"}, {9, "1|2|3|4"}}) {
    q.tail = tail;
    EXPECT_EQ(all(q), expected) << "tail " << tail;
  }
}

TEST_F(LogFiles, TailCountsJoinedLinesNotRecords) {
  append(record("1\\n", 1) + record("a", 2) + record("b", 3) + record("e\\n", 4, "stderr") +
         record("c\\n", 5));
  LogQuery q = query();
  q.tail = 1;
  EXPECT_EQ(all(q), "abc");
  q.tail = 2;
  EXPECT_EQ(all(q), "e|abc");
  append(record("end", 6));
  q.tail = 1;
  EXPECT_EQ(all(q), "end");
}

TEST_F(LogFiles, TailCountsOnlyTheWantedStream) {
  append(record("o1\\n", 1) + record("e1\\n", 2, "stderr") + record("o2\\n", 3) + record("o3\\n", 4));
  LogQuery q = query();
  q.tail = 1;
  q.out = false;
  EXPECT_EQ(all(q), "e1");
}

TEST_F(LogFiles, TailOfALongLogIsTheSameAsItsEnd) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += record("line " + std::to_string(i) + "\\n", i);
  append(text);
  LogQuery q = query();
  q.tail = 3;
  EXPECT_EQ(all(q), "line 19997|line 19998|line 19999");
}

TEST_F(LogFiles, SinceAndUntilBoundTheEntries) {
  append(record("1\\n", 1) + record("2\\n", 2) + record("3\\n", 3) + record("4\\n", 4));
  LogQuery q = query();
  q.since = second(2);
  q.until = second(3);
  EXPECT_EQ(all(q), "2|3");
}

TEST_F(LogFiles, FollowReturnsLaterLines) {
  append(record("1\\n", 1));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "1");
  EXPECT_EQ(rest(from), "");
  append(record("2\\n", 2));
  EXPECT_EQ(rest(from), "2");
  EXPECT_FALSE(from.finished());
}

TEST_F(LogFiles, FollowWaitsForAFileThatDoesNotExistYet) {
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "");
  append(record("1\\n", 1));
  EXPECT_EQ(rest(from), "1");
}

TEST_F(LogFiles, FollowLosesNothingAcrossRotations) {
  append(record("1\\n", 1));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "1");
  append(record("2\\n", 2));
  rotate(3);
  append(record("3\\n", 3));
  EXPECT_EQ(rest(from), "2|3");
  append(record("4\\n", 4));
  rotate(3);
  append(record("5\\n", 5));
  rotate(3);
  append(record("6\\n", 6));
  EXPECT_EQ(rest(from), "4|5|6");
}

TEST_F(LogFiles, FollowContinuesWithTheOldestFileIfItsOwnWasRotatedAway) {
  append(record("1\\n", 1));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "1");
  for (int i = 2; i <= 4; ++i) {
    rotate(2);
    append(record(std::to_string(i) + "\\n", i));
  }
  EXPECT_EQ(rest(from), "2|3|4");
}

TEST_F(LogFiles, FollowHoldsBackUnfinishedLinesUntilTheContainerExits) {
  append(record("Password: ", 1));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "");
  from.finish();
  EXPECT_EQ(rest(from), "Password: ");
  EXPECT_TRUE(from.finished());
}

TEST_F(LogFiles, TruncatedFileIsReadFromItsBeginning) {
  append(record("1\\n", 1) + record("2\\n", 2));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  EXPECT_EQ(rest(from), "1|2");
  ASSERT_EQ(::truncate(path().c_str(), 0), 0);
  EXPECT_EQ(rest(from), "");
  append(record("3\\n", 3));
  EXPECT_EQ(rest(from), "3");
}

TEST_F(LogFiles, EndlessRecordNeitherFillsMemoryNorHidesLaterLines) {
  append(record("1\\n", 1) + std::string(size_t{9} << 20, 'x') + "\n" + record("2\\n", 2));
  LogReader from = reader(query());
  EXPECT_EQ(rest(from), "1|2");
  EXPECT_EQ(from.skipped(), 1U);
}

TEST_F(LogFiles, EndlessLineIsCutAtTheLimit) {
  std::string text;
  for (int i = 0; i < 80; ++i) text += record(std::string(16'384, 'y'), i);
  append(text);
  LogReader from = reader(query());
  Result<std::optional<LogEntry>> first = from.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->text.size(), kLongestLine);
}

TEST(LogLine, AttributesAreRead) {
  std::optional<LogEntry> entry = parse_log_line(
      R"({"log":"a\n","stream":"stdout","attrs":{"tag":"web","X":"1"},"time":"2026-01-02T03:04:05Z"})");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->text, "a\n");
  EXPECT_EQ(entry->attributes, (std::map<std::string, std::string>{{"X", "1"}, {"tag", "web"}}));
}

// ---- compressed files ----

TEST_F(LogFiles, CompressedFilesAreReadInOrder) {
  for (int i = 1; i <= 4; ++i) {
    append(record(std::to_string(i) + "\\n", i));
    if (i < 4) rotate(3);
  }
  ASSERT_TRUE(compress_rotated(path(), 4));
  EXPECT_FALSE(path_exists(path(".1")));
  EXPECT_TRUE(path_exists(path(".1.gz")));
  EXPECT_TRUE(path_exists(path(".3.gz")));
  EXPECT_FALSE(path_exists(path(".compressing")));
  EXPECT_EQ(all(query()), "1|2|3|4");
  LogQuery tail = query();
  tail.tail = 3;
  EXPECT_EQ(all(tail), "2|3|4");
  // gunzip(1) can read it as well.
  EXPECT_EQ(::system(("gzip -t " + path(".2.gz")).c_str()), 0);
}

TEST_F(LogFiles, FollowContinuesInItsCompressedFile) {
  append(record("1\\n", 1) + record("2\\n", 2));
  LogQuery q = query();
  q.follow = true;
  LogReader from = reader(q);
  Result<std::optional<LogEntry>> first = from.next();
  ASSERT_TRUE(first && *first);
  rotate(3);
  append(record("3\\n", 3));
  rotate(3);
  append(record("4\\n", 4));
  ASSERT_TRUE(compress_rotated(path(), 4));
  EXPECT_EQ(rest(from), "2|3|4");
}

// Compression frees an inode, which the next log file gets, so that several files may have had the same one.
TEST_F(LogFiles, FilesAreDistinguishedIfTheKernelReusesAnInode) {
  for (int i = 1; i <= 4; ++i) {
    append(record(std::to_string(i) + "\\n", i));
    if (i == 4) break;
    for (int k = 4; k > 0; --k)
      for (const char* suffix : {"", ".gz"})
        (void)std::rename(path((k > 1 ? "." + std::to_string(k - 1) : "") + suffix).c_str(),
                          path("." + std::to_string(k) + suffix).c_str());
    ASSERT_TRUE(compress_rotated(path(), 5));
    ::usleep(10'000);
  }
  std::set<uint64_t> inodes;
  for (const char* file : {"", ".1", ".2", ".3"}) inodes.insert(identity_of(path(file))->inode);
  if (inodes.size() == 4) GTEST_SKIP() << "this file system does not use inodes again at once";
  EXPECT_EQ(all(query()), "1|2|3|4");
  LogQuery tail = query();
  tail.tail = 3;
  EXPECT_EQ(all(tail), "2|3|4");
}

TEST_F(LogFiles, CompressedFilesOlderThanSinceAreNotOpened) {
  append(record("1\\n", 1));
  rotate(2);
  ASSERT_TRUE(compress_rotated(path(), 3));
  std::optional<LogIdentity> identity = identity_of(path(".1"));
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->compressed);
  EXPECT_LT(std::chrono::system_clock::now() - identity->modified, std::chrono::minutes(1));
}

TEST_F(LogFiles, TruncatedCompressedFileReturnsItsIntactPart) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += record(std::to_string(i * 7919) + "\\n", i);
  append(text);
  rotate(2);
  ASSERT_TRUE(compress_rotated(path(), 3));
  std::string bytes = read_file(path(".1.gz")).value_or("");
  ASSERT_TRUE(write_file(path(".1.gz"), bytes.substr(0, bytes.size() / 2)));
  append(record("last\\n", 1));
  std::string got = all(query());
  EXPECT_TRUE(got.starts_with("0|7919|15838|")) << got.substr(0, 100);
  EXPECT_TRUE(got.ends_with("|last"));
}

TEST_F(LogFiles, UncompressedFileWithTheSuffixIsSkipped) {
  ASSERT_TRUE(write_file(path(".1.gz"), "not a gzip file"));
  append(record("1\\n", 1));
  EXPECT_EQ(all(query()), "1");
}

}  // namespace
}  // namespace stack::logs
