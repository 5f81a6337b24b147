// inotify below a directory, with changes like those of editors and version control.
#include "cli/watch/file_events.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstdio>

#include "base/files.h"

namespace stack::cli {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::create("/tmp/file-events-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
    ASSERT_TRUE(ensure_directory(path("a/b")));
    ASSERT_TRUE(ensure_directory(path("skipped")));
    ASSERT_TRUE(write_file(path("a/file"), "1"));
    auto events =
        FileEvents::open([this](const std::string& directory) { return directory == path("skipped"); });
    ASSERT_TRUE(events);
    events_.emplace(std::move(*events));
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }

  // Reads events until they include `wanted`.
  bool tells(const std::string& wanted) {
    while (!told_.contains(wanted)) {
      pollfd ready{events_->fd(), POLLIN, 0};
      if (::poll(&ready, 1, 5000) != 1) return false;
      auto more = events_->read();
      if (!more) return false;
      told_.merge(*more);
    }
    return true;
  }

  std::optional<TemporaryDirectory> folder_;
  std::optional<FileEvents> events_;
  std::set<std::string> told_;
};

TEST_F(Files, WrittenRemovedAndRenamedFilesAreReported) {
  ASSERT_TRUE(events_->add(folder_->path()));
  ASSERT_TRUE(write_file(path("a/b/new"), "1"));
  EXPECT_TRUE(tells(path("a/b/new")));
  ASSERT_EQ(std::rename(path("a/b/new").c_str(), path("a/moved").c_str()), 0);
  EXPECT_TRUE(tells(path("a/moved")));
  ASSERT_EQ(std::remove(path("a/file").c_str()), 0);
  EXPECT_TRUE(tells(path("a/file")));
}

TEST_F(Files, NewDirectoriesAreWatchedWithTheirContents) {
  ASSERT_TRUE(events_->add(folder_->path()));
  ASSERT_TRUE(ensure_directory(path("c/d")));
  ASSERT_TRUE(write_file(path("c/d/file"), "1"));
  EXPECT_TRUE(tells(path("c/d/file")));
  told_.clear();
  ASSERT_TRUE(write_file(path("c/d/file"), "2"));
  EXPECT_TRUE(tells(path("c/d/file")));
}

TEST_F(Files, RenamedDirectoryIsReportedUnderItsNewName) {
  ASSERT_TRUE(events_->add(folder_->path()));
  ASSERT_EQ(std::rename(path("a").c_str(), path("z").c_str()), 0);
  EXPECT_TRUE(tells(path("z/file")));
  EXPECT_TRUE(told_.contains(path("a")));
  told_.clear();
  ASSERT_TRUE(write_file(path("z/b/x"), "1"));
  EXPECT_TRUE(tells(path("z/b/x")));
}

TEST_F(Files, ReplacementOfAFileByRenameIsDetected) {
  ASSERT_TRUE(events_->add(path("a/file")));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(write_file(path("a/temporary"), "new"));
    ASSERT_EQ(std::rename(path("a/temporary").c_str(), path("a/file").c_str()), 0);
    EXPECT_TRUE(tells(path("a/file")));
    EXPECT_FALSE(told_.contains(path("a/temporary"))) << "its neighbors are nobody's";
    told_.clear();
  }
}

TEST_F(Files, SkippedDirectoriesCostNothing) {
  ASSERT_TRUE(events_->add(folder_->path()));
  ASSERT_TRUE(write_file(path("skipped/x"), "1"));
  ASSERT_TRUE(write_file(path("a/seen"), "1"));
  EXPECT_TRUE(tells(path("a/seen")));
  EXPECT_FALSE(told_.contains(path("skipped/x")));
}

}  // namespace
}  // namespace stack::cli
