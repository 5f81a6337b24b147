// Owners, modes, and extended attributes require root.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "volumes/volume_store.h"

namespace stack::volumes {
namespace {

class Populate : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Result<TemporaryDirectory> made = TemporaryDirectory::create("/tmp/stack-populate-");
    ASSERT_TRUE(made);
    folder_.emplace(std::move(*made));
    image_ = folder_->path() + "/image";
    ASSERT_TRUE(ensure_directory(image_ + "/sub"));
    Result<std::unique_ptr<VolumeStore>> store = VolumeStore::open(folder_->path() + "/volumes");
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    VolumeSpec spec;
    spec.name = "v";
    Result<Volume> volume = store_->create(spec);
    ASSERT_TRUE(volume);
    data_ = volume->mountpoint;
  }
  Result<bool> populate() {
    Fd source(::open(image_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return store_->populate("v", source.get());
  }
  static struct stat stat_of(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  std::optional<TemporaryDirectory> folder_;
  std::string image_;
  std::string data_;
  std::unique_ptr<VolumeStore> store_;
};

TEST_F(Populate, ContentModesOwnersLinksAndAttributesAreCopied) {
  ASSERT_TRUE(write_file(image_ + "/sub/file", "text", 0640));
  ASSERT_EQ(::chown((image_ + "/sub/file").c_str(), 999, 998), 0);
  ASSERT_EQ(::chmod((image_ + "/sub/file").c_str(), 04750), 0);
  ASSERT_EQ(::link((image_ + "/sub/file").c_str(), (image_ + "/twin").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (image_ + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((image_ + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::setxattr((image_ + "/sub").c_str(), "trusted.test", "1", 1, 0), 0);
  ASSERT_EQ(::chown(image_.c_str(), 100, 101), 0);
  ASSERT_EQ(::chmod(image_.c_str(), 01777), 0);

  Result<bool> copied = populate();
  ASSERT_TRUE(copied) << copied.error().text();
  EXPECT_TRUE(*copied);
  EXPECT_EQ(*read_file(data_ + "/sub/file"), "text");
  struct stat file = stat_of(data_ + "/sub/file");
  EXPECT_EQ(file.st_uid, 999U);
  EXPECT_EQ(file.st_gid, 998U);
  EXPECT_EQ(file.st_mode & 07777, 04750U);
  EXPECT_EQ(stat_of(data_ + "/twin").st_ino, file.st_ino);
  EXPECT_TRUE(S_ISLNK(stat_of(data_ + "/link").st_mode));
  EXPECT_TRUE(S_ISFIFO(stat_of(data_ + "/fifo").st_mode));
  char value = 0;
  EXPECT_EQ(::getxattr((data_ + "/sub").c_str(), "trusted.test", &value, 1), 1);
  EXPECT_EQ(stat_of(data_).st_uid, 100U);
  EXPECT_EQ(stat_of(data_).st_gid, 101U);
  EXPECT_EQ(stat_of(data_).st_mode & 07777, 01777U);
  EXPECT_FALSE(path_exists(data_ + "/../_populate"));
  EXPECT_FALSE(path_exists(data_ + "/../_populate.part"));
}

TEST_F(Populate, VolumeWithContentIsLeftAlone) {
  ASSERT_TRUE(write_file(data_ + "/mine", "x"));
  Result<bool> copied = populate();
  ASSERT_TRUE(copied);
  EXPECT_FALSE(*copied);
  EXPECT_FALSE(path_exists(data_ + "/sub"));
}

TEST_F(Populate, EmptyImageFolderSetsModeAndOwner) {
  ASSERT_EQ(::rmdir((image_ + "/sub").c_str()), 0);
  ASSERT_EQ(::chown(image_.c_str(), 106, 107), 0);
  ASSERT_EQ(::chmod(image_.c_str(), 0750), 0);
  ASSERT_TRUE(populate());
  EXPECT_EQ(stat_of(data_).st_uid, 106U);
  EXPECT_EQ(stat_of(data_).st_mode & 07777, 0750U);
}

TEST_F(Populate, UnfinishedCopyIsDiscardedAndRepeated) {
  ASSERT_TRUE(ensure_directory(data_ + "/../_populate.part/half"));
  ASSERT_TRUE(write_file(image_ + "/file", "whole"));
  ASSERT_TRUE(*populate());
  EXPECT_FALSE(path_exists(data_ + "/half"));
  EXPECT_EQ(*read_file(data_ + "/file"), "whole");
}

TEST_F(Populate, InterruptedMoveIsCompletedWithoutReplacingFiles) {
  ASSERT_TRUE(ensure_directory(data_ + "/../_populate"));
  ASSERT_TRUE(write_file(data_ + "/../_populate/a", "image"));
  ASSERT_TRUE(write_file(data_ + "/../_populate/b", "image"));
  ASSERT_TRUE(write_file(data_ + "/b", "user"));
  ASSERT_TRUE(*populate());
  EXPECT_EQ(*read_file(data_ + "/a"), "image");
  EXPECT_EQ(*read_file(data_ + "/b"), "user");
  EXPECT_FALSE(path_exists(data_ + "/../_populate"));
}

TEST_F(Populate, VolumeWithDriverOptionsIsPopulatedOnlyWhileMounted) {
  VolumeSpec spec;
  spec.name = "device";
  spec.options = {{"type", "tmpfs"}, {"device", "tmpfs"}};
  ASSERT_TRUE(store_->create(spec));
  Fd source(::open(image_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_FALSE(store_->populate("device", source.get()));
  EXPECT_FALSE(path_exists(folder_->path() + "/volumes/device/_data/sub"));
}

}  // namespace
}  // namespace stack::volumes
