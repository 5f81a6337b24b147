#include "engine/container/spec_check.h"

#include <gtest/gtest.h>

#include <functional>

namespace stack::engine {
namespace {

std::string fault_of(const std::function<void(ContainerSpec&)>& change) {
  ContainerSpec spec;
  spec.image = "debian";
  change(spec);
  std::optional<SpecFault> fault = find_fault(spec, 2);
  return fault ? fault->attribute + " " + fault->text : "";
}

TEST(SpecCheck, PlainSpecificationIsAccepted) {
  EXPECT_EQ(fault_of([](ContainerSpec&) {}), "");
  EXPECT_EQ(fault_of([](ContainerSpec& s) {
              s.ipc_mode = "container:db";
              s.pid_mode = "host";
              s.dns = {"10.0.0.1", "2001:db8::1"};
              s.working_dir = "/srv";
              s.env = {"A=", "B"};
              s.resources.memory = int64_t{64} << 20;
              s.resources.memory_swap = -1;
              s.resources.cpuset_cpus = "0-1";
              s.resources.ulimits = {{"nofile", 10, 20}, {"core", -1, -1}};
              s.resources.device_cgroup_rules = {"c 1:* rw"};
            }),
            "");
}

TEST(SpecCheck, SubpathsStayInTheVolume) {
  auto fault_with = [](const std::string& subpath) {
    return fault_of([&](ContainerSpec& s) {
      MountSpec mount;
      mount.kind = MountKind::Volume;
      mount.target = "/data";
      mount.subpath = subpath;
      s.mounts = {mount};
    });
  };
  for (const char* inside : {"", "a", "a/b", "a/..", "./a", "a/../b"})
    EXPECT_EQ(fault_with(inside), "") << inside;
  for (const char* outside : {"..", "/a", "a/../..", "../a", "/"})
    EXPECT_EQ(
        fault_with(outside),
        std::string("/volumes invalid mount: subpath must be a relative path within the volume: ") + outside);
}

TEST(SpecCheck, WrongValuesAreNamedLikeInDocker) {
  using S = ContainerSpec;
  EXPECT_EQ(fault_of([](S& s) { s.ipc_mode = "bogus"; }), "/ipc invalid IPC mode: bogus");
  EXPECT_EQ(fault_of([](S& s) { s.pid_mode = "container:"; }), "/pid invalid PID mode: container:");
  EXPECT_EQ(fault_of([](S& s) { s.uts_mode = "bogus"; }), "/uts invalid UTS mode: bogus");
  EXPECT_EQ(fault_of([](S& s) { s.pid_mode = "shareable"; }), "/pid invalid PID mode: shareable");
  EXPECT_EQ(fault_of([](S& s) { s.userns_mode = "private"; }), "/userns_mode invalid userns mode: private");
  EXPECT_EQ(fault_of([](S& s) { s.cgroup_mode = "bogus"; }), "/cgroup invalid cgroup namespace mode: bogus");
  EXPECT_EQ(fault_of([](S& s) { s.dns = {"not-an-ip"}; }), "/dns bad nameserver address: not-an-ip");
  EXPECT_EQ(fault_of([](S& s) { s.working_dir = "rel"; }),
            "/working_dir the working directory 'rel' is invalid, it needs to be an absolute path");
  EXPECT_EQ(fault_of([](S& s) { s.env = {"=x"}; }), "/environment invalid environment variable: =x");
  EXPECT_EQ(fault_of([](S& s) { s.oom_score_adj = 5000; }),
            "/oom_score_adj Invalid value 5000, range for oom score adj is [-1000, 1000]");
  EXPECT_EQ(fault_of([](S& s) { s.hostname = std::string(65, 'a'); }).substr(0, 27),
            "/hostname invalid hostname:");
  EXPECT_EQ(fault_of([](S& s) { s.mounts.resize(1), s.mounts[0].target = "/."; }),
            "/volumes invalid mount: destination can't be '/'");
  EXPECT_EQ(fault_of([](S& s) { s.mounts.resize(2), s.mounts[0].target = "/x", s.mounts[1].target = "/x/"; }),
            "/volumes Duplicate mount point: /x");
  EXPECT_NE(fault_of([](S& s) { s.stop_signal = "BOGUS"; }), "");
  EXPECT_NE(fault_of([](S& s) { s.cap_add = {"NOSUCH"}; }), "");
  EXPECT_NE(fault_of([](S& s) { s.security_opt = {"bogus"}; }), "");
}

TEST(SpecCheck, ResourcesAreCheckedLikeInDocker) {
  auto fault = [](const std::function<void(ResourceSpec&)>& change) {
    return fault_of([&](ContainerSpec& s) { change(s.resources); });
  };
  using R = ResourceSpec;
  EXPECT_EQ(fault([](R& r) { r.memory = 1024; }), "/mem_limit Minimum memory limit allowed is 6MB");
  EXPECT_NE(fault([](R& r) { r.memory = 100 << 20, r.memory_reservation = 200 << 20; }), "");
  EXPECT_NE(fault([](R& r) { r.memory_swap = 1 << 20; }), "");
  EXPECT_NE(fault([](R& r) { r.memory = 100 << 20, r.memory_swap = 50 << 20; }), "");
  EXPECT_NE(fault([](R& r) { r.cpu_period = 10; }), "");
  EXPECT_NE(fault([](R& r) { r.cpu_quota = 10; }), "");
  EXPECT_EQ(fault([](R& r) { r.cpuset_cpus = "a"; }), "/cpuset Invalid value a for cpuset cpus");
  EXPECT_EQ(fault([](R& r) { r.cpuset_cpus = "0,1-"; }), "/cpuset Invalid value 0,1- for cpuset cpus");
  EXPECT_EQ(fault([](R& r) { r.cpuset_cpus = "0,99"; }),
            "/cpuset Requested CPUs are not available - requested 0,99, available: 0-1");
  EXPECT_EQ(fault([](R& r) { r.ulimits = {{"bogus", 1, 1}}; }), "/ulimits invalid ulimit type: bogus");
  EXPECT_NE(fault([](R& r) { r.ulimits = {{"nofile", 5, 3}}; }), "");
  EXPECT_EQ(fault([](R& r) { r.device_cgroup_rules = {"c 1 rwm"}; }),
            "/device_cgroup_rules invalid device cgroup rule format: 'c 1 rwm'");
}

TEST(SpecCheck, TimesOfHealthChecksHaveALowerLimit) {
  EXPECT_EQ(
      fault_of([](ContainerSpec& s) { s.healthcheck.emplace().interval = std::chrono::microseconds(1); }),
      "/healthcheck/interval Interval in Healthcheck cannot be less than 1ms");
}

}  // namespace
}  // namespace stack::engine
