// Groups and limits: create, update, pause, resume, ps, kill --all. config-linux.md "Control groups"
#include <gtest/gtest.h>
#include <signal.h>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "bundle_fixture.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::runtime::test {
namespace {

std::string control(const Bundle& bundle, const std::string& controller, const std::string& v1,
                    const std::string& v2) {
  Cgroups cgroups = Cgroups::detect().value();
  bool unified = cgroups.mode() == CgroupMode::V2;
  std::string text = read_file(cgroups.directory(controller, bundle.cgroup()) + "/" + (unified ? v2 : v1))
                         .value_or("(missing)");
  return std::string(trim(text));
}

TEST(OciResources, LimitsAreSetAndUpdated) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  bundle.spec["linux"]["resources"]["memory"] = {{"limit", 67108864}};
  bundle.spec["linux"]["resources"]["pids"] = {{"limit", 17}};
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  EXPECT_EQ(control(bundle, "memory", "memory.limit_in_bytes", "memory.max"), "67108864");
  EXPECT_EQ(control(bundle, "pids", "pids.max", "pids.max"), "17");
  ASSERT_EQ(bundle.call({"update", "--memory", "32m", "--pids-limit", "18", "box"}).code, 0);
  EXPECT_EQ(control(bundle, "memory", "memory.limit_in_bytes", "memory.max"), "33554432");
  ASSERT_TRUE(write_file(bundle.folder() + "/r.json", R"({"pids":{"limit":19}})").has_value());
  ASSERT_EQ(bundle.call({"update", "-r", bundle.folder() + "/r.json", "box"}).code, 0);
  EXPECT_EQ(control(bundle, "pids", "pids.max", "pids.max"), "19");
}

TEST(OciResources, DenyAllKeepsTheUsualDevices) {
  Bundle bundle;
  bundle.spec["linux"]["resources"]["devices"] = Json::array({{{"allow", false}, {"access", "rwm"}}});
  bundle.spec["linux"]["devices"] =
      Json::array({{{"path", "/dev/port"}, {"type", "c"}, {"major", 1}, {"minor", 4}}});
  bundle.script("echo x > /dev/null && echo null; head -c1 /dev/zero | wc -c; cat /dev/port");
  Ran ran = bundle.run();
  EXPECT_NE(ran.output.find("null\n1\n"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("Operation not permitted"), std::string::npos) << ran.output;
}

TEST(OciResources, DevicesGroupIsCreatedOnlyForRules) {
  Cgroups cgroups = Cgroups::detect().value();
  if (cgroups.mode() == CgroupMode::V2) GTEST_SKIP() << "version 2 has one group for all";
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  bundle.spec["linux"]["resources"] = Json::object();
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  EXPECT_FALSE(path_exists(cgroups.directory("devices", bundle.cgroup())));
  EXPECT_TRUE(path_exists(cgroups.directory("memory", bundle.cgroup())));
  // The container's processes are in every created group.
  Ran exec = bundle.call({"exec", "box", "grep", "-c", bundle.cgroup() + "$", "/proc/self/cgroup"});
  EXPECT_EQ(exec.code, 0) << exec.output;
}

TEST(OciResources, LimitsCanBeAddedForANewController) {
  Bundle bundle;
  bundle.script("sleep 1000 & sleep 1000");
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  Ran update = bundle.call({"update", "--cpuset-cpus", "0", "box"});
  ASSERT_EQ(update.code, 0) << update.output;
  EXPECT_EQ(control(bundle, "cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  // For running and new processes.
  EXPECT_EQ(host_output("grep Cpus_allowed_list /proc/" + std::to_string(bundle.pid()) + "/status"),
            "Cpus_allowed_list:\t0\n");
  EXPECT_EQ(bundle.call({"exec", "box", "nproc"}).output, "1\n");
}

TEST(OciResources, MissingControlFileIsNamed) {
  Cgroups cgroups = Cgroups::detect().value();
  if (cgroups.mode() == CgroupMode::V2) GTEST_SKIP() << "version 2 has no leaf weights";
  Bundle bundle;
  bundle.command({"true"});
  bundle.spec["linux"]["resources"]["blockIO"] = {{"weight", 300}};
  Ran ran = bundle.run();
  bool weights = ran.code == 0;
  if (!weights) {
    EXPECT_NE(ran.output.find("this kernel has no blkio.weight"), std::string::npos) << ran.output;
  }
  bundle.spec["linux"]["resources"]["blockIO"] = {{"leafWeight", 300}};
  ran = bundle.run();
  if (ran.code != 0) {
    EXPECT_NE(ran.output.find("this kernel has no blkio.leaf_weight to set to 300"), std::string::npos)
        << ran.output;
  }
}

TEST(OciResources, WritableGroupBelongsToTheContainersUser) {
  if (Cgroups::detect().value().mode() != CgroupMode::V2)
    GTEST_SKIP() << "needs cgroup version 2 alone: tests/vm/run";
  Bundle bundle;
  bundle.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
  for (Json& mount : bundle.spec["mounts"]) {
    if (mount["type"] == "cgroup" || mount["type"] == "cgroup2")
      mount["options"] = {"nosuid", "noexec", "nodev"};
  }
  bundle.set_namespace("cgroup");
  bundle.script(
      "cd /sys/fs/cgroup && mkdir below && echo 0 > below/cgroup.procs && echo made $(cat /proc/self/cgroup);"
      "echo 7 > pids.max");
  Ran ran = bundle.run();
  EXPECT_NE(ran.output.find("made 0::/below"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("pids.max: Permission denied"), std::string::npos) << ran.output;
}

TEST(OciResources, PauseAndResume) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  ASSERT_EQ(bundle.call({"pause", "box"}).code, 0);
  EXPECT_EQ(bundle.status(), "paused");
  EXPECT_EQ(bundle.call({"exec", "box", "true"}).code, 255);
  ASSERT_EQ(bundle.call({"resume", "box"}).code, 0);
  EXPECT_EQ(bundle.status(), "running");
  ASSERT_EQ(bundle.call({"pause", "box"}).code, 0);
  EXPECT_EQ(bundle.call({"delete", "--force", "box"}).code, 0) << "a paused container cannot be removed";
}

TEST(OciResources, AllProcessesAreListedAndSignaled) {
  Bundle bundle;
  bundle.script(
      "trap 'echo got >> /data/got; exit' TERM; sh -c 'trap \"echo got >> /data/got; exit\" TERM; "
      "touch /data/up; while :; do sleep 0.05; done' & while :; do sleep 0.05; done");
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  ASSERT_TRUE(bundle.wait_for_file("/data/up"));
  Json pids = parse_json(bundle.call({"ps", "-f", "json", "box"}).output).value();
  EXPECT_GE(pids.size(), 2U);
  EXPECT_NE(std::find(pids.begin(), pids.end(), bundle.pid()), pids.end());
  EXPECT_NE(bundle.call({"ps", "box"}).output.find("sleep"), std::string::npos);
  ASSERT_EQ(bundle.call({"kill", "--all", "box", "TERM"}).code, 0);
  ASSERT_TRUE(bundle.wait_for_status("stopped"));
  EXPECT_NE(bundle.file("/data/got"), "");
}

TEST(OciResources, WithoutAManagerThereIsNoGroup) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  Ran ran = bundle.call({"--cgroup-manager", "disabled", "run", "-d", "-b", bundle.folder(), "box"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  EXPECT_FALSE(Cgroups::detect().value().exists(bundle.cgroup()));
  Ran pause = bundle.call({"pause", "box"});
  EXPECT_NE(pause.output.find("without a cgroup"), std::string::npos) << pause.output;
}

TEST(OciResources, UnavailableLimitsAreRejected) {
  Bundle bundle;
  bundle.command({"true"});
  if (Cgroups::detect().value().mode() != CgroupMode::V2) {
    bundle.spec["linux"]["resources"]["unified"] = {{"memory.max", "1000000"}};
    EXPECT_NE(bundle.run().output.find("cgroup v2"), std::string::npos);
    bundle.spec["linux"]["resources"].erase("unified");
  }
  if (!path_exists("/sys/fs/resctrl/schemata")) {
    bundle.spec["linux"]["intelRdt"] = {{"closID", "x"}};
    EXPECT_NE(bundle.run().output.find("resctrl is not mounted"), std::string::npos);
    bundle.spec["linux"].erase("intelRdt");
  }
  bundle.spec["process"]["apparmorProfile"] = "some-profile";
  if (!path_exists("/sys/kernel/security/apparmor")) {
    EXPECT_NE(bundle.run().output.find("AppArmor"), std::string::npos);
  }
}

TEST(OciResources, GroupWithOtherProcessesStays) {
  Bundle bundle;
  Cgroups cgroups = Cgroups::detect().value();
  ASSERT_TRUE(cgroups.create(bundle.cgroup(), Json::object()).has_value());
  SpawnRequest request;
  request.program = "sleep";
  request.args = {"1000"};
  pid_t other = spawn(request).value();
  ASSERT_TRUE(cgroups.attach(bundle.cgroup(), other).has_value());
  bundle.command({"true"});
  EXPECT_EQ(bundle.run().code, 0);
  EXPECT_EQ(cgroups.pids(bundle.cgroup()).value(), std::vector<pid_t>{other});
  ::kill(other, SIGKILL);
  (void)wait_for(other);
  // An empty group may be used by the container.
  EXPECT_EQ(bundle.run().code, 0);
  EXPECT_FALSE(cgroups.exists(bundle.cgroup()));
}

TEST(OciResources, MemoryLimitIsRemovedWithTheSwapLimit) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  bundle.spec["linux"]["resources"]["memory"] = {{"limit", 64 << 20}, {"swap", 96 << 20}};
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  Ran lifted = bundle.call({"update", "--memory", "-1", "box"});
  EXPECT_EQ(lifted.code, 0) << lifted.output;
  // Down and up again, regardless of the order of period and quota that the kernel requires.
  EXPECT_EQ(bundle.call({"update", "--cpu-period", "100000", "--cpu-quota", "50000", "box"}).code, 0);
  EXPECT_EQ(bundle.call({"update", "--cpu-period", "10000", "--cpu-quota", "3000", "box"}).code, 0);
}

}  // namespace
}  // namespace stack::runtime::test
