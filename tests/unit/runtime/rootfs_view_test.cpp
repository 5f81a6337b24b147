// Paths below a root, with links that try to leave it. Requires no privileges.
#include "runtime/rootfs/rootfs_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::runtime {
namespace {

class Root : public ::testing::Test {
 protected:
  TemporaryDirectory folder = std::move(*TemporaryDirectory::create("/tmp/stack-root-"));
  std::string path = folder.path() + "/root";
  Fd root;
  void SetUp() override {
    ASSERT_TRUE(ensure_directory(path + "/etc").has_value());
    ASSERT_TRUE(ensure_directory(folder.path() + "/outside").has_value());
    ASSERT_TRUE(write_file(folder.path() + "/secret", "host").has_value());
    root = Fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void link(const std::string& target, const std::string& name) {
    ASSERT_EQ(::symlink(target.c_str(), (path + name).c_str()), 0);
  }
};

TEST_F(Root, AbsoluteAndDottedLinksStayInside) {
  ASSERT_TRUE(write_file(path + "/secret", "container").has_value());
  link("/secret", "/absolute");
  link("../../../../secret", "/dotted");
  EXPECT_EQ(read_file_in_root(root.get(), "/absolute")->value_or(""), "container");
  EXPECT_EQ(read_file_in_root(root.get(), "/dotted")->value_or(""), "container");
  EXPECT_EQ(read_file_in_root(root.get(), "/../../secret")->value_or(""), "container");
}

TEST_F(Root, MagicLinksAreRejected) {
  link("/proc/self/root", "/magic");
  EXPECT_FALSE(open_in_root(root.get(), "/magic/etc/passwd", O_RDONLY).has_value());
}

TEST_F(Root, MissingFilesAreNotFoundAndSpecialFilesRejected) {
  EXPECT_FALSE(read_file_in_root(root.get(), "/none")->has_value());
  ASSERT_EQ(::mkfifo((path + "/fifo").c_str(), 0600), 0);
  EXPECT_FALSE(read_file_in_root(root.get(), "/fifo").has_value());
  EXPECT_FALSE(read_file_in_root(root.get(), "/etc").has_value());
}

TEST_F(Root, TooLargeFilesAreRejected) {
  ASSERT_TRUE(write_file(path + "/large", std::string(5000, 'x')).has_value());
  EXPECT_FALSE(read_file_in_root(root.get(), "/large", 4000).has_value());
}

TEST_F(Root, FoldersAreCreatedInsideDespiteMaliciousLinks) {
  link(folder.path() + "/outside", "/out");
  ASSERT_TRUE(ensure_directory_in_root(root.get(), "/a/b/c").has_value());
  EXPECT_TRUE(is_directory(path + "/a/b/c"));
  // The link's target exists on the host, not below the root: nothing must appear outside.
  (void)ensure_directory_in_root(root.get(), "/out/made");
  EXPECT_FALSE(path_exists(folder.path() + "/outside/made"));
}

TEST_F(Root, FoldersAreCreatedAtTheTargetOfAnInsideLink) {
  ASSERT_TRUE(ensure_directory(path + "/real").has_value());
  link("/real", "/alias");
  ASSERT_TRUE(ensure_directory_in_root(root.get(), "/alias/deep/er").has_value());
  EXPECT_TRUE(is_directory(path + "/real/deep/er"));
}

TEST_F(Root, FilesAreCreatedWithParentsAndExistingOnesKept) {
  ASSERT_TRUE(ensure_file_in_root(root.get(), "/x/y/file").has_value());
  EXPECT_TRUE(path_exists(path + "/x/y/file"));
  ASSERT_TRUE(write_file(path + "/x/y/file", "kept").has_value());
  ASSERT_TRUE(ensure_file_in_root(root.get(), "/x/y/file").has_value());
  EXPECT_EQ(*read_file(path + "/x/y/file"), "kept");
}

TEST_F(Root, DanglingLinkBecomesAFileInside) {
  link(folder.path() + "/outside/new", "/dangling");
  ASSERT_TRUE(ensure_file_in_root(root.get(), "/dangling").has_value());
  EXPECT_FALSE(path_exists(folder.path() + "/outside/new"));
  EXPECT_TRUE(path_exists(path + folder.path() + "/outside/new"));
}

TEST_F(Root, TargetsOfDanglingLinksAreCreatedInside) {
  ASSERT_TRUE(ensure_directory(path + "/etc").has_value());
  link("../run/resolve/stub.conf", "/etc/resolv.conf");
  ASSERT_TRUE(ensure_file_in_root(root.get(), "/etc/resolv.conf").has_value());
  EXPECT_TRUE(path_exists(path + "/run/resolve/stub.conf"));
  link("/real", "/first");
  link("first", "/second");
  ASSERT_TRUE(ensure_directory_in_root(root.get(), "/second/deep").has_value());
  EXPECT_TRUE(is_directory(path + "/real/deep"));
  link("../../../top", "/up");
  ASSERT_TRUE(ensure_directory_in_root(root.get(), "/up/x").has_value());
  EXPECT_TRUE(is_directory(path + "/top/x"));
  link("/loop2", "/loop1");
  link("/loop1", "/loop2");
  EXPECT_FALSE(ensure_directory_in_root(root.get(), "/loop1/x").has_value());
  EXPECT_FALSE(ensure_file_in_root(root.get(), "/loop1").has_value());
}

TEST_F(Root, SingleLayerViewIsTheFolderItself) {
  ASSERT_TRUE(write_file(path + "/etc/x", "layer").has_value());
  Result<Fd> view = open_rootfs_view({path});
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(read_file_in_root(view->get(), "/etc/x")->value_or(""), "layer");
  EXPECT_FALSE(open_rootfs_view({}).has_value());
  EXPECT_FALSE(open_rootfs_view({path + "/none"}).has_value());
}

}  // namespace
}  // namespace stack::runtime
