// Namespaces: new, joined, inherited. config-linux.md "Namespaces", "Time offsets", "User namespace mappings"
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "bundle_fixture.h"

namespace stack::runtime::test {
namespace {

std::string link_of(pid_t pid, const std::string& kind) {
  std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
  std::string out(256, '\0');
  ssize_t size = ::readlink(path.c_str(), out.data(), out.size());
  out.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return out;
}

void map_ids(Bundle& bundle) {
  bundle.set_namespace("user");
  for (const char* key : {"uidMappings", "gidMappings"})
    bundle.spec["linux"][key] = Json::array({{{"containerID", 0}, {"hostID", 200000}, {"size", 65536}}});
}

TEST(OciNamespaces, ListedNamespacesAreNewAndOthersAreInherited) {
  Bundle bundle;
  bundle.set_namespace("time");
  bundle.set_namespace("cgroup");
  bundle.drop_namespace("uts");
  bundle.spec.erase("hostname");
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  for (const char* kind : {"pid", "net", "mnt", "ipc", "cgroup", "time"})
    EXPECT_NE(link_of(bundle.pid(), kind), link_of(::getpid(), kind)) << kind;
  for (const char* kind : {"uts", "user"})
    EXPECT_EQ(link_of(bundle.pid(), kind), link_of(::getpid(), kind)) << kind;
}

TEST(OciNamespaces, NamespacesCanBeJoined) {
  Bundle first, second;
  map_ids(first);
  first.set_namespace("time");
  first.spec["linux"]["timeOffsets"] = {{"boottime", {{"secs", 100000}}}};
  first.command({"sleep", "1000"});
  ASSERT_EQ(first.run({"--detach"}).code, 0);
  std::string base = "/proc/" + std::to_string(first.pid()) + "/ns/";
  map_ids(second);
  second.spec["linux"].erase("uidMappings");
  second.spec["linux"].erase("gidMappings");
  second.spec.erase("hostname");
  const std::pair<const char*, const char*> kinds[] = {{"user", "user"}, {"pid", "pid"}, {"network", "net"},
                                                       {"ipc", "ipc"},   {"uts", "uts"}, {"time", "time"}};
  for (auto [type, file] : kinds) second.set_namespace(type, base + file);
  second.command({"sleep", "1000"});
  Ran ran = second.run({"--detach"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  for (auto [type, file] : kinds) EXPECT_EQ(link_of(second.pid(), file), link_of(first.pid(), file)) << type;
  EXPECT_NE(link_of(second.pid(), "mnt"), link_of(first.pid(), "mnt"));
  // Hooks and all our own processes stay outside.
  Ran listed = second.call({"exec", "box", "ps"});
  EXPECT_NE(listed.output.find("sleep 1000"), std::string::npos) << listed.output;
}

TEST(OciNamespaces, WrongOrDuplicateTypesAreErrors) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.set_namespace("network", "/proc/self/ns/ipc");
  EXPECT_NE(bundle.run().output.find("its type does not match"), std::string::npos);
  bundle.set_namespace("network", "/etc/passwd");
  EXPECT_EQ(bundle.run().code, 1);
  bundle.set_namespace("network", "relative/path");
  EXPECT_EQ(bundle.run().code, 1);
  bundle.set_namespace("network");
  bundle.spec["linux"]["namespaces"].push_back({{"type", "network"}});
  EXPECT_NE(bundle.run().output.find("given twice"), std::string::npos);
}

TEST(OciNamespaces, TimeOffsetsMoveTheClocks) {
  Bundle bundle;
  bundle.set_namespace("time");
  bundle.spec["linux"]["timeOffsets"] = {{"boottime", {{"secs", 1000000}}}, {"monotonic", {{"secs", 7}}}};
  bundle.script("cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets");
  Ran ran = bundle.run();
  EXPECT_GT(std::atol(ran.output.c_str()), 1000000) << ran.output;
}

TEST(OciNamespaces, MappedRootIsAnotherHostUser) {
  Bundle bundle;
  map_ids(bundle);
  ASSERT_EQ(host_output("chown -R 200000:200000 " + bundle.root()), "");
  // The mapped user cannot access the host path of the bind source; the bind mount is created anyway.
  ASSERT_TRUE(ensure_directory(bundle.folder() + "/closed/inner", 0755).has_value());
  ASSERT_EQ(host_output("chmod 700 " + bundle.folder() + "/closed; echo x > " + bundle.folder() +
                        "/closed/inner/f"),
            "");
  bundle.spec["mounts"].push_back(
      {{"destination", "/data"}, {"type", "bind"}, {"source", "closed/inner"}, {"options", {"rbind"}}});
  bundle.script("cat /proc/self/uid_map; cat /data/f; stat -c %t,%T /dev/null; touch /tmp/mine");
  Ran ran = bundle.run();
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("200000      65536"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("x\n1,3\n"), std::string::npos) << ran.output;
  struct stat info{};
  ASSERT_EQ(::stat((bundle.root() + "/tmp/mine").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 200000U);
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  EXPECT_EQ(bundle.call({"exec", "box", "stat", "-c", "%u", "/tmp/mine"}).output, "0\n");
}

TEST(OciNamespaces, SysctlsRequireTheirNamespace) {
  Bundle bundle;
  bundle.spec["linux"]["sysctl"] = {{"kernel.msgmax", "65536"}, {"net/ipv4/ip_forward", "1"}};
  bundle.script("cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward");
  EXPECT_EQ(bundle.run().output, "65536\n1\n");
  bundle.drop_namespace("ipc");
  EXPECT_EQ(bundle.run().code, 1);
}

TEST(OciNamespaces, NetworkDevicesMoveInWithTheirAddresses) {
  Bundle bundle;
  bundle.spec["linux"]["netDevices"] = {{"nic7", {{"name", "eth%d"}}}};
  bundle.script("ip addr show eth0");
  ASSERT_TRUE(write_file(bundle.folder() + "/config.json", to_text(bundle.spec)).has_value());
  std::string run = STACK_RUNTIME " --root " + bundle.state_root() + " run -b " + bundle.folder() + " box";
  std::string text = host_output(
      "unshare -n sh -c 'ip link add nic7 type veth peer name far7 && "
      "ip addr add 10.9.8.7/24 dev nic7 && ip link set nic7 up && ip link set far7 up && " +
      run + "; ip link show nic7' 2>&1");
  EXPECT_NE(text.find("inet 10.9.8.7/24"), std::string::npos) << text;
  EXPECT_NE(text.find("UP"), std::string::npos) << text;
  text = host_output("unshare -n sh -c '" + run + "' 2>&1");
  EXPECT_NE(text.find("netDevices: nic7: no such device on the host"), std::string::npos) << text;
}

}  // namespace
}  // namespace stack::runtime::test
