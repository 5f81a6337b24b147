// Control groups as seen by the container and the engine.
#include <signal.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "container_fixture.h"

namespace stack::runtime::test {
namespace {

Cgroups groups() { return *Cgroups::detect(); }

TEST(Resources, MemoryLimitKillsAndIsReported) {
  Container box;
  box.spec["linux"]["resources"]["memory"] = {{"limit", 16 << 20}, {"swap", 16 << 20}};
  box.command({"sh", "-c", "tail /dev/zero"});
  EXPECT_EQ(box.run(), 137);
  EXPECT_TRUE(box.seen().exited->oom_killed);
  EXPECT_GE(box.seen().oom_kills, 1);
}

TEST(Resources, ChildKilledForMemoryIsReportedButDoesNotEndTheContainer) {
  Container box;
  box.spec["linux"]["resources"]["memory"] = {{"limit", 32 << 20}, {"swap", 32 << 20}};
  box.script("tail /dev/zero; echo survived; exit 5");
  EXPECT_EQ(box.run(), 5);
  EXPECT_TRUE(box.seen().exited->oom_killed);
  EXPECT_EQ(box.output(), "survived\n");
}

TEST(Resources, LimitsReachTheKernel) {
  Container box;
  box.spec["linux"]["resources"]["memory"] = {{"limit", 64 << 20}};
  box.spec["linux"]["resources"]["cpu"] = {
      {"shares", 512}, {"quota", 50000}, {"period", 100000}, {"cpus", "0"}};
  box.spec["linux"]["resources"]["pids"] = {{"limit", 20}};
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started) << box.seen().failed->text;
  Result<CgroupStats> stats = groups().stats(box.cgroup());
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->memory_limit, 64u << 20);
  EXPECT_EQ(stats->pids_limit, 20u);
  EXPECT_EQ(stats->pids, 1u);
  EXPECT_GT(stats->memory_usage, 0u);
  EXPECT_EQ(box.exec("grep Cpus_allowed_list /proc/1/status").output, "Cpus_allowed_list:\t0\n");
}

TEST(Resources, ForkBombIsStopped) {
  Container box;
  box.spec["linux"]["resources"]["pids"] = {{"limit", 10}};
  box.script(
      "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 5 & done 2>&1 | grep -c \"can't fork\"; true");
  ASSERT_TRUE(box.start().started);
  Result<CgroupStats> stats = groups().stats(box.cgroup());
  EXPECT_LE(stats->pids, 10u);
}

TEST(Resources, UpdateChangesARunningContainer) {
  Container box;
  box.spec["linux"]["resources"]["memory"] = {{"limit", 64 << 20}, {"swap", 64 << 20}};
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  ASSERT_TRUE(groups()
                  .update(box.cgroup(), Json{{"memory", {{"limit", 128 << 20}, {"swap", 128 << 20}}}})
                  .has_value());
  EXPECT_EQ(groups().stats(box.cgroup())->memory_limit, 128u << 20);
  ASSERT_TRUE(
      groups().update(box.cgroup(), Json{{"memory", {{"limit", 32 << 20}, {"swap", 32 << 20}}}}).has_value());
  EXPECT_EQ(groups().stats(box.cgroup())->memory_limit, 32u << 20);
}

TEST(Resources, FreezeStopsAndThawResumes) {
  Container box;
  box.script("while :; do echo >> /tmp/count; done");
  ASSERT_TRUE(box.start().started);
  std::string file = box.folder() + "/upper/tmp/count";
  for (int i = 0; i < 100 && !path_exists(file); ++i) usleep(10000);
  ASSERT_TRUE(groups().freeze(box.cgroup()).has_value());
  EXPECT_TRUE(groups().frozen(box.cgroup()));
  std::string before = read_file(file).value_or("?");
  usleep(100000);
  EXPECT_EQ(read_file(file).value_or("??"), before);
  ASSERT_TRUE(groups().thaw(box.cgroup()).has_value());
  EXPECT_FALSE(groups().frozen(box.cgroup()));
  for (int i = 0; i < 100 && read_file(file).value_or("") == before; ++i) usleep(10000);
  EXPECT_NE(read_file(file).value_or(""), before);
}

TEST(Resources, FrozenContainerCanBeKilled) {
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  ASSERT_TRUE(groups().freeze(box.cgroup()).has_value());
  ASSERT_TRUE(groups().kill_all(box.cgroup()).has_value());
  EXPECT_EQ(box.wait(), 137);
}

TEST(Resources, PidsAreThoseOfTheHost) {
  Container box;
  box.script("sleep 60 & sleep 60 & wait");
  ASSERT_TRUE(box.start().started);
  std::vector<pid_t> pids;
  for (int i = 0; i < 3000 && pids.size() < 3; ++i) {
    usleep(10000);
    pids = *groups().pids(box.cgroup());
  }
  EXPECT_EQ(pids.size(), 3u);
  EXPECT_NE(std::find(pids.begin(), pids.end(), box.pid()), pids.end());
}

TEST(Resources, SweepRemovesOtherGroups) {
  Container keep, lose;
  keep.script("sleep 60");
  lose.script("sleep 60");
  std::string prefix = "/stack-sweep-" + keep.request.container_id.substr(0, 8);
  keep.request.cgroup_path = prefix + "/keep";
  lose.request.cgroup_path = prefix + "/lose";
  ASSERT_TRUE(keep.start().started);
  ASSERT_TRUE(lose.start().started);
  Result<std::vector<std::string>> removed = groups().sweep(prefix, {"keep"});
  ASSERT_TRUE(removed.has_value()) << removed.error().text();
  EXPECT_EQ(*removed, std::vector<std::string>{"lose"});
  EXPECT_TRUE(groups().exists(prefix + "/keep"));
  EXPECT_FALSE(groups().exists(prefix + "/lose"));
  EXPECT_EQ(lose.wait(), 137);
  ASSERT_TRUE(groups().kill_all(prefix + "/keep").has_value());
  EXPECT_EQ(keep.wait(), 137);
  EXPECT_TRUE(groups().remove(prefix).has_value());
}

TEST(Resources, NothingIsLeftAfterTheExit) {
  std::string mounts = host_output("cat /proc/self/mountinfo | wc -l");
  std::string path;
  {
    Container box;
    path = box.cgroup();
    box.script("true");
    EXPECT_EQ(box.run(), 0);
    EXPECT_TRUE(groups().remove(path).has_value());
    EXPECT_FALSE(path_exists(box.request.run_dir + "/monitor.sock"));
  }
  EXPECT_FALSE(groups().exists(path));
  EXPECT_EQ(host_output("cat /proc/self/mountinfo | wc -l"), mounts);
}

TEST(Resources, InvalidLimitErrorNamesItsFile) {
  Container box;
  box.spec["linux"]["resources"]["cpu"] = {{"cpus", "4000"}};
  box.script("true");
  box.start();
  ASSERT_TRUE(box.seen().failed);
  EXPECT_EQ(box.seen().failed->step, "cgroup");
  EXPECT_NE(box.seen().failed->text.find("cpuset.cpus"), std::string::npos) << box.seen().failed->text;
  box.wait();
  EXPECT_FALSE(groups().exists(box.cgroup()));
}

}  // namespace
}  // namespace stack::runtime::test
