#include "cli/session/host_files.h"

#include <gtest/gtest.h>

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

TEST(TopName, IsTheLastPartUnlessThePathMeansItsContents) {
  EXPECT_EQ(top_name("/a/b"), "b");
  EXPECT_EQ(top_name("/a/b/"), "b");
  EXPECT_EQ(top_name("/a/b/."), ".");
  EXPECT_EQ(top_name("/"), "/");
}

}  // namespace
}  // namespace stack::transfer
