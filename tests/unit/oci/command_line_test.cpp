// The handling of arguments: exec's process, update's resources, signals, cgroup paths, log lines.
#include <gtest/gtest.h>

#include "runtime/oci/bundle.h"
#include "runtime/oci/exec_process.h"
#include "runtime/oci/log.h"
#include "runtime/oci/output.h"
#include "runtime/oci/signal_name.h"
#include "runtime/oci/update_resources.h"

namespace stack::runtime::oci {
namespace {

Json container_process() {
  return {{"args", {"server"}},
          {"cwd", "/srv"},
          {"env", {"A=1", "PATH=/bin"}},
          {"user", {{"uid", 5}, {"gid", 6}, {"additionalGids", {7}}}},
          {"capabilities", {{"bounding", {"CAP_KILL"}}, {"inheritable", Json::array()}}},
          {"terminal", true}};
}

Result<Json> exec_with(std::vector<std::string> words) {
  TRY_ASSIGN(Arguments arguments, parse_arguments(kExec.flags, words, kExec.order));
  return exec_process(container_process(), arguments);
}

TEST(ExecProcess, IsTheContainersProcessWithAnotherCommand) {
  Json process = exec_with({"id", "ls", "-l"}).value();
  EXPECT_EQ(process["args"], (Json{"ls", "-l"}));
  EXPECT_EQ(process["cwd"], "/srv");
  EXPECT_EQ(process["user"]["uid"], 5);
  EXPECT_EQ(process["terminal"], false);
}

TEST(ExecProcess, FlagsChangeTheirMembers) {
  Json process =
      exec_with({"--cwd", "/tmp", "-e", "A=2", "-e", "B=3", "-u", "8:9", "-t", "--no-new-privs", "id", "sh"})
          .value();
  EXPECT_EQ(process["cwd"], "/tmp");
  EXPECT_EQ(process["env"], (Json{"A=2", "PATH=/bin", "B=3"}));
  EXPECT_EQ(process["user"], (Json{{"uid", 8}, {"gid", 9}}));
  EXPECT_EQ(process["terminal"], true);
  EXPECT_EQ(process["noNewPrivileges"], true);
}

TEST(ExecProcess, AddedCapabilityIsNeverInheritable) {
  Json sets = exec_with({"--cap", "net_admin", "id", "sh"}).value()["capabilities"];
  EXPECT_EQ(sets["bounding"], (Json{"CAP_KILL", "CAP_NET_ADMIN"}));
  EXPECT_EQ(sets["effective"], Json::array({"CAP_NET_ADMIN"}));
  EXPECT_EQ(sets["inheritable"], Json::array());
  // An unknown one is reported and left out.
  EXPECT_EQ(exec_with({"--cap", "nonsense", "id", "sh"}).value()["capabilities"]["bounding"],
            Json::array({"CAP_KILL"}));
}

TEST(ExecProcess, UsersAreWholeNumbers) {
  EXPECT_EQ(parse_exec_user("1", {{"gid", 6}}).value(), (Json{{"uid", 1}, {"gid", 6}}));
  EXPECT_EQ(parse_exec_user("1:2", Json()).value(), (Json{{"uid", 1}, {"gid", 2}}));
  for (const char* wrong :
       {"", ":", "1:", ":1", "root", "-1", "1x", "4294967296", "4294967295", "1:2:3", " 1"})
    EXPECT_FALSE(parse_exec_user(wrong, Json())) << wrong;
}

TEST(ExecProcess, CommandAndFileCannotBeCombined) {
  EXPECT_FALSE(exec_with({"id"}));
  EXPECT_FALSE(exec_with({"--process", "/dev/null", "id", "sh"}));
}

Result<Json> update_with(std::vector<std::string> words) {
  TRY_ASSIGN(Arguments arguments, parse_arguments(update_flags(), words, FlagOrder::Anywhere));
  return update_resources(arguments);
}

TEST(UpdateResources, FlagsBecomeTheirProperties) {
  Json resources = update_with({"--memory", "64m", "--memory-swap=-1", "--cpu-quota", "5000", "--cpuset-cpus",
                                "0-1", "--pids-limit", "7"})
                       .value();
  EXPECT_EQ(resources, (Json{{"memory", {{"limit", 67108864}, {"swap", -1}}},
                             {"cpu", {{"quota", 5000}, {"cpus", "0-1"}}},
                             {"pids", {{"limit", 7}}}}));
}

TEST(UpdateResources, InvalidSizesAreRejected) {
  for (const char* wrong : {"", "m", "1mm", "1.5m", "1e3", "9999999999t"})
    EXPECT_FALSE(update_with({"--memory", wrong})) << wrong;
  EXPECT_FALSE(update_with({}));
  EXPECT_FALSE(update_with({"--l3-cache-schema", "x"}));
}

TEST(SignalName, NumbersAndNames) {
  EXPECT_EQ(parse_signal("9"), 9);
  EXPECT_EQ(parse_signal("KILL"), 9);
  EXPECT_EQ(parse_signal("sigterm"), 15);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
  EXPECT_EQ(parse_signal("RTMAX"), 64);
  for (const char* wrong : {"", "SIG", "65", "-1", "NOPE", "RTMIN+99", "RTMIN-1", "9x"})
    EXPECT_EQ(parse_signal(wrong), std::nullopt) << wrong;
}

TEST(CgroupPath, StaysBelowTheMountPoint) {
  EXPECT_EQ(container_cgroup_path("", "web").value(), "/web");
  EXPECT_EQ(container_cgroup_path("/a/b", "web").value(), "/a/b");
  EXPECT_EQ(container_cgroup_path("a/b", "web").value(), "/a/b");
  EXPECT_EQ(container_cgroup_path("/../../etc", "web").value(), "/etc");
  EXPECT_FALSE(container_cgroup_path("/", "web"));
  EXPECT_FALSE(container_cgroup_path("/a/..", "web"));
}

TEST(LogLine, HasTheFormatOfPodmanAndContainerd) {
  EXPECT_EQ(log_line(true, Level::Error, "no \"x\"\n", "2026-01-02T03:04:05Z"),
            "{\"level\":\"error\",\"msg\":\"no \\\"x\\\"\\n\",\"time\":\"2026-01-02T03:04:05Z\"}\n");
  EXPECT_EQ(log_line(false, Level::Warning, "no \"x\"", "2026-01-02T03:04:05Z"),
            "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"no \\\"x\\\"\"\n");
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table({{"ID", "PID"}, {"web-1", "7"}}), "ID     PID\nweb-1  7\n");
}

TEST(PassOn, ListeningSocketsAreAnnouncedToTheCommand) {
  OciSpec spec;
  spec.process.emplace();
  pass_on({2, "http:https", true}, "/run/x/notify", spec);
  EXPECT_EQ(spec.process->env,
            (std::vector<std::string>{"LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=http:https",
                                      "NOTIFY_SOCKET=/run/notify/notify.sock"}));
  ASSERT_EQ(spec.mounts.size(), 1U);
  EXPECT_EQ(spec.mounts[0].source, "/run/x/notify");
}

}  // namespace
}  // namespace stack::runtime::oci
