#include "cli/session/host_files.h"

#include <gtest/gtest.h>

#include "base/directory.h"
#include "base/files.h"

namespace stack::transfer {
namespace {

std::string placed(const CopyPath& source, const CopyPath& destination) {
  Result<Placement> placement = place_copy(source, destination);
  return placement ? placement->directory + " " + placement->name : placement.error().text();
}

const CopyPath kFile{"/a/file", true, false};
const CopyPath kFolder{"/a/folder", true, true};

TEST(PlaceCopy, IntoAFolderAsItself) {
  EXPECT_EQ(placed(kFile, {"/x", true, true}), "/x ");
  EXPECT_EQ(placed(kFolder, {"/x/", true, true}), "/x/ ");
}

TEST(PlaceCopy, UnderAnotherName) {
  EXPECT_EQ(placed(kFile, {"/x/new", false, false}), "/x new");
  EXPECT_EQ(placed(kFile, {"/x/old", true, false}), "/x old");
  EXPECT_EQ(placed(kFolder, {"/x/new", false, false}), "/x new");
  EXPECT_EQ(placed(kFolder, {"/x/new/", false, false}), "/x new");
}

TEST(PlaceCopy, InvalidCopies) {
  EXPECT_EQ(placed(kFolder, {"/x/file", true, false}), "cannot copy directory: /x/file is not a directory");
  EXPECT_EQ(placed(kFile, {"/x/new/", false, false}), "no such directory: /x/new/");
}

TEST(Unpack, InterruptedCopyKeepsTheFormerFile) {
  Result<TemporaryDirectory> folder = TemporaryDirectory::create("/tmp/stack-copy-");
  ASSERT_TRUE(folder);
  std::string path = folder->path() + "/data";
  ASSERT_TRUE(write_file(path, "former", 0644));
  auto cut = [](char*, size_t) -> Result<size_t> { return Error("the engine has ended"); };
  EXPECT_FALSE(unpack(cut, "data", {folder->path(), "", true}));
  EXPECT_EQ(read_file(path).value_or(""), "former");
  EXPECT_EQ(names_in(folder->path())->size(), 1U) << "nothing else is left";
}

TEST(TopName, IsTheLastPartUnlessThePathMeansItsContents) {
  EXPECT_EQ(top_name("/a/b"), "b");
  EXPECT_EQ(top_name("/a/b/"), "b");
  EXPECT_EQ(top_name("/a/b/."), ".");
  EXPECT_EQ(top_name("/"), "/");
}

}  // namespace
}  // namespace stack::transfer
