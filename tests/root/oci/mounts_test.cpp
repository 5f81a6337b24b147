// Mounts and the root. config.md "Mounts", config-linux.md
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "bundle_fixture.h"

namespace stack::runtime::test {
namespace {

Json bind(const std::string& source, const std::string& to, std::vector<std::string> options) {
  return {{"destination", to}, {"type", "bind"}, {"source", source}, {"options", std::move(options)}};
}

TEST(OciMounts, BindsAreRelativeToTheBundleAndHonorTheirOptions) {
  Bundle bundle;
  ASSERT_TRUE(ensure_directory(bundle.folder() + "/src").has_value());
  bundle.spec["mounts"].push_back(bind("src", "/data", {"bind", "ro", "nosuid", "noexec"}));
  bundle.script("touch /data/x; grep -o ' /data ro,nosuid,noexec' /proc/self/mountinfo");
  Ran ran = bundle.run();
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("/data ro,nosuid,noexec"), std::string::npos) << ran.output;
}

TEST(OciMounts, IdsOfABindCanBeMapped) {
  Bundle bundle;
  ASSERT_TRUE(ensure_directory(bundle.folder() + "/src").has_value());
  ASSERT_EQ(host_output("touch " + bundle.folder() + "/src/f; chown 1000:1000 " + bundle.folder() + "/src/f"),
            "");
  Json mount = bind("src", "/data", {"rbind", "idmap"});
  mount["uidMappings"] = mount["gidMappings"] =
      Json::array({{{"containerID", 1000}, {"hostID", 5000}, {"size", 10}}});
  bundle.spec["mounts"].push_back(mount);
  bundle.script("stat -c %u:%g /data/f");
  Ran ran = bundle.run();
  EXPECT_EQ(ran.output, "5000:5000\n");
  mount.erase("uidMappings");
  bundle.spec["mounts"].back() = mount;
  EXPECT_EQ(bundle.run().code, 1) << "one kind of mapping alone was accepted";
  mount.erase("gidMappings");
  bundle.spec["mounts"].back() = mount;
  EXPECT_NE(bundle.run().output.find("idmap requires"), std::string::npos);
}

TEST(OciMounts, ReadOnlyRootStaysReadOnly) {
  Bundle bundle;
  bundle.spec["root"]["readonly"] = true;
  bundle.script("touch /x; touch /dev/shm/y && echo shm");
  Ran ran = bundle.run();
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("shm"), std::string::npos);
}

TEST(OciMounts, RootPropagationIsAsRequested) {
  for (const auto& [word, expected] : std::map<std::string, std::string>{{"shared", "shared:"},
                                                                         {"rshared", "shared:"},
                                                                         {"private", ""},
                                                                         {"slave", ""},
                                                                         {"unbindable", "unbindable"}}) {
    Bundle bundle;
    bundle.spec["linux"]["rootfsPropagation"] = word;
    bundle.script("grep ' / / ' /proc/self/mountinfo || grep ' / ' /proc/self/mountinfo | head -1");
    Ran ran = bundle.run();
    EXPECT_EQ(ran.code, 0) << word << ": " << ran.output;
    EXPECT_NE(ran.output.find(expected), std::string::npos) << word << ": " << ran.output;
    if (expected.empty()) {
      EXPECT_EQ(ran.output.find("shared:"), std::string::npos) << word << ": " << ran.output;
    }
  }
}

TEST(OciMounts, LaterMountOfDevWins) {
  Bundle bundle;
  Json tmpfs{{"destination", "/dev"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"tmpcopyup"}}};
  bundle.spec["mounts"].push_back(tmpfs);
  bundle.spec["mounts"].push_back(
      {{"destination", "/dev/late"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"size=1m"}}});
  bundle.script("grep -c ' /dev/late ' /proc/self/mountinfo; touch /dev/late/x && ls /dev/late");
  EXPECT_EQ(bundle.run().output, "1\nx\n");
}

TEST(OciMounts, RootPropagationDoesNotChangeThatOfMounts) {
  Bundle bundle;
  bundle.spec["mounts"].push_back({{"destination", "/data"},
                                   {"type", "bind"},
                                   {"source", bundle.folder()},
                                   {"options", {"bind", "rshared"}}});
  bundle.spec["linux"]["rootfsPropagation"] = "private";
  bundle.script("grep ' /data ' /proc/self/mountinfo");
  EXPECT_NE(bundle.run().output.find("shared:"), std::string::npos);
  bundle.spec["linux"]["rootfsPropagation"] = "rprivate";
  EXPECT_EQ(bundle.run().output.find("shared:"), std::string::npos);
}

TEST(OciMounts, TmpfsMayStartWithTheCoveredFiles) {
  Bundle bundle;
  ASSERT_TRUE(write_file(bundle.root() + "/data/f", "here\n").has_value());
  bundle.spec["mounts"].push_back(
      {{"destination", "/data"}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", {"tmpcopyup", "sync"}}});
  bundle.script("cat /data/f; echo changed > /data/f");
  EXPECT_EQ(bundle.run().output, "here\n");
  EXPECT_EQ(bundle.file("/data/f"), "here\n");
}

TEST(OciMounts, RootIsTheContainersEvenWithoutAPivot) {
  Bundle bundle;
  bundle.script("ls -d /data; ls " + bundle.folder() + " || echo hidden");
  Ran ran = bundle.run({"--no-pivot"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("hidden"), std::string::npos) << ran.output;
}

TEST(OciMounts, WithoutAMountNamespaceNothingStaysOnTheHost) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  bundle.drop_namespace("mount");
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  EXPECT_NE(host_output("grep " + bundle.root() + "/proc /proc/self/mountinfo"), "");
  EXPECT_NE(host_output("ls -l /proc/" + std::to_string(bundle.pid()) + "/root").find("-> " + bundle.root()),
            std::string::npos);
  EXPECT_EQ(bundle.call({"delete", "-f", "box"}).code, 0);
  EXPECT_EQ(host_output("grep " + bundle.root() + " /proc/self/mountinfo"), "");
  bundle.spec["mounts"].push_back({{"destination", "/data"}, {"type", "nonsense"}, {"source", "x"}});
  EXPECT_EQ(bundle.run().code, 1);
}

TEST(OciMounts, DevicesAreCreatedAnywhereButNotOverOthers) {
  Bundle bundle;
  bundle.spec["linux"]["devices"] = Json::array({{{"path", "/data/null"},
                                                  {"type", "c"},
                                                  {"major", 1},
                                                  {"minor", 3},
                                                  {"fileMode", 384},
                                                  {"uid", 7},
                                                  {"gid", 8}},
                                                 {{"path", "/dev/pipe"}, {"type", "p"}}});
  bundle.script("stat -c '%F %a %u:%g' /data/null /dev/pipe");
  EXPECT_EQ(bundle.run().output, "character special file 600 7:8\nfifo 666 0:0\n");
  bundle.spec["linux"]["devices"][0]["minor"] = 5;
  EXPECT_EQ(bundle.run().code, 1) << "a node of another number was taken for this one";
}

TEST(OciMounts, ReadOnlyTmpfsIsFilledFirst) {
  Bundle bundle;
  for (Json& mount : bundle.spec["mounts"])
    if (mount["destination"] == "/dev") mount["options"].push_back("ro");
  bundle.script("echo > /dev/null && ls -d /dev/pts /dev/zero; touch /dev/x");
  Ran ran = bundle.run();
  EXPECT_TRUE(ran.output.starts_with("/dev/pts\n/dev/zero\n")) << ran.output;
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos) << ran.output;
}

// A user namespace may mount a procfs if it finds one that is not covered, so the host's must not be below.
TEST(OciMounts, NoHostMountRemainsBelowAMovedRoot) {
  Bundle bundle;
  bundle.script("unshare -mrpf sh -c 'mount -t proc none /proc && echo bare' 2>&1 || echo refused");
  for (const char* set : {"bounding", "permitted", "effective"})
    bundle.spec["process"]["capabilities"][set].push_back("CAP_SETFCAP");
  Ran moved = bundle.call({"run", "--no-pivot", "--bundle", bundle.folder(), "box"});
  EXPECT_EQ(moved.output.find("bare"), std::string::npos) << moved.output;
  EXPECT_NE(moved.output.find("refused"), std::string::npos) << moved.output;
}

}  // namespace
}  // namespace stack::runtime::test
