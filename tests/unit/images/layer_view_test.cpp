#include "images/layer/layer_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"

namespace stack::images {
namespace {

class View : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& layer : {upper, lower}) ASSERT_TRUE(ensure_directory(layer));
  }
  void file(const std::string& layer, const std::string& name, const std::string& content) {
    ASSERT_TRUE(ensure_directory(directory_name(layer + "/" + name)));
    ASSERT_TRUE(write_file(layer + "/" + name, content));
  }
  void link(const std::string& layer, const std::string& name, const std::string& target) {
    ASSERT_TRUE(ensure_directory(directory_name(layer + "/" + name)));
    ASSERT_EQ(::symlink(target.c_str(), (layer + "/" + name).c_str()), 0);
  }
  // Whiteouts need no privilege: this is the only device that every user may create.
  bool whiteout(const std::string& name) {
    return ::mknod((upper + "/" + name).c_str(), S_IFCHR, makedev(0, 0)) == 0;
  }
  LayerView view() { return std::move(*LayerView::open({upper, lower})); }
  std::string found(const std::string& path, bool follow = true) {
    LayerView v = view();
    Result<std::optional<ViewEntry>> entry = v.find(path, follow);
    if (!entry) return "error: " + entry.error().text();
    return *entry ? "/" + (*entry)->path : "none";
  }
  std::string listed(const std::string& path) {
    LayerView v = view();
    std::string out;
    std::vector<ViewEntry> entries = *v.list(path);
    for (const ViewEntry& entry : entries) out += base_name(entry.path) + std::to_string(entry.layer) + " ";
    return out;
  }

  TemporaryDirectory top = *TemporaryDirectory::create("/tmp/layer_view_test");
  std::string upper = top.path() + "/upper";
  std::string lower = top.path() + "/lower";
};

TEST_F(View, DirectoriesMergeAndUpperFilesWin) {
  file(lower, "d/a", "low");
  file(lower, "d/b", "low");
  file(upper, "d/b", "up");
  EXPECT_EQ(listed("d"), "a1 b0 ");
  LayerView v = view();
  EXPECT_EQ(**v.read_file("/d/b"), "up");
  EXPECT_EQ(**v.read_file("d/a"), "low");
  EXPECT_FALSE(*v.read_file("d/c"));
}

TEST_F(View, WhiteoutsHideLowerFiles) {
  file(lower, "d/a", "low");
  file(lower, "e/x", "low");
  ASSERT_TRUE(ensure_directory(upper + "/d"));
  if (!whiteout("d/a") || !whiteout("e")) GTEST_SKIP() << "cannot make whiteouts here";
  EXPECT_EQ(listed("d"), "");
  EXPECT_EQ(found("/d/a"), "none");
  EXPECT_EQ(found("/e/x"), "none");
}

TEST_F(View, OpaqueDirectoryHidesTheOneBelow) {
  file(lower, "d/a", "low");
  file(upper, "d/b", "up");
  if (::setxattr((upper + "/d").c_str(), "user.overlay.opaque", "y", 1, 0) != 0)
    GTEST_SKIP() << "no user attributes";
  EXPECT_EQ(listed("d"), "b0 ");
  EXPECT_EQ(found("d/a"), "none");
}

TEST_F(View, FileOverADirectoryHidesItsContents) {
  file(lower, "d/a", "low");
  file(upper, "d", "now a file");
  EXPECT_EQ(found("d/a"), "none");
  EXPECT_EQ(listed(""), "d0 ");
}

TEST_F(View, LinksStayInsideAndCrossLayers) {
  file(lower, "usr/bin/sh", "x");
  link(upper, "bin", "usr/bin");
  link(upper, "abs", "/usr/bin/sh");
  link(upper, "out", "../../../../usr/bin/sh");
  EXPECT_EQ(found("/bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(found("/abs"), "/usr/bin/sh");
  EXPECT_EQ(found("/out"), "/usr/bin/sh");
  EXPECT_EQ(found("/bin/../bin/sh"), "/usr/bin/sh");
  EXPECT_EQ(found("/bin", false), "/bin");
  EXPECT_EQ(found("/bin/", false), "/usr/bin");
}

TEST_F(View, LinkLoopsEnd) {
  link(upper, "a", "b");
  link(lower, "b", "a");
  EXPECT_TRUE(found("a").starts_with("error: ")) << found("a");
}

TEST_F(View, NewPathsAreResolvedAsFarAsTheyExist) {
  ASSERT_TRUE(ensure_directory(lower + "/usr/bin"));
  link(lower, "bin", "usr/bin");
  link(lower, "dangling", "/not/there");
  file(lower, "file", "x");
  LayerView v = view();
  EXPECT_EQ(*v.resolve_for_creation("/bin/new/x"), "usr/bin/new/x");
  EXPECT_EQ(*v.resolve_for_creation("/../../etc/x"), "etc/x");
  EXPECT_EQ(*v.resolve_for_creation("/dangling/x"), "not/there/x");
  EXPECT_EQ(*v.resolve_for_creation("/"), "");
  EXPECT_FALSE(v.resolve_for_creation("/file/x"));
}

TEST_F(View, WithoutLayersTheRootIsEmpty) {
  LayerView v = std::move(*LayerView::open({}));
  EXPECT_FALSE(*v.find("/etc", true));
  EXPECT_EQ(*v.resolve_for_creation("/a/b"), "a/b");
  EXPECT_TRUE((*v.find("/", true)).has_value());
}

TEST_F(View, OwnersByNumberAndByName) {
  file(lower, "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n");
  file(lower, "etc/group", "staff:x:50:\n");
  LayerView v = view();
  EXPECT_EQ(*find_owner(v, "7"), (Owner{7, 7}));
  EXPECT_EQ(*find_owner(v, "7:8"), (Owner{7, 8}));
  EXPECT_EQ(*find_owner(v, "app"), (Owner{1000, 1000}));
  EXPECT_EQ(*find_owner(v, "app:staff"), (Owner{1000, 50}));
  EXPECT_FALSE(find_owner(v, "nobody"));
  EXPECT_FALSE(find_owner(v, "1:nogroup"));
  EXPECT_FALSE(find_owner(v, "4294967295")) << "-1 means leave as it is";
  EXPECT_FALSE(find_owner(v, "4294967296")) << "must not wrap around to root";
}

}  // namespace
}  // namespace stack::images
