// Groups created by systemd. tests/vm/run provides a machine for these tests.
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "bundle_fixture.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::runtime::test {
namespace {

class OciSystemd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_directory("/run/systemd/system")) GTEST_SKIP() << "systemd does not run here: tests/vm/run";
    unit_ = "stacktest-" + base_name(bundle_.folder()) + ".scope";
    bundle_.spec["linux"]["cgroupsPath"] = "stacktest.slice:stacktest:" + base_name(bundle_.folder());
    bundle_.command({"sleep", "1000"});
  }
  Ran with_systemd(std::vector<std::string> words) {
    words.insert(words.begin(), "--systemd-cgroup");
    return bundle_.call(words);
  }
  Ran run(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), {"run", "--bundle", bundle_.folder()});
    flags.emplace_back("box");
    return with_systemd(flags);
  }
  std::string property(const std::string& name) {
    return std::string(trim(host_output("systemctl show --value -p " + name + " '" + unit_ + "'")));
  }
  std::string control(const std::string& controller, const std::string& v1, const std::string& v2) {
    Cgroups cgroups = Cgroups::detect().value();
    std::string group = cgroups.directory(controller, property("ControlGroup"));
    return std::string(
        trim(read_file(group + "/" + (cgroups.mode() == CgroupMode::V2 ? v2 : v1)).value_or("(missing)")));
  }

  Bundle bundle_;
  std::string unit_;
};

TEST_F(OciSystemd, ContainerIsInAScopeOfItsSliceThatEndsWithIt) {
  Ran ran = run({"--detach"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(property("ActiveState"), "active");
  EXPECT_EQ(property("Slice"), "stacktest.slice");
  EXPECT_EQ(property("Delegate"), "yes");
  std::string group = property("ControlGroup");
  EXPECT_EQ(group, "/stacktest.slice/" + unit_);
  std::string processes = control("pids", "cgroup.procs", "cgroup.procs");
  EXPECT_EQ(processes, std::to_string(bundle_.pid())) << "the place holder is gone, the container is there";
  ASSERT_EQ(with_systemd({"exec", "--detach", "box", "sleep", "500"}).code, 0);
  EXPECT_EQ(split(control("pids", "cgroup.procs", "cgroup.procs"), '\n').size(), 2u);
  ASSERT_EQ(with_systemd({"pause", "box"}).code, 0);
  EXPECT_EQ(bundle_.status(), "paused");
  ASSERT_EQ(with_systemd({"delete", "--force", "box"}).code, 0);
  EXPECT_EQ(property("LoadState"), "not-found");
  EXPECT_FALSE(Cgroups::detect().value().exists(group));
}

TEST_F(OciSystemd, LimitsAreSetInSystemd) {
  bundle_.spec["linux"]["resources"]["memory"] = {{"limit", 67108864}};
  bundle_.spec["linux"]["resources"]["pids"] = {{"limit", 17}};
  bundle_.spec["linux"]["resources"]["cpu"] = {{"quota", 12345}, {"period", 100000}};
  bundle_.spec["annotations"] = {{"org.systemd.property.TimeoutStopUSec", "uint64 7000000"}};
  ASSERT_EQ(run({"--detach"}).code, 0);
  EXPECT_EQ(property("TasksMax"), "17");
  EXPECT_EQ(property("CPUQuotaPerSecUSec"), "130ms");
  EXPECT_EQ(property("TimeoutStopUSec"), "7s");
  EXPECT_EQ(control("cpu", "cpu.cfs_quota_us", "cpu.max"),
            Cgroups::detect().value().mode() == CgroupMode::V2 ? "12345 100000" : "12345");
  ASSERT_EQ(with_systemd({"update", "--memory", "32m", "--pids-limit", "18", "box"}).code, 0);
  EXPECT_EQ(property("TasksMax"), "18");
  // systemd restores its own values when it reloads its units.
  host_output("systemctl daemon-reload");
  EXPECT_EQ(control("memory", "memory.limit_in_bytes", "memory.max"), "33554432");
  EXPECT_EQ(control("pids", "pids.max", "pids.max"), "18");
}

TEST_F(OciSystemd, DevicesAreFilteredInAScope) {
  bundle_.spec["linux"]["resources"]["devices"] = Json::array({{{"allow", false}, {"access", "rwm"}}});
  bundle_.spec["linux"]["devices"] =
      Json::array({{{"path", "/dev/port"}, {"type", "c"}, {"major", 1}, {"minor", 4}}});
  bundle_.script("echo x > /dev/null && echo null; cat /dev/port");
  Ran ran = run();
  EXPECT_NE(ran.output.find("null"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("Operation not permitted"), std::string::npos) << ran.output;
}

TEST_F(OciSystemd, FailedStartLeavesNothing) {
  bundle_.command({"/no/such/command"});
  EXPECT_EQ(run().code, 127);
  EXPECT_EQ(property("LoadState"), "not-found");
  bundle_.command({"true"});
  EXPECT_EQ(run().code, 0) << "the name is free again";
  EXPECT_EQ(property("LoadState"), "not-found");
}

TEST_F(OciSystemd, PathsOfTheOtherManagerAreRejected) {
  bundle_.spec["linux"]["cgroupsPath"] = "/stack-test-oci/x";
  Ran ran = run();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("slice:prefix:name"), std::string::npos) << ran.output;
}

// podman's defaults on Debian 12: the systemd cgroup manager and conmon, with this runtime.
TEST_F(OciSystemd, PodmanRunsAContainer) {
  if (host_output("command -v podman").empty()) GTEST_SKIP() << "podman is not installed";
  std::string podman = "podman --root " + bundle_.folder() + "/podman --runroot " + bundle_.folder() +
                       "/podman-run --tmpdir " + bundle_.folder() +
                       "/podman-tmp --storage-driver vfs --runtime " + std::string(STACK_RUNTIME) +
                       " --cgroup-manager systemd run --rm --network none --memory 64m --rootfs " +
                       bundle_.root();
  EXPECT_EQ(trim(host_output(podman + " cat /sys/fs/cgroup/memory.max 2>&1")), "67108864");
}

}  // namespace
}  // namespace stack::runtime::test
