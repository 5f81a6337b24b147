// Images and containers that try to escape. Each test fails without the defense that it names.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/text.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

// Replaces an entry of the image with a link (in the container's upper directory).
void link_in_image(Container& box, const std::string& name, const std::string& target) {
  std::string path = box.folder() + "/upper" + name;
  ASSERT_TRUE(ensure_directory(directory_name(path)).has_value());
  ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0) << name;
}

std::string outside(Container& box) {
  std::string path = box.folder() + "/outside";
  EXPECT_TRUE(ensure_directory(path).has_value());
  return path;
}

bool empty_directory(const std::string& path) { return ::rmdir(path.c_str()) == 0; }

void remove_mounts_below(Json& spec, const std::string& prefix) {
  Json kept = Json::array();
  for (const Json& mount : spec["mounts"]) {
    if (!string_or(mount, "destination").starts_with(prefix)) kept.push_back(mount);
  }
  spec["mounts"] = kept;
}

std::string failure_of(Container& box) {
  box.script("true");
  box.start();
  std::string text = box.seen().failed ? box.seen().failed->text : "";
  box.wait();
  return text;
}

// runc 2019-16884, 2019-19921, 2023-27561: a link replaces the path at which we trust procfs.
TEST(Attack, ProcLinkIsRejected) {
  Container box;
  link_in_image(box, "/proc", outside(box));
  EXPECT_EQ(failure_of(box), "mount: /proc: /proc must be a real directory, not a link");
  EXPECT_TRUE(empty_directory(outside(box)));
}

TEST(Attack, SysLinkIsRejected) {
  Container box;
  link_in_image(box, "/sys", "/etc");
  EXPECT_EQ(failure_of(box), "mount: /sys: /sys must be a real directory, not a link");
}

// runc 2026-41579, crun 2026-47766: device nodes are created at the target of a linked /dev.
TEST(Attack, DevLinkIsRejected) {
  Container box;
  link_in_image(box, "/dev", outside(box));
  EXPECT_EQ(failure_of(box), "mount: /dev: /dev must be a real directory, not a link");
  EXPECT_TRUE(empty_directory(outside(box)));
}

TEST(Attack, UnmountedDevLinkDoesNotChangeTheHost) {
  Container box;
  remove_mounts_below(box.spec, "/dev");
  link_in_image(box, "/dev", outside(box));
  (void)failure_of(box);
  EXPECT_TRUE(empty_directory(outside(box)));
}

// crun 2026-88264: /dev/console is created through a link.
TEST(Attack, ConsoleLinkIsNotFollowed) {
  Container box;
  Json kept = Json::array();
  for (const Json& mount : box.spec["mounts"]) {
    if (mount["destination"] != "/dev") kept.push_back(mount);
  }
  box.spec["mounts"] = kept;
  box.spec["process"]["terminal"] = true;
  link_in_image(box, "/dev/console", outside(box) + "/made");
  EXPECT_NE(failure_of(box).find("/dev/console"), std::string::npos);
  EXPECT_TRUE(empty_directory(outside(box)));
}

// runc 2025-31133: the image's /dev/null masks a path.
TEST(Attack, MaskIsTheHostsNullDeviceNotTheImages) {
  Container box;
  ASSERT_TRUE(write_file(box.folder() + "/upper/bait", "bait").has_value());
  remove_mounts_below(box.spec, "/dev");
  link_in_image(box, "/dev/null", "/bait");
  box.spec["linux"]["maskedPaths"] = Json::array({"/etc/passwd"});
  std::string text = failure_of(box);
  // The link in place of the real device is detected.
  EXPECT_EQ(text, "device: /dev/null exists but is a different file");
}

// runc 2025-52565: /dev/pts/N is swapped before it is bound to /dev/console.
TEST(Attack, TerminalComesOnlyFromADevpts) {
  Container box;
  Json mounts = Json::array();
  for (Json mount : box.spec["mounts"]) {
    if (mount["destination"] == "/dev/pts") {
      mount = {
          {"destination", "/dev/pts"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", Json::array()}};
    }
    mounts.push_back(mount);
  }
  box.spec["mounts"] = mounts;
  box.spec["process"]["terminal"] = true;
  EXPECT_EQ(failure_of(box), "terminal: /dev/pts is not a devpts");
}

// Links in mount destinations lead to the container's own tree.
TEST(Attack, MountDestinationThroughALinkStaysInside) {
  Container box;
  std::string target = outside(box);
  link_in_image(box, "/escape", target);
  ASSERT_TRUE(ensure_directory(box.folder() + "/volume").has_value());
  box.spec["mounts"].push_back({{"type", "bind"},
                                {"source", box.folder() + "/volume"},
                                {"destination", "/escape/deep"},
                                {"options", {"rbind"}}});
  (void)failure_of(box);
  EXPECT_TRUE(empty_directory(target));
}

// A folder "a" and a link "b" to the host that are swapped continuously, in a volume of other containers.
class RacingVolume {
 public:
  RacingVolume(const std::string& path, const std::string& target) : path_(path) {
    EXPECT_TRUE(ensure_directory(path + "/a").has_value());
    EXPECT_EQ(::symlink(target.c_str(), (path + "/b").c_str()), 0);
    thread_ = std::thread([this] {
      while (!stop_)
        (void)::renameat2(AT_FDCWD, (path_ + "/a").c_str(), AT_FDCWD, (path_ + "/b").c_str(),
                          RENAME_EXCHANGE);
    });
  }
  ~RacingVolume() {
    stop_ = true;
    thread_.join();
  }
  RacingVolume(const RacingVolume&) = delete;
  RacingVolume& operator=(const RacingVolume&) = delete;

 private:
  std::string path_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Starts containers with the volume and the changes of `change` to their specification. All files that they reach
// must be inside.
void race(const std::function<void(Json& spec)>& change) {
  Container holder;
  std::string volume = holder.folder() + "/volume";
  std::string target = outside(holder);
  {
    RacingVolume racing(volume, target);
    for (int i = 0; i < 12; ++i) {
      Container box;
      box.spec["mounts"].push_back(
          {{"type", "bind"}, {"source", volume}, {"destination", "/volume"}, {"options", {"rbind"}}});
      change(box.spec);
      box.script("true");
      box.run();
    }
  }
  EXPECT_TRUE(empty_directory(target));
}

// runc 2021-30465, 2024-45310: a shared volume's folder and a link are swapped while mounts are created in it.
TEST(Attack, RacingSwapOfAMountDestinationNeverReachesTheHost) {
  race([](Json& spec) {
    spec["mounts"].push_back({{"type", "tmpfs"},
                              {"source", "tmpfs"},
                              {"destination", "/volume/a/made/by/us"},
                              {"options", Json::array()}});
  });
}

TEST(Attack, RacingSwapOfAFileDestinationNeverReachesTheHost) {
  race([](Json& spec) {
    spec["mounts"].push_back({{"type", "bind"},
                              {"source", "/etc/hostname"},
                              {"destination", "/volume/a/made/file"},
                              {"options", {"bind"}}});
  });
}

TEST(Attack, RacingSwapOfADeviceFolderNeverReachesTheHost) {
  race([](Json& spec) {
    spec["linux"]["devices"] = Json::array(
        {{{"path", "/volume/a/made/device"}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"fileMode", 438}}});
  });
}

// Files that the engine mounts over /etc/hosts and similar paths, in an image whose /etc is a link.
TEST(Attack, FileMountBelowALinkedFolderStaysInside) {
  Container box;
  link_in_image(box, "/settings", outside(box));
  box.spec["mounts"].push_back({{"type", "bind"},
                                {"source", "/etc/hostname"},
                                {"destination", "/settings/hosts"},
                                {"options", {"bind"}}});
  (void)failure_of(box);
  EXPECT_TRUE(empty_directory(outside(box)));
}

// crun 2026-88265, runc 2025-31133: each device of the image is a link to something on the host.
TEST(Attack, DeviceLinksAreNotFollowed) {
  for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
    Container box;
    remove_mounts_below(box.spec, "/dev");
    link_in_image(box, std::string("/dev/") + name, outside(box) + "/made");
    EXPECT_EQ(failure_of(box), std::string("device: /dev/") + name + " exists but is a different file");
    EXPECT_TRUE(empty_directory(outside(box)));
  }
}

// The links in /dev (ptmx, fd, stdin ...) are created once, never through existing entries, and nothing is removed.
TEST(Attack, PtmxOfTheImageIsNeitherRemovedNorFollowed) {
  Container box;
  remove_mounts_below(box.spec, "/dev");
  std::string victim = outside(box) + "/victim";
  ASSERT_TRUE(write_file(victim, "kept").has_value());
  link_in_image(box, "/dev/ptmx", victim);
  EXPECT_EQ(failure_of(box), "");
  EXPECT_EQ(read_file(victim).value_or(""), "kept");
}

TEST(Attack, MaskedLinkIsMaskedAtItsTarget) {
  Container box;
  std::string victim = outside(box) + "/victim";
  ASSERT_TRUE(write_file(victim, "kept").has_value());
  ASSERT_TRUE(write_file(box.folder() + "/upper/real", "bait").has_value());
  link_in_image(box, "/masked", "/../../real");
  link_in_image(box, "/away", victim);
  box.spec["linux"]["maskedPaths"] = Json::array({"/masked", "/away"});
  box.spec["linux"]["readonlyPaths"] = Json::array({"/away"});
  box.script("cat /masked /real; cat /away 2>/dev/null; stat -c %t:%T /real");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : "");
  EXPECT_EQ(box.output(), "1:3\n");
}

// The removal of a container's files does not follow their links.
TEST(Attack, RemovalOfAContainersFilesDoesNotFollowItsLinks) {
  Container box;
  std::string kept = outside(box);
  ASSERT_TRUE(write_file(kept + "/file", "kept").has_value());
  std::string folder = box.folder() + "/doomed";
  ASSERT_TRUE(ensure_directory(folder + "/inner").has_value());
  ASSERT_EQ(::symlink(kept.c_str(), (folder + "/directory").c_str()), 0);
  ASSERT_EQ(::symlink((kept + "/file").c_str(), (folder + "/inner/file").c_str()), 0);
  EXPECT_TRUE(remove_tree(folder).has_value());
  EXPECT_EQ(read_file(kept + "/file").value_or(""), "kept");
}

// runc 2019-16884, 2025-52881: the mount at /proc is not a procfs, so that our writes are redirected.
TEST(Attack, SysctlsAreWrittenThroughOurOwnProcfs) {
  Container box;
  std::string fake = box.folder() + "/fake";
  ASSERT_TRUE(ensure_directory(fake + "/sys/net/ipv4").has_value());
  ASSERT_TRUE(write_file(fake + "/sys/net/ipv4/ip_unprivileged_port_start", "1024\n").has_value());
  for (Json& mount : box.spec["mounts"]) {
    if (mount["destination"] == "/proc")
      mount = {{"destination", "/proc"}, {"type", "bind"}, {"source", fake}, {"options", {"rbind"}}};
  }
  box.spec["mounts"].push_back({{"destination", "/kernel"},
                                {"type", "proc"},
                                {"source", "proc"},
                                {"options", {"nosuid", "noexec", "nodev"}}});
  box.spec["linux"]["maskedPaths"] = Json::array();
  box.spec["linux"]["readonlyPaths"] = Json::array();
  box.spec["linux"]["sysctl"] = {{"net.ipv4.ip_unprivileged_port_start", "77"}};
  box.script(
      "cat /kernel/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_unprivileged_port_start");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : "");
  EXPECT_EQ(box.output(), "77\n1024\n");
}

TEST(Attack, SelfReferringProgramDoesNotRunOurs) {
  Container box;
  ASSERT_TRUE(write_file(box.folder() + "/upper/self", "#!/proc/self/exe\n", 0755).has_value());
  box.command({"/self"});
  box.start();
  int code = box.wait();
  // Our launcher may be executed as the interpreter, but without its descriptors it only reports that and exits.
  EXPECT_NE(code, 0);
  EXPECT_EQ(box.output().find("Segmentation"), std::string::npos);
}

// runc 2025-52881: writes below /proc are redirected.
TEST(Attack, SysctlNamesCannotLeaveTheirFolder) {
  // In dotted names a slash stands for a dot.
  for (const char* name :
       {"net.//.kernel.core_pattern", "net.ipv4.//.//.kernel.core_pattern", "net./.kernel.core_pattern",
        "net/../kernel/core_pattern", "net.ipv4/../../kernel/core_pattern", "net//../../sysrq-trigger",
        "net.ipv4.conf....vm.swappiness", "net"}) {
    std::string before = host_output("cat /proc/sys/kernel/core_pattern");
    Container box;
    box.spec["linux"]["sysctl"] = {{name, "hacked"}};
    EXPECT_NE(failure_of(box), "") << name;
    EXPECT_EQ(host_output("cat /proc/sys/kernel/core_pattern"), before) << name;
  }
}

TEST(Attack, ProcessAndKernelFilesCannotBeCovered) {
  for (const char* place :
       {"/proc/self", "/proc/1", "/proc/sys/kernel", "/proc/self/attr", "/proc/sysrq-trigger"}) {
    Container box;
    box.spec["mounts"].push_back(
        {{"type", "bind"}, {"source", outside(box)}, {"destination", place}, {"options", {"rbind"}}});
    EXPECT_NE(failure_of(box).find("cannot be mounted: it is inside /proc"), std::string::npos) << place;
  }
}

TEST(Attack, ProcSpelledDifferentlyIsStillProc) {
  Container box;
  box.spec["mounts"].push_back({{"type", "bind"},
                                {"source", outside(box)},
                                {"destination", "//proc/../proc/./self"},
                                {"options", {"rbind"}}});
  EXPECT_NE(failure_of(box).find("inside /proc"), std::string::npos);
}

// A link outside /proc that leads into it.
TEST(Attack, LinkIntoProcDoesNotBypassTheRule) {
  Container box;
  link_in_image(box, "/way", "/proc");
  box.spec["mounts"].push_back(
      {{"type", "bind"}, {"source", outside(box)}, {"destination", "/way/sys"}, {"options", {"rbind"}}});
  EXPECT_NE(failure_of(box), "");
}

// docker 2018-15664, containerd 2022-23648: files of the image are read through links to the host.
TEST(Attack, DeviceOfTheImageIsNotUsedAsOurs) {
  Container box;
  remove_mounts_below(box.spec, "/dev");
  ASSERT_TRUE(ensure_directory(box.folder() + "/upper/dev").has_value());
  ASSERT_EQ(::mknod((box.folder() + "/upper/dev/zero").c_str(), S_IFCHR | 0666, makedev(1, 1)), 0);
  EXPECT_EQ(failure_of(box), "device: /dev/zero exists but is a different file");
}

TEST(Attack, ReleaseAgentCannotBeReached) {
  Container box;
  box.script(
      "mount -t cgroup -o memory x /tmp 2>/dev/null && echo mounted; unshare -m true 2>/dev/null && echo "
      "unshared; "
      "for f in $(find /sys/fs/cgroup -name cgroup.procs); do (echo 1 > $f) 2>/dev/null && echo written; "
      "done; true");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "");
}

}  // namespace
}  // namespace stack::runtime::test
