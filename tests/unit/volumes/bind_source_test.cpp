#include "volumes/bind_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::volumes {
namespace {

class BindSources : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TemporaryDirectory> made = TemporaryDirectory::create("/tmp/stack-bind-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(BindSources, MissingPathIsNamedUnlessItMayBeCreated) {
  Result<BindSource> refused = check_bind_source(path("no"), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "bind source path does not exist: " + path("no"));
  EXPECT_EQ(refused.error().kind(), ErrorKind::Invalid);
  Result<BindSource> allowed = check_bind_source(path("no"), true);
  ASSERT_TRUE(allowed);
  EXPECT_FALSE(allowed->exists);
  EXPECT_FALSE(path_exists(path("no")));
}

TEST_F(BindSources, EnsureCreatesTheFolderAndItsParents) {
  Result<BindSource> made = ensure_bind_source(path("a/b/../c"), true);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(made->path, path("a/c"));
  EXPECT_TRUE(is_directory(path("a/c")));
}

TEST_F(BindSources, FilesAndFoldersAreDistinguished) {
  ASSERT_TRUE(write_file(path("file"), "x"));
  EXPECT_FALSE(check_bind_source(path("file"), false)->directory);
  EXPECT_TRUE(check_bind_source(folder_->path(), false)->directory);
}

TEST_F(BindSources, RelativePathsDanglingLinksAndFileComponentsAreRejected) {
  EXPECT_FALSE(check_bind_source("here", true));
  ASSERT_EQ(::symlink("/nonexistent/x", path("link").c_str()), 0);
  EXPECT_EQ(check_bind_source(path("link"), true).error().text(),
            "bind source path is a dangling symbolic link: " + path("link"));
  ASSERT_TRUE(write_file(path("file"), "x"));
  EXPECT_EQ(check_bind_source(path("file/below"), true).error().text(),
            "bind source path " + path("file/below") + ": not a directory");
}

}  // namespace
}  // namespace stack::volumes
