// runtime-spec runtime.md: operations, their states, and leftovers.
#include <gtest/gtest.h>

#include "base/files.h"
#include "bundle_fixture.h"
#include "system_calls.h"

namespace stack::runtime::test {
namespace {

TEST(OciLifecycle, RunReturnsTheCommandsExitCodeAndLeavesNothing) {
  Bundle bundle;
  bundle.script("echo out; echo err >&2; exit 42");
  Ran ran = bundle.run();
  EXPECT_EQ(ran.code, 42);
  EXPECT_EQ(ran.output, "out\nerr\n");
  EXPECT_EQ(bundle.call({"list", "-q"}).output, "");
}

// docs/PERFORMANCE.md: the most frequent operation of a container host. The command's own calls do not count.
TEST(OciLifecycle, RunMakesAtMost250SystemCalls) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.set_namespace("network");
  bundle.set_namespace("cgroup");
  bundle.spec["linux"]["resources"] = Json::object();
  bundle.spec["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"}};
  bundle.spec["linux"]["maskedPaths"] = {"/proc/acpi",          "/proc/kcore",      "/proc/keys",
                                         "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                                         "/proc/sched_debug",   "/proc/scsi",       "/sys/firmware"};
  // The first run compiles the filter.
  ASSERT_EQ(bundle.run().code, 0);
  CountedRun counted =
      run_counted({STACK_RUNTIME, "--root", bundle.state_root(), "run", "--bundle", bundle.folder(), "box"});
  EXPECT_EQ(counted.code, 0);
  EXPECT_LE(counted.system_calls, 250);
  EXPECT_GT(counted.system_calls, 100) << "not all were counted";
}

TEST(OciLifecycle, CommandKilledBySignalReturns128PlusTheSignal) {
  Bundle bundle;
  // Without its own PID namespace, the first process is killed like any other.
  bundle.drop_namespace("pid");
  bundle.script("kill -9 $$");
  EXPECT_EQ(bundle.run().code, 137);
}

TEST(OciLifecycle, CreateStartKillDelete) {
  Bundle bundle;
  bundle.script("touch /data/started; sleep 1000");
  ASSERT_EQ(bundle.create({"--pid-file", bundle.folder() + "/pid"}).code, 0);
  EXPECT_EQ(bundle.status(), "created");
  EXPECT_EQ(read_file(bundle.folder() + "/pid").value_or(""), std::to_string(bundle.pid()));
  EXPECT_FALSE(path_exists(bundle.root() + "/data/started")) << "the command ran before start";
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  EXPECT_EQ(bundle.status(), "running");
  EXPECT_TRUE(bundle.wait_for_file("/data/started"));
  ASSERT_EQ(bundle.call({"kill", "box", "KILL"}).code, 0);
  EXPECT_TRUE(bundle.wait_for_status("stopped"));
  ASSERT_EQ(bundle.call({"delete", "box"}).code, 0);
  EXPECT_NE(bundle.call({"state", "box"}).output.find("does not exist"), std::string::npos);
}

TEST(OciLifecycle, OperationsAreRefusedInTheWrongState) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.create().code, 0);
  EXPECT_NE(bundle.call({"delete", "box"}).code, 0) << "a created container was deleted without --force";
  EXPECT_EQ(bundle.status(), "created");
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  EXPECT_NE(bundle.call({"start", "box"}).code, 0);
  EXPECT_NE(bundle.call({"delete", "box"}).code, 0);
  EXPECT_NE(bundle.call({"resume", "box"}).code, 0);
  ASSERT_EQ(bundle.call({"kill", "box", "9"}).code, 0);
  ASSERT_TRUE(bundle.wait_for_status("stopped"));
  Ran kill = bundle.call({"kill", "box", "9"});
  EXPECT_NE(kill.code, 0);
  EXPECT_NE(kill.output.find("container not running"), std::string::npos) << kill.output;
  EXPECT_NE(bundle.call({"start", "box"}).code, 0);
  EXPECT_NE(bundle.call({"exec", "box", "true"}).code, 0);
}

TEST(OciLifecycle, UnknownContainersAreAnErrorExceptForForcedDelete) {
  Bundle bundle;
  for (const char* command : {"state", "start", "kill", "delete", "pause", "resume", "ps"}) {
    Ran ran = bundle.call({command, "nobody"});
    EXPECT_EQ(ran.code, 1) << command;
    EXPECT_NE(ran.output.find("container \"nobody\" does not exist"), std::string::npos) << ran.output;
  }
  EXPECT_EQ(bundle.call({"delete", "--force", "nobody"}).code, 0);
}

TEST(OciLifecycle, ForcedDeleteKillsRunningContainers) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  pid_t pid = bundle.pid();
  ASSERT_EQ(bundle.call({"delete", "--force", "box"}).code, 0);
  // Removed, or a zombie of its new parent.
  EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or(""), "");
}

TEST(OciLifecycle, IdIsUnique) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.create().code, 0);
  Ran again = bundle.create();
  EXPECT_EQ(again.code, 1);
  EXPECT_NE(again.output.find("exists already"), std::string::npos);
  EXPECT_EQ(bundle.status(), "created") << "the refused creation disturbed the container";
  ASSERT_EQ(bundle.call({"delete", "-f", "box"}).code, 0);
  EXPECT_EQ(bundle.create().code, 0);
}

TEST(OciLifecycle, LaterChangesOfTheConfigurationHaveNoEffect) {
  Bundle bundle;
  bundle.script("echo first > /data/half; /bin/busybox mv /data/half /data/which; sleep 1000");
  ASSERT_EQ(bundle.create().code, 0);
  bundle.script("echo second > /data/half; /bin/busybox mv /data/half /data/which; sleep 1000");
  ASSERT_TRUE(write_file(bundle.folder() + "/config.json", to_text(bundle.spec)).has_value());
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  ASSERT_TRUE(bundle.wait_for_file("/data/which"));
  EXPECT_EQ(bundle.file("/data/which"), "first\n");
}

TEST(OciLifecycle, FailedCreationLeavesNothing) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  bundle.spec["mounts"].push_back({{"destination", "/data"}, {"type", "nonsense"}, {"source", "x"}});
  Ran ran = bundle.create({"--pid-file", bundle.folder() + "/pid"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("/data"), std::string::npos)
      << "the message does not name the mount: " << ran.output;
  EXPECT_EQ(bundle.call({"list", "-q"}).output, "");
  EXPECT_FALSE(path_exists(bundle.folder() + "/pid"));
}

TEST(OciLifecycle, MissingCommandsAreReportedBeforeStart) {
  Bundle bundle;
  bundle.command({"nosuch"});
  Ran ran = bundle.create();
  EXPECT_EQ(ran.code, 127);
  EXPECT_NE(ran.output.find("executable file not found"), std::string::npos) << ran.output;
  bundle.command({"/etc"});
  EXPECT_EQ(bundle.run().code, 126);
}

TEST(OciLifecycle, ContainerWithoutAProcessCannotBeStarted) {
  Bundle bundle;
  bundle.spec.erase("process");
  ASSERT_EQ(bundle.create().code, 0);
  Ran ran = bundle.call({"start", "box"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("no process"), std::string::npos) << ran.output;
}

TEST(OciLifecycle, UnknownPropertiesAreIgnoredAndInvalidValuesRejected) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.spec["futureThing"] = {{"x", 1}};
  bundle.spec["linux"]["futureThing"] = 7;
  EXPECT_EQ(bundle.run().code, 0);
  for (const auto& [pointer, value] : std::map<std::string, Json>{{"/ociVersion", "two"},
                                                                  {"/process/cwd", "relative"},
                                                                  {"/root/path", "nowhere"},
                                                                  {"/linux/rootfsPropagation", "sideways"},
                                                                  {"/linux/cgroupsPath", "/"},
                                                                  {"/process/oomScoreAdj", "much"}}) {
    Json before = bundle.spec;
    bundle.spec[Json::json_pointer(pointer)] = value;
    EXPECT_EQ(bundle.run().code, 1) << pointer;
    EXPECT_EQ(bundle.call({"list", "-q"}).output, "") << pointer;
    bundle.spec = before;
  }
}

TEST(OciLifecycle, ListShowsEveryContainer) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.create().code, 0);
  EXPECT_EQ(bundle.call({"list", "-q"}).output, "box\n");
  Json all = parse_json(bundle.call({"list", "--format", "json"}).output).value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0]["id"], "box");
  EXPECT_EQ(all[0]["bundle"], bundle.folder());
  EXPECT_EQ(all[0]["status"], "created");
  std::string shown = bundle.call({"list"}).output;
  EXPECT_EQ(shown.substr(0, 2), "ID");
  EXPECT_NE(shown.find("box"), std::string::npos);
}

TEST(OciLifecycle, ErrorsGoToTheLogAsJson) {
  Bundle bundle;
  std::string log = bundle.folder() + "/log.json";
  EXPECT_EQ(bundle.call({"--log", log, "--log-format", "json", "start", "nobody"}).code, 1);
  Json line = parse_json(read_file(log).value_or("")).value();
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["msg"], "container \"nobody\" does not exist");
  EXPECT_TRUE(line.contains("time"));
}

TEST(OciLifecycle, SystemdManagerIsRejectedIfSystemdDoesNotRun) {
  if (is_directory("/run/systemd/system")) GTEST_SKIP() << "systemd runs here";
  Bundle bundle;
  bundle.command({"true"});
  Ran ran = bundle.call({"--systemd-cgroup", "run", "--bundle", bundle.folder(), "box"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("--cgroup-manager cgroupfs"), std::string::npos) << ran.output;
}

TEST(OciLifecycle, DeleteAcceptsRegularExpressions) {
  Bundle bundle;
  bundle.command({"sleep", "1000"});
  for (const char* id : {"one-a", "one-b", "two"})
    ASSERT_EQ(bundle.call({"run", "--detach", "--bundle", bundle.folder(), id}).code, 0);
  EXPECT_EQ(bundle.call({"delete", "--force", "--regex", "^one-"}).code, 0);
  EXPECT_EQ(bundle.call({"list", "-q"}).output, "two\n");
  EXPECT_NE(bundle.call({"delete", "--force", "--regex", "("}).code, 0);
  EXPECT_EQ(bundle.call({"delete", "--force", "two"}).code, 0);
}

}  // namespace
}  // namespace stack::runtime::test
