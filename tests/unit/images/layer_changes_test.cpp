#include "images/layer/layer_changes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/files.h"

namespace stack::images {
namespace {

class LayerChanges : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(std::move(*TemporaryDirectory::create("/tmp/stack-changes-")));
    for (const char* path : {"/lower/etc/deep", "/lower/opt/old", "/upper"})
      ASSERT_TRUE(ensure_directory(path_of(path)));
    for (const char* file : {"/lower/etc/a", "/lower/etc/b", "/lower/opt/c"})
      ASSERT_TRUE(write_file(path_of(file), "x"));
  }
  std::string path_of(const std::string& name) const { return folder_->path() + name; }
  void add(const std::string& name) {
    ASSERT_TRUE(ensure_directory(directory_name(path_of("/upper" + name))));
    ASSERT_TRUE(write_file(path_of("/upper" + name), "new"));
  }
  // The same mode and times as below, like overlay when it copies up a directory.
  void keep_attributes(const std::string& name) {
    struct stat info{};
    ASSERT_EQ(::stat(path_of("/lower" + name).c_str(), &info), 0);
    timespec times[2] = {info.st_atim, info.st_mtim};
    ASSERT_EQ(::chmod(path_of("/upper" + name).c_str(), info.st_mode & 07777), 0);
    ASSERT_EQ(::utimensat(AT_FDCWD, path_of("/upper" + name).c_str(), times, 0), 0);
  }
  std::string changes(const std::function<bool(const std::string&)>& ignored = {}) {
    Result<LayerView> lower = LayerView::open({path_of("/lower")});
    Result<std::vector<LayerChange>> found = layer_changes(path_of("/upper"), *lower, ignored);
    if (!found) return found.error().text();
    std::string text;
    for (const LayerChange& change : *found)
      text += std::string(1, "CAD"[static_cast<int>(change.kind)]) + change.path + " ";
    return text;
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_F(LayerChanges, AddedChangedAndTheFoldersAbove) {
  EXPECT_EQ(changes(), "");
  add("/etc/a");
  add("/etc/deep/new");
  add("/fresh/x");
  EXPECT_EQ(changes(), "C/etc C/etc/a C/etc/deep A/etc/deep/new A/fresh A/fresh/x ");
}

TEST_F(LayerChanges, FolderThatWasOnlyCopiedUpIsNotAChange) {
  ASSERT_TRUE(ensure_directory(path_of("/upper/etc")));
  keep_attributes("/etc");
  EXPECT_EQ(changes(), "");
  ASSERT_EQ(::chmod(path_of("/upper/etc").c_str(), 0700), 0);
  EXPECT_EQ(changes(), "C/etc ");
}

TEST_F(LayerChanges, WhiteoutsAndOpaqueFoldersAreDeletions) {
  ASSERT_TRUE(ensure_directory(path_of("/upper/etc")));
  ASSERT_TRUE(ensure_directory(path_of("/upper/opt")));
  bool possible = ::mknod(path_of("/upper/etc/a").c_str(), S_IFCHR, makedev(0, 0)) == 0 &&
                  (::setxattr(path_of("/upper/opt").c_str(), "trusted.overlay.opaque", "y", 1, 0) == 0 ||
                   ::setxattr(path_of("/upper/opt").c_str(), "user.overlay.opaque", "y", 1, 0) == 0);
  if (!possible) GTEST_SKIP() << "this user or file system cannot make whiteouts";
  add("/opt/c");
  EXPECT_EQ(changes(), "C/etc D/etc/a C/opt C/opt/c D/opt/old ");
}

TEST_F(LayerChanges, IgnoredPathsDoNotMakeTheirFoldersChanged) {
  add("/etc/hosts");
  ASSERT_EQ(::chmod(path_of("/upper/etc").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path_of("/lower/etc").c_str(), 0755), 0);
  EXPECT_EQ(changes([](const std::string& path) { return path == "/etc/hosts"; }), "");
}

}  // namespace
}  // namespace stack::images
