// Images and containers that try to get out. Each test fails when the defence named in it is taken away.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/identity.h"
#include "base/text.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

// Replaces an entry of the image by a link (in the container's upper directory).
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

// runc 2019-16884, 2019-19921, 2023-27561: the place where we trust procfs is moved by a link.
TEST(Attack, ProcThatIsALinkIsRefused) {
  Container box;
  link_in_image(box, "/proc", outside(box));
  EXPECT_EQ(failure_of(box), "mount: /proc: /proc must be a real directory, not a link");
  EXPECT_TRUE(empty_directory(outside(box)));
}

TEST(Attack, SysThatIsALinkIsRefused) {
  Container box;
  link_in_image(box, "/sys", "/etc");
  EXPECT_EQ(failure_of(box), "mount: /sys: /sys must be a real directory, not a link");
}

// runc 2026-41579, crun 2026-47766: device nodes land where a linked /dev points.
TEST(Attack, DevThatIsALinkIsRefused) {
  Container box;
  link_in_image(box, "/dev", outside(box));
  EXPECT_EQ(failure_of(box), "mount: /dev: /dev must be a real directory, not a link");
  EXPECT_TRUE(empty_directory(outside(box)));
}

TEST(Attack, DevWithoutAMountAndAsALinkLeavesTheHostAlone) {
  Container box;
  remove_mounts_below(box.spec, "/dev");
  link_in_image(box, "/dev", outside(box));
  (void)failure_of(box);
  EXPECT_TRUE(empty_directory(outside(box)));
}

// crun 2026-88264: /dev/console made through a link.
TEST(Attack, ConsoleThatIsALinkIsNotFollowed) {
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

// runc 2025-31133: the image's /dev/null is what masks a path.
TEST(Attack, MaskIsTheHostsNullDeviceWhateverTheImageCallsSo) {
  Container box;
  ASSERT_TRUE(write_file(box.folder() + "/upper/bait", "bait").has_value());
  remove_mounts_below(box.spec, "/dev");
  link_in_image(box, "/dev/null", "/bait");
  box.spec["linux"]["maskedPaths"] = Json::array({"/etc/passwd"});
  std::string text = failure_of(box);
  // The link in the way of the real device is noticed.
  EXPECT_EQ(text, "device: /dev/null exists and is something else");
}

// runc 2025-52565: /dev/pts/N is swapped before it is bound to /dev/console.
TEST(Attack, TerminalComesFromADevptsOnly) {
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

// runc 2021-30465, 2024-45310: a shared volume's folder and a link change places while mounts are made in it.
TEST(Attack, RacingExchangeOfAMountDestinationNeverReachesTheHost) {
  Container holder;
  std::string volume = holder.folder() + "/volume";
  std::string target = outside(holder);
  ASSERT_TRUE(ensure_directory(volume + "/a").has_value());
  ASSERT_EQ(::symlink(target.c_str(), (volume + "/b").c_str()), 0);
  std::atomic<bool> stop{false};
  std::thread racer([&] {
    while (!stop) (void)::renameat2(AT_FDCWD, (volume + "/a").c_str(), AT_FDCWD, (volume + "/b").c_str(), 2);
  });
  for (int i = 0; i < 15; ++i) {
    Container box;
    box.spec["mounts"].push_back(
        {{"type", "bind"}, {"source", volume}, {"destination", "/volume"}, {"options", {"rbind"}}});
    box.spec["mounts"].push_back({{"type", "tmpfs"},
                                  {"source", "tmpfs"},
                                  {"destination", "/volume/a/made/by/us"},
                                  {"options", Json::array()}});
    box.script("true");
    box.run();
  }
  stop = true;
  racer.join();
  EXPECT_TRUE(empty_directory(target));
}

// runc 2024-21626: a working directory behind a leaked descriptor.
TEST(Attack, WorkingDirectoryThroughDescriptorsIsRefused) {
  for (int fd = 3; fd < 24; ++fd) {
    Container box;
    box.spec["process"]["cwd"] = "/proc/self/fd/" + std::to_string(fd);
    box.script("ls / | grep -q state && echo host; cat ../../../../etc/hostname 2>/dev/null; true");
    box.start();
    box.wait();
    EXPECT_EQ(box.output(), "") << fd;
  }
}

// runc 2019-5736: the program that enters a container is overwritten from inside.
TEST(Attack, OurProgramsCannotBeOverwritten) {
  std::string folder = directory_name(STACK_MONITOR);
  auto digest = [&](const char* name) { return sha256_hex(read_file(folder + "/" + name).value_or("")); };
  std::string monitor = digest("stack-monitor"), init = digest("stack-init");
  Container box;
  box.request.use_init = true;
  box.request.seccomp_bpf.clear();
  ASSERT_TRUE(write_file(box.folder() + "/upper/again", "#!/proc/self/exe\n", 0755).has_value());
  box.script("(echo overwritten > /proc/1/exe) 2>&1 | head -1; sleep 60");
  ASSERT_TRUE(box.start().started);
  for (int i = 0; i < 200 && box.output().empty(); ++i) usleep(10000);
  EXPECT_TRUE(box.output().find("Read-only file system") != std::string::npos ||
              box.output().find("Text file busy") != std::string::npos)
      << box.output();
  // Executing what executes the exec: our launcher as an interpreter, which then is the file to overwrite.
  Container::ExecResult result = box.exec_process(box.exec_process_json({"/again"}));
  (void)result;
  (void)box.exec("for i in $(seq 50); do (echo x > /proc/1/exe) 2>/dev/null; done");
  EXPECT_EQ(digest("stack-monitor"), monitor);
  EXPECT_EQ(digest("stack-init"), init);
}

TEST(Attack, ProgramThatNamesItselfDoesNotRunOurs) {
  Container box;
  ASSERT_TRUE(write_file(box.folder() + "/upper/self", "#!/proc/self/exe\n", 0755).has_value());
  box.command({"/self"});
  box.start();
  int code = box.wait();
  // Our launcher may be executed as the interpreter, but without its descriptors it only says so and ends.
  EXPECT_NE(code, 0);
  EXPECT_EQ(box.output().find("Segmentation"), std::string::npos);
}

// runc 2025-52881: writes below /proc are sent elsewhere.
TEST(Attack, SysctlNamesCannotLeaveTheirPlace) {
  for (const char* name : {"net/../kernel/core_pattern", "net.ipv4/../../kernel/core_pattern",
                           "net//../../sysrq-trigger", "net.ipv4.conf....vm.swappiness", "net"}) {
    std::string before = host_output("cat /proc/sys/kernel/core_pattern");
    Container box;
    box.spec["linux"]["sysctl"] = {{name, "hacked"}};
    EXPECT_NE(failure_of(box), "") << name;
    EXPECT_EQ(host_output("cat /proc/sys/kernel/core_pattern"), before) << name;
  }
}

TEST(Attack, NothingCanBeBoundOverProcessesOrKernelFiles) {
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

// A link elsewhere that leads into /proc.
TEST(Attack, LinkIntoProcIsNoWayAroundTheRule) {
  Container box;
  link_in_image(box, "/way", "/proc");
  box.spec["mounts"].push_back(
      {{"type", "bind"}, {"source", outside(box)}, {"destination", "/way/sys"}, {"options", {"rbind"}}});
  EXPECT_NE(failure_of(box), "");
}

// docker 2018-15664, containerd 2022-23648: files of the image are read through links to the host.
TEST(Attack, DeviceListedInTheImageIsNotTakenForOurs) {
  Container box;
  remove_mounts_below(box.spec, "/dev");
  ASSERT_TRUE(ensure_directory(box.folder() + "/upper/dev").has_value());
  ASSERT_EQ(::mknod((box.folder() + "/upper/dev/zero").c_str(), S_IFCHR | 0666, makedev(1, 1)), 0);
  EXPECT_EQ(failure_of(box), "device: /dev/zero exists and is something else");
}

TEST(Attack, ContainersProcessesCannotSeeOrTraceTheHelperThatEnters) {
  Container box;
  box.script(
      "while :; do for p in /proc/[0-9]*; do [ -r $p/environ ] && readlink $p/exe; done; done "
      "2>/dev/null | grep -v '^/bin/busybox' | head -1 > /found & sleep 60");
  ASSERT_TRUE(box.start().started);
  for (int i = 0; i < 20; ++i) (void)box.exec("true");
  EXPECT_EQ(read_file(box.folder() + "/upper/found").value_or(""), "");
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
