#include "base/copy_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "base/rooted_path.h"

namespace stack {
namespace {

struct Trees {
  TemporaryDirectory top = *TemporaryDirectory::create("/tmp/copy_tree_test");
  std::string from = top.path() + "/from";
  std::string to = top.path() + "/to";
  Trees() {
    (void)ensure_directory(from);
    (void)ensure_directory(to);
  }
  Result<> copy(const CopyOptions& options = {}) const {
    Fd source = *open_file(from, O_RDONLY | O_DIRECTORY);
    Fd target = *open_file(to, O_RDONLY | O_DIRECTORY);
    return copy_tree(source.get(), target.get(), options);
  }
  struct stat info(const std::string& name) const {
    struct stat out{};
    EXPECT_EQ(::lstat((to + "/" + name).c_str(), &out), 0) << name;
    return out;
  }
};

TEST(CopyTree, ContentsModesAndTimesAreCopied) {
  Trees trees;
  ASSERT_TRUE(ensure_directory(trees.from + "/d", 0751));
  ASSERT_TRUE(write_file(trees.from + "/d/f", "hello", 0640));
  timespec times[2] = {{1000, 5}, {2000, 7}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (trees.from + "/d/f").c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (trees.from + "/d").c_str(), times, 0), 0);
  ASSERT_TRUE(trees.copy());
  EXPECT_EQ(*read_file(trees.to + "/d/f"), "hello");
  EXPECT_EQ(trees.info("d/f").st_mode & 07777, 0640u);
  EXPECT_EQ(trees.info("d/f").st_mtim.tv_sec, 2000);
  EXPECT_EQ(trees.info("d/f").st_mtim.tv_nsec, 7);
  EXPECT_EQ(trees.info("d").st_mode & 07777, 0751u);
  EXPECT_EQ(trees.info("d").st_mtim.tv_sec, 2000) << "set after its entries were made";
}

TEST(CopyTree, LinksAreCopiedAndNeverFollowed) {
  Trees trees;
  ASSERT_EQ(::symlink("/etc/passwd", (trees.from + "/abs").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", (trees.from + "/dangling").c_str()), 0);
  ASSERT_TRUE(trees.copy());
  EXPECT_TRUE(S_ISLNK(trees.info("abs").st_mode));
  char target[64] = {};
  ASSERT_GT(::readlink((trees.to + "/dangling").c_str(), target, sizeof target - 1), 0);
  EXPECT_STREQ(target, "nowhere");
}

TEST(CopyTree, TargetLinkInPlaceOfADirectoryIsRejected) {
  Trees trees;
  ASSERT_TRUE(ensure_directory(trees.from + "/d"));
  ASSERT_TRUE(write_file(trees.from + "/d/f", "x"));
  ASSERT_TRUE(ensure_directory(trees.top.path() + "/outside"));
  ASSERT_EQ(::symlink("../outside", (trees.to + "/d").c_str()), 0);
  EXPECT_FALSE(trees.copy());
  EXPECT_FALSE(path_exists(trees.top.path() + "/outside/f"));
}

TEST(CopyTree, HardLinksStayLinked) {
  Trees trees;
  ASSERT_TRUE(write_file(trees.from + "/a", "one"));
  ASSERT_TRUE(ensure_directory(trees.from + "/d"));
  ASSERT_EQ(::link((trees.from + "/a").c_str(), (trees.from + "/d/b").c_str()), 0);
  ASSERT_TRUE(trees.copy());
  EXPECT_EQ(trees.info("a").st_ino, trees.info("d/b").st_ino);
}

TEST(CopyTree, HolesStayHoles) {
  Trees trees;
  Fd file = *open_file(trees.from + "/sparse", O_RDWR | O_CREAT);
  ASSERT_EQ(::ftruncate(file.get(), 64 << 20), 0);
  ASSERT_EQ(::pwrite(file.get(), "end", 3, (64 << 20) - 3), 3);
  ASSERT_TRUE(trees.copy());
  EXPECT_EQ(trees.info("sparse").st_size, 64 << 20);
  EXPECT_LT(trees.info("sparse").st_blocks * 512, 1 << 20);
  Fd copy = *open_file(trees.to + "/sparse", O_RDONLY);
  char end[3];
  ASSERT_EQ(::pread(copy.get(), end, 3, (64 << 20) - 3), 3);
  EXPECT_EQ(std::string_view(end, 3), "end");
}

TEST(CopyTree, PipesAreCreatedUnopenedAndSocketsSkipped) {
  Trees trees;
  ASSERT_EQ(::mkfifo((trees.from + "/pipe").c_str(), 0600), 0);
  ASSERT_EQ(::mknod((trees.from + "/sock").c_str(), S_IFSOCK | 0600, 0), 0);
  ASSERT_TRUE(trees.copy());
  EXPECT_TRUE(S_ISFIFO(trees.info("pipe").st_mode));
  EXPECT_FALSE(path_exists(trees.to + "/sock"));
}

TEST(CopyTree, UserAttributesAreCopiedButNotOverlays) {
  Trees trees;
  std::string file = trees.from + "/f";
  ASSERT_TRUE(write_file(file, "x"));
  if (::setxattr(file.c_str(), "user.color", "red", 3, 0) != 0) GTEST_SKIP() << "no user attributes here";
  ASSERT_EQ(::setxattr(file.c_str(), "user.overlay.opaque", "y", 1, 0), 0);
  ASSERT_TRUE(trees.copy());
  char value[8] = {};
  EXPECT_EQ(::getxattr((trees.to + "/f").c_str(), "user.color", value, sizeof value), 3);
  EXPECT_EQ(::getxattr((trees.to + "/f").c_str(), "user.overlay.opaque", value, sizeof value), -1);
}

TEST(CopyTree, FilteredEntriesAreSkippedWithTheirContents) {
  Trees trees;
  ASSERT_TRUE(ensure_directory(trees.from + "/no/deep"));
  ASSERT_TRUE(write_file(trees.from + "/no/deep/f", "x"));
  ASSERT_TRUE(write_file(trees.from + "/yes", "x"));
  CopyOptions options;
  options.wanted = [](std::string_view path, const struct stat&) { return path != "no"; };
  ASSERT_TRUE(trees.copy(options));
  EXPECT_TRUE(path_exists(trees.to + "/yes"));
  EXPECT_FALSE(path_exists(trees.to + "/no"));
}

TEST(RootedPath, AbsoluteLinksAndDotsStayBelowTheRoot) {
  Trees trees;
  ASSERT_TRUE(ensure_directory(trees.from + "/etc"));
  ASSERT_TRUE(write_file(trees.from + "/etc/passwd", "inner"));
  ASSERT_EQ(::symlink("/etc/passwd", (trees.from + "/link").c_str()), 0);
  Fd root = *open_file(trees.from, O_PATH | O_DIRECTORY);
  for (std::string path : {"link", "/link", "../../etc/passwd", "etc/../../../etc/passwd"}) {
    Result<Fd> file = open_below(root.get(), path, O_RDONLY);
    ASSERT_TRUE(file) << path << ": " << file.error().text();
    EXPECT_EQ(*read_all(file->get()), "inner") << path;
  }
  EXPECT_FALSE(open_below_without_links(root.get(), "link", O_RDONLY));
  EXPECT_FALSE(open_below(root.get(), "/proc/self/root/etc", O_RDONLY));
}

}  // namespace
}  // namespace stack
