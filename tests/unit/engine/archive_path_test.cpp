#include "engine/container/archive_path.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::engine {
namespace {

class ArchivePath : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(std::move(*TemporaryDirectory::create("/tmp/stack-archive-")));
    ASSERT_TRUE(ensure_directory(folder_->path() + "/root/dir/sub"));
    ASSERT_TRUE(write_file(folder_->path() + "/root/dir/file", "12345"));
    ASSERT_TRUE(write_file(folder_->path() + "/outside", "of the host"));
    ASSERT_EQ(::symlink("../../outside", (folder_->path() + "/root/up").c_str()), 0);
    ASSERT_EQ(::symlink("dir", (folder_->path() + "/root/link").c_str()), 0);
    ASSERT_EQ(::symlink("/link/file", (folder_->path() + "/root/chain").c_str()), 0);
    files_.root = Fd(::open((folder_->path() + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  Result<FoundPath> find(const std::string& path) { return find_path(files_, path, "c1"); }

  std::optional<TemporaryDirectory> folder_;
  runtime::ContainerFiles files_;
};

TEST_F(ArchivePath, StatHasDockersMembers) {
  Result<FoundPath> file = find("dir/file");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->stat["name"], "file");
  EXPECT_EQ(file->stat["size"], 5);
  EXPECT_EQ(file->stat["mode"], 0644);
  EXPECT_EQ(file->stat["linkTarget"], "");
  EXPECT_EQ(find("/dir/")->stat["mode"], (1U << 31) | 0755);
  EXPECT_EQ(find("/")->name, "/");
  EXPECT_EQ(find("/dir/.")->name, ".");
  EXPECT_EQ(find("/dir/sub/..")->name, "dir");
}

TEST_F(ArchivePath, LinksAreShownAndFollowedOnlyWithASlash) {
  Result<FoundPath> link = find("/link");
  ASSERT_TRUE(link);
  EXPECT_EQ(link->stat["mode"].get<uint32_t>() >> 27 & 1, 1U);
  EXPECT_EQ(link->stat["linkTarget"], "/dir");
  EXPECT_EQ(find("/link/")->stat["mode"], (1U << 31) | 0755);
  EXPECT_EQ(find("/chain")->stat["linkTarget"], "/link/file");
}

TEST_F(ArchivePath, NothingOutsideIsFound) {
  EXPECT_TRUE(find("/up")) << "the link itself is there";
  EXPECT_FALSE(find("/up/"));
  EXPECT_FALSE(find("/../outside"));
  EXPECT_FALSE(find("/dir/file/"));
  Result<FoundPath> absent = find("/nothing");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().text(), "Could not find the file /nothing in container c1");
  EXPECT_EQ(absent.error().kind(), ErrorKind::NotFound);
}

TEST(GoFileMode, HasGosBits) {
  EXPECT_EQ(go_file_mode(S_IFREG | 04755), (1U << 23) | 0755);
  EXPECT_EQ(go_file_mode(S_IFDIR | 01777), (1U << 31) | (1U << 20) | 0777);
  EXPECT_EQ(go_file_mode(S_IFCHR | 0600), (1U << 26) | (1U << 21) | 0600);
  EXPECT_EQ(go_file_mode(S_IFIFO | 0600), (1U << 25) | 0600);
}

TEST(PathStatHeader, IsBase64) { EXPECT_EQ(path_stat_header({{"a", 1}}), "eyJhIjoxfQ=="); }

}  // namespace
}  // namespace stack::engine
