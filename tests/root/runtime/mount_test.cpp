#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

void add_mount(Container& box, Json mount) { box.spec["mounts"].push_back(std::move(mount)); }

Json bind(const std::string& source, const std::string& destination, std::vector<std::string> options) {
  return Json{
      {"type", "bind"}, {"source", source}, {"destination", destination}, {"options", std::move(options)}};
}

TEST(Mounts, BindsCreateTheirDestinations) {
  Container box;
  ASSERT_TRUE(ensure_directory(box.folder() + "/volume").has_value());
  ASSERT_TRUE(write_file(box.folder() + "/hosts", "127.0.0.1 localhost\n").has_value());
  add_mount(box, bind(box.folder() + "/volume", "/var/lib/store/deep", {"rbind", "rprivate"}));
  add_mount(box, bind(box.folder() + "/hosts", "/etc/hosts", {"rbind", "ro"}));
  box.script(
      "echo kept > /var/lib/store/deep/file; cat /etc/hosts; echo x > /etc/hosts 2>/dev/null || echo ro");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "127.0.0.1 localhost\nro\n");
  EXPECT_EQ(read_file(box.folder() + "/volume/file").value_or(""), "kept\n");
}

TEST(Mounts, SourceByDescriptorReplacesThePath) {
  Container box;
  ASSERT_TRUE(ensure_directory(box.folder() + "/volume/sub").has_value());
  ASSERT_TRUE(write_file(box.folder() + "/volume/sub/file", "inside\n").has_value());
  Fd source(::open((box.folder() + "/volume/sub").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  add_mount(box, bind("/nonexistent", "/data", {"rbind"}));
  box.request.mount_sources["/data"] = source.get();
  box.script("cat /data/file");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : box.output("stderr"));
  EXPECT_EQ(box.output(), "inside\n");
}

TEST(Mounts, FilesOfTheStateDirectoryCanBeBound) {
  Container box;
  ASSERT_TRUE(write_file(box.request.state_dir + "/resolv.conf", "nameserver 127.0.0.11\n").has_value());
  add_mount(box, bind(box.request.state_dir + "/resolv.conf", "/etc/resolv.conf", {"rbind"}));
  box.script("cat /etc/resolv.conf");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : "");
  EXPECT_EQ(box.output(), "nameserver 127.0.0.11\n");
}

TEST(Mounts, MissingBindSourceFailsWithStepAndObject) {
  Container box;
  add_mount(box, bind("/no/such/source", "/data", {"rbind"}));
  box.script("true");
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->step, "mount");
  EXPECT_EQ(box.seen().failed->object, "/data");
  EXPECT_EQ(box.seen().failed->code, ENOENT);
  box.wait();
}

TEST(Mounts, TmpfsHasItsOptions) {
  Container box;
  add_mount(box, {{"type", "tmpfs"},
                  {"source", "tmpfs"},
                  {"destination", "/cache"},
                  {"options", {"nosuid", "nodev", "noexec", "size=1m", "mode=0750"}}});
  box.script(
      "stat -c %a /cache; grep ' /cache ' /proc/mounts | cut -d' ' -f4; "
      "dd if=/dev/zero of=/cache/x bs=1M count=2 2>/dev/null || echo full");
  EXPECT_EQ(box.run(), 0);
  std::string out = box.output();
  EXPECT_TRUE(out.starts_with("750\n")) << out;
  EXPECT_NE(out.find("nosuid,nodev,noexec"), std::string::npos) << out;
  EXPECT_NE(out.find("size=1024k"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with("full\n")) << out;
}

TEST(Mounts, TmpfsWithoutAModeInheritsTheCoveredMode) {
  Container box;
  ASSERT_TRUE(ensure_directory(box.folder() + "/upper/cover", 0755).has_value());
  ASSERT_EQ(::chmod((box.folder() + "/upper/cover").c_str(), 01770), 0);
  add_mount(box,
            {{"type", "tmpfs"}, {"source", "tmpfs"}, {"destination", "/cover"}, {"options", Json::array()}});
  box.script("stat -c %a /cover");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "1770\n");
}

TEST(Mounts, TmpCopyUpStartsWithTheCoveredFiles) {
  Container box;
  ASSERT_TRUE(ensure_directory(box.folder() + "/upper/cfg/sub").has_value());
  ASSERT_TRUE(write_file(box.folder() + "/upper/cfg/sub/file", "seed\n").has_value());
  ASSERT_EQ(::symlink("sub/file", (box.folder() + "/upper/cfg/link").c_str()), 0);
  add_mount(box,
            {{"type", "tmpfs"}, {"source", "tmpfs"}, {"destination", "/cfg"}, {"options", {"tmpcopyup"}}});
  box.script("cat /cfg/link; echo changed > /cfg/sub/file");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : box.output("stderr"));
  EXPECT_EQ(box.output(), "seed\n");
  EXPECT_EQ(read_file(box.folder() + "/upper/cfg/sub/file").value_or(""), "seed\n");
}

TEST(Mounts, RecursiveReadOnlyReachesSubmounts) {
  Container box;
  Container holder;  // used only for its folder
  std::string source = box.folder() + "/tree";
  ASSERT_TRUE(ensure_directory(source + "/sub").has_value());
  add_mount(box, bind(source, "/tree", {"rbind", "rro"}));
  box.script("touch /tree/x 2>/dev/null || echo ro; touch /tree/sub/x 2>/dev/null || echo ro");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "ro\nro\n");
}

TEST(Mounts, UpperDirectoryGetsTheChangesAndLayersStayUnchanged) {
  Container box;
  box.script("echo new > /data/new; rm /etc/group; echo more >> /etc/passwd");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(read_file(box.folder() + "/upper/data/new").value_or(""), "new\n");
  EXPECT_TRUE(path_exists(box.request.rootfs.lower_dirs[0] + "/etc/group"));
  std::string lower = read_file(box.request.rootfs.lower_dirs[0] + "/etc/passwd").value_or("");
  EXPECT_EQ(lower.find("more"), std::string::npos);
}

TEST(Mounts, SeveralLayersAreStackedTopFirst) {
  Container box;
  for (int i = 0; i < 40; ++i) {
    std::string layer = box.folder() + "/layer" + std::to_string(i);
    ASSERT_TRUE(ensure_directory(layer + "/layers").has_value());
    ASSERT_TRUE(write_file(layer + "/layers/top", std::to_string(i)).has_value());
    ASSERT_TRUE(write_file(layer + "/layers/" + std::to_string(i), "").has_value());
    box.request.rootfs.lower_dirs.insert(box.request.rootfs.lower_dirs.begin(), layer);
  }
  box.script("cat /layers/top; echo; ls /layers | wc -l");
  EXPECT_EQ(box.run(), 0);
  EXPECT_EQ(box.output(), "39\n41\n");
}

TEST(Mounts, PlainFolderServesAsRoot) {
  Container box;
  std::string root = box.folder() + "/plain";
  (void)host_output("cp -a " + box.request.rootfs.lower_dirs[0] + " " + root);
  box.request.rootfs = Rootfs();
  box.request.rootfs.path = root;
  box.script("echo here > /mark");
  EXPECT_EQ(box.run(), 0) << (box.seen().failed ? box.seen().failed->text : "");
  EXPECT_EQ(read_file(root + "/mark").value_or(""), "here\n");
}

TEST(Mounts, VolatileUpperCanBeMountedAgain) {
  Container box;
  box.request.rootfs.volatile_upper = true;
  box.script("echo once > /once");
  EXPECT_EQ(box.run(), 0);
  Container again;
  again.request.rootfs.volatile_upper = true;
  again.request.rootfs.upper_dir = box.request.rootfs.upper_dir;
  again.request.rootfs.work_dir = box.request.rootfs.work_dir;
  again.script("cat /once");
  EXPECT_EQ(again.run(), 0) << (again.seen().failed ? again.seen().failed->text : "");
  EXPECT_EQ(again.output(), "once\n");
}

TEST(Mounts, NetworkNamespaceByDescriptorIsJoined) {
  Container first;
  first.script("ip link add dummy0 type dummy 2>/dev/null; sleep 60");
  ASSERT_TRUE(first.start().started);
  Fd netns(::open(("/proc/" + std::to_string(first.pid()) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(netns);
  Container second;
  second.request.netns_fd = netns.get();
  second.script("readlink /proc/self/ns/net");
  EXPECT_EQ(second.run(), 0);
  EXPECT_EQ(second.output(), host_output("readlink /proc/" + std::to_string(first.pid()) + "/ns/net"));
}

TEST(Mounts, NamespaceOfAnotherTypeIsRejected) {
  Container box;
  for (Json& ns : box.spec["linux"]["namespaces"]) {
    if (ns["type"] == "ipc") ns["path"] = "/proc/self/ns/net";
  }
  box.script("true");
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_NE(box.seen().failed->text.find("does not match"), std::string::npos) << box.seen().failed->text;
  box.wait();
}

}  // namespace
}  // namespace stack::runtime::test
