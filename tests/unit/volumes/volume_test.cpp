#include "volumes/volume.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

namespace stack::volumes {
namespace {

Volume with_options(std::map<std::string, std::string> options) {
  Volume volume;
  volume.name = "data";
  volume.mountpoint = "/state/volumes/data/_data";
  volume.options = std::move(options);
  return volume;
}

TEST(VolumeName, FollowsDockersRule) {
  for (const char* good : {"a", "db-data", "0", "A_b.c-d", "shop_redis"})
    EXPECT_TRUE(check_volume_name(good)) << good;
  for (const char* bad : {"", ".", "..", "-a", "_a", ".a", "a/b", "a b", "ä", "a\n"})
    EXPECT_FALSE(check_volume_name(bad)) << bad;
  EXPECT_TRUE(check_volume_name(std::string(255, 'x')));
  EXPECT_FALSE(check_volume_name(std::string(256, 'x')));
}

TEST(VolumeMount, PlainVolumeBindsItsOwnFolder) {
  Result<VolumeMount> mount = mount_of(with_options({}));
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "bind");
  EXPECT_EQ(mount->source, "/state/volumes/data/_data");
}

TEST(VolumeMount, BindOptionBindsTheDevice) {
  Result<VolumeMount> mount =
      mount_of(with_options({{"type", "none"}, {"o", "rbind,ro"}, {"device", "/srv/x"}}));
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "bind");
  EXPECT_EQ(mount->source, "/srv/x");
  EXPECT_TRUE(mount->recursive);
  EXPECT_EQ(mount->flags, static_cast<unsigned long>(MS_RDONLY));
}

TEST(VolumeMount, TmpfsKeepsItsOwnOptionsAndTurnsFlagsIntoBits) {
  Result<VolumeMount> mount = mount_of(
      with_options({{"type", "tmpfs"}, {"o", "size=100m,uid=1000,nosuid,noexec,exec"}, {"device", "tmpfs"}}));
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "tmpfs");
  EXPECT_EQ(mount->filesystem_options, "size=100m,uid=1000");
  EXPECT_EQ(mount->flags, static_cast<unsigned long>(MS_NOSUID));
}

TEST(VolumeMount, NfsIsPassedThrough) {
  Result<VolumeMount> mount =
      mount_of(with_options({{"type", "nfs"}, {"o", "addr=10.0.0.1,rw,nfsvers=4"}, {"device", ":/export"}}));
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "nfs");
  EXPECT_EQ(mount->source, ":/export");
  EXPECT_EQ(mount->filesystem_options, "addr=10.0.0.1,nfsvers=4");
}

TEST(VolumeMount, WrongOptionsAreNamed) {
  auto text = [](std::map<std::string, std::string> options) {
    Result<VolumeMount> mount = mount_of(with_options(std::move(options)));
    return mount ? std::string() : mount.error().text();
  };
  EXPECT_EQ(text({{"type", "tmpfs"}}), "volume data: missing required option: \"device\"");
  EXPECT_EQ(text({{"device", "tmpfs"}}), "volume data: missing required option: \"type\"");
  EXPECT_EQ(text({{"o", "bind"}, {"device", "here"}}),
            "volume data: device \"here\" must be an absolute path");
  EXPECT_EQ(
      text({{"color", "red"}}),
      "volume data: invalid option of the local volume driver: \"color\" (must be type, o, or device)");
}

}  // namespace
}  // namespace stack::volumes
