// Volumes with driver options on a real kernel. Each test has a mount namespace of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/directory.h"
#include "base/files.h"
#include "volumes/host_mount.h"
#include "volumes/volume_store.h"

namespace stack::volumes {
namespace {

class MountedVolume : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    // Like on a machine with systemd, where a bind and its source are peers.
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr), 0);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr), 0);
    Result<TemporaryDirectory> made = TemporaryDirectory::create("/tmp/stack-mounted-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
    open_store();
  }
  void TearDown() override {
    if (!folder_) return;
    Result<std::vector<std::string>> points = mount_points_below(folder_->path());
    if (points)
      for (const std::string& point : *points) ::umount2(point.c_str(), MNT_DETACH);
  }
  void open_store() {
    Result<std::unique_ptr<VolumeStore>> store = VolumeStore::open(path("volumes"));
    ASSERT_TRUE(store) << store.error().text();
    store_ = std::move(*store);
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
  std::string make_folder(const std::string& name) {
    EXPECT_TRUE(ensure_directory(path(name)));
    return path(name);
  }
  Volume make(std::map<std::string, std::string> options, const std::string& name = "v") {
    VolumeSpec spec;
    spec.name = name;
    spec.options = std::move(options);
    Result<Volume> volume = store_->create(spec);
    EXPECT_TRUE(volume) << volume.error().text();
    return volume ? *volume : Volume();
  }
  Volume make_tmpfs(const std::string& o = "") {
    return make({{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", o}});
  }
  void attach(const std::string& user) {
    Result<> done = store_->attach("v", user);
    EXPECT_TRUE(done) << done.error().text();
  }
  void detach(const std::string& user) {
    Result<> done = store_->detach("v", user);
    EXPECT_TRUE(done) << done.error().text();
  }

  std::optional<TemporaryDirectory> folder_;
  std::unique_ptr<VolumeStore> store_;
};

TEST_F(MountedVolume, TmpfsIsSharedByItsUsersAndEndsWithTheLast) {
  Volume volume = make_tmpfs("size=1m");
  EXPECT_FALSE(is_mount_point(volume.mountpoint));
  attach("a");
  ASSERT_TRUE(write_file(volume.mountpoint + "/file", "x"));
  attach("b");
  attach("b");
  detach("a");
  EXPECT_TRUE(path_exists(volume.mountpoint + "/file"));
  detach("b");
  EXPECT_FALSE(is_mount_point(volume.mountpoint));
  EXPECT_FALSE(path_exists(volume.mountpoint + "/file"));
}

TEST_F(MountedVolume, BindHasTheFilesOfItsDevice) {
  make_folder("source");
  ASSERT_TRUE(write_file(path("source/file"), "x"));
  Volume volume = make({{"type", "none"}, {"o", "bind,ro"}, {"device", path("source")}});
  attach("a");
  EXPECT_EQ(read_file(volume.mountpoint + "/file").value_or(""), "x");
  EXPECT_FALSE(write_file(volume.mountpoint + "/other", "y"));
  EXPECT_TRUE(write_file(path("source/other"), "y"));
  detach("a");
  EXPECT_TRUE(path_exists(path("source/file")));
}

TEST_F(MountedVolume, EndOfARecursiveBindLeavesTheMountsBelowItsDeviceAlone) {
  make_folder("source/below");
  ASSERT_EQ(::mount("tmpfs", path("source/below").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_TRUE(write_file(path("source/below/file"), "x"));
  Volume volume = make({{"type", "none"}, {"o", "rbind"}, {"device", path("source")}});
  attach("a");
  EXPECT_TRUE(path_exists(volume.mountpoint + "/below/file"));
  detach("a");
  EXPECT_FALSE(is_mount_point(volume.mountpoint));
  EXPECT_TRUE(path_exists(path("source/below/file")));
}

TEST_F(MountedVolume, MissingDeviceIsNamed) {
  make({{"type", "none"}, {"o", "bind"}, {"device", path("missing")}});
  Result<> done = store_->attach("v", "a");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text().find("volume v: device " + path("missing")), std::string::npos)
      << done.error().text();
}

TEST_F(MountedVolume, UnknownFileSystemIsNamed) {
  make({{"type", "nosuchfs"}, {"device", "x"}});
  Result<> done = store_->attach("v", "a");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::Unsupported);
  EXPECT_NE(done.error().text().find("nosuchfs"), std::string::npos);
}

TEST_F(MountedVolume, FileWithAFileSystemGetsALoopDeviceWhichEndsWithIt) {
  if (::access("/dev/loop-control", F_OK) != 0) GTEST_SKIP() << "no loop devices";
  if (std::system("command -v mkfs.ext4 >/dev/null") != 0) GTEST_SKIP() << "mkfs.ext4 is not installed";
  ASSERT_TRUE(write_file(path("disk"), ""));
  ASSERT_EQ(::truncate(path("disk").c_str(), 16 << 20), 0);
  ASSERT_EQ(std::system(("mkfs.ext4 -q " + path("disk")).c_str()), 0);
  Volume volume = make({{"type", "ext4"}, {"device", path("disk")}});
  auto attached = [&] { return std::system(("losetup -j " + path("disk") + " | grep -q .").c_str()) == 0; };
  for (const char* text : {"one", "two"}) {
    attach("a");
    EXPECT_TRUE(attached());
    ASSERT_TRUE(write_file(volume.mountpoint + "/" + text, text));
    detach("a");
    for (int i = 0; i < 100 && attached(); ++i) ::usleep(20'000);
    EXPECT_FALSE(attached());
  }
  attach("a");
  EXPECT_EQ(read_file(volume.mountpoint + "/one").value_or(""), "one");
  detach("a");
}

TEST_F(MountedVolume, NextEngineKeepsMountsWithUsersAndEndsTheOthers) {
  Volume volume = make_tmpfs();
  attach("a");
  ASSERT_TRUE(write_file(volume.mountpoint + "/file", "x"));
  open_store();
  store_->adopt("v", "a");
  EXPECT_TRUE(store_->unmount_unused());
  EXPECT_TRUE(path_exists(volume.mountpoint + "/file"));
  attach("b");
  detach("a");
  EXPECT_TRUE(path_exists(volume.mountpoint + "/file"));
  open_store();
  EXPECT_TRUE(store_->unmount_unused());
  EXPECT_FALSE(is_mount_point(volume.mountpoint));
}

TEST_F(MountedVolume, RemovalRefusesToRemoveTheFilesOfAnotherFileSystem) {
  make_folder("precious");
  ASSERT_TRUE(write_file(path("precious/file"), "x"));
  Volume volume = make({});
  std::string inside = volume.mountpoint + "/inside";
  ASSERT_TRUE(ensure_directory(inside));
  ASSERT_EQ(::mount(path("precious").c_str(), inside.c_str(), nullptr, MS_BIND, nullptr), 0);
  Result<> removed = store_->remove("v", {});
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind(), ErrorKind::Conflict);
  EXPECT_TRUE(path_exists(path("precious/file")));
  ASSERT_EQ(::umount(inside.c_str()), 0);
  EXPECT_TRUE(store_->remove("v", {}));
}

TEST_F(MountedVolume, RemovalOfALeftMountedBindKeepsTheFilesOfItsDevice) {
  make_folder("precious");
  ASSERT_TRUE(write_file(path("precious/file"), "x"));
  make({{"type", "none"}, {"o", "bind"}, {"device", path("precious")}});
  attach("a");
  EXPECT_FALSE(store_->remove("v", {}));
  open_store();
  EXPECT_TRUE(store_->remove("v", {}));
  EXPECT_TRUE(path_exists(path("precious/file")));
}

TEST_F(MountedVolume, MountWithAUserOnTheHostIsReused) {
  Volume volume = make_tmpfs();
  attach("a");
  ASSERT_TRUE(write_file(volume.mountpoint + "/file", "x"));
  Fd shell(::open(volume.mountpoint.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Result<> detached = store_->detach("v", "a");
  ASSERT_FALSE(detached);
  EXPECT_EQ(detached.error().kind(), ErrorKind::Conflict);
  attach("b");
  EXPECT_TRUE(path_exists(volume.mountpoint + "/file"));
  shell.reset();
  detach("b");
  EXPECT_FALSE(is_mount_point(volume.mountpoint));
}

TEST_F(MountedVolume, EmptyOneIsFilledFromTheImage) {
  make_folder("image/sub");
  ASSERT_TRUE(write_file(path("image/sub/file"), "x"));
  Volume volume = make_tmpfs();
  attach("a");
  Fd source(::open(path("image").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Result<bool> filled = store_->populate("v", source.get());
  ASSERT_TRUE(filled) << filled.error().text();
  EXPECT_TRUE(*filled);
  EXPECT_EQ(read_file(volume.mountpoint + "/sub/file").value_or(""), "x");
  Result<std::vector<std::string>> names = names_in(volume.mountpoint);
  EXPECT_EQ(*names, std::vector<std::string>{"sub"});
  Result<bool> again = store_->populate("v", source.get());
  EXPECT_FALSE(again.value_or(true));
  detach("a");
}

TEST_F(MountedVolume, OwnerInTheOptionsIsKept) {
  make_folder("image");
  ASSERT_TRUE(write_file(path("image/file"), "x"));
  Volume volume = make_tmpfs("uid=1234,mode=0700");
  attach("a");
  Fd source(::open(path("image").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_TRUE(store_->populate("v", source.get()).value_or(false));
  struct stat info{};
  ASSERT_EQ(::stat(volume.mountpoint.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1234U);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  detach("a");
}

}  // namespace
}  // namespace stack::volumes
