// The container's view of itself and of the host.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "container_fixture.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::test {
namespace {

std::string run_and_print(Container& box, const std::string& script) {
  box.script(script);
  int code = box.run();
  if (box.seen().failed) return "failed: " + box.seen().failed->text;
  if (code != 0) return "exit " + std::to_string(code) + ": " + box.output() + box.output("stderr");
  return box.output();
}

TEST(Isolation, CommandIsProcessOneAndSeesOnlyItself) {
  Container box;
  EXPECT_EQ(run_and_print(box, "echo $$; for p in /proc/[0-9]*; do echo ${p#/proc/}; done"), "1\n1\n");
}

TEST(Isolation, ContainerHasItsOwnHostName) {
  std::string before = host_output("cat /proc/sys/kernel/hostname");
  Container box;
  EXPECT_EQ(run_and_print(box, "hostname"), "box\n");
  EXPECT_EQ(host_output("cat /proc/sys/kernel/hostname"), before);
}

TEST(Isolation, EveryListedNamespaceIsNew) {
  Container box;
  std::string inside = run_and_print(box, "for n in mnt pid uts ipc net; do readlink /proc/self/ns/$n; done");
  std::string outside = host_output("for n in mnt pid uts ipc net; do readlink /proc/self/ns/$n; done");
  std::vector<std::string> a = split(inside, '\n'), b = split(outside, '\n');
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i + 1 < a.size(); ++i) EXPECT_NE(a[i], b[i]);
}

TEST(Isolation, HostMountTableIsUntouchedWhileAContainerRuns) {
  std::string before = host_output("cat /proc/self/mountinfo");
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  EXPECT_EQ(host_output("cat /proc/self/mountinfo"), before);
}

TEST(Isolation, OnlyTheRootAndTheListedMountsExist) {
  Container box;
  std::string mounts = run_and_print(box, "cut -d' ' -f2 /proc/mounts | sort -u");
  for (const char* path :
       {"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup"})
    EXPECT_NE(mounts.find(std::string(path) + "\n"), std::string::npos) << path << " in\n" << mounts;
  EXPECT_EQ(mounts.find("/mnt"), std::string::npos) << mounts;
  EXPECT_EQ(mounts.find("/tmp"), std::string::npos) << mounts;
}

TEST(Isolation, CapabilitiesAreTheDefaultFourteenAndInheritableIsEmpty) {
  Container box;
  EXPECT_EQ(run_and_print(box, "grep Cap /proc/self/status"),
            "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n"
            "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n");
}

TEST(Isolation, UserIsNumericWithGroupsAndWithoutCapabilities) {
  Container box;
  box.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}, {"additionalGids", {2000, 3000}}};
  EXPECT_EQ(run_and_print(box, "id -u; id -g; id -G; grep CapEff /proc/self/status"),
            "1000\n1000\n1000 2000 3000\nCapEff:\t0000000000000000\n");
}

TEST(Isolation, UserCanOpenStdoutAgain) {
  Container box;
  box.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
  EXPECT_EQ(run_and_print(box, "echo again > /dev/stdout"), "again\n");
}

TEST(Isolation, SeccompFilterDeniesMount) {
  Container box;
  box.spec["process"]["capabilities"] = capabilities_json(all_capabilities());
  EXPECT_EQ(run_and_print(
                box, "grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp 2>/dev/null || echo refused"),
            "Seccomp:\t2\nrefused\n");
}

TEST(Isolation, WithoutFilterNothingIsFiltered) {
  Container box;
  box.request.seccomp_bpf.clear();
  EXPECT_EQ(run_and_print(box, "grep Seccomp: /proc/self/status"), "Seccomp:\t0\n");
}

TEST(Isolation, NoNewPrivilegesIsHonored) {
  Container box;
  box.spec["process"]["noNewPrivileges"] = true;
  EXPECT_EQ(run_and_print(box, "grep -E 'NoNewPrivs|Seccomp:' /proc/self/status"),
            "NoNewPrivs:\t1\nSeccomp:\t2\n");
}

TEST(Isolation, MaskedFilesAndFoldersAreEmpty) {
  Container box;
  EXPECT_EQ(run_and_print(box,
                          "cat /proc/keys /proc/timer_list /proc/kcore; ls /sys/firmware; "
                          "(echo x > /sys/firmware/x) 2>/dev/null || echo sealed"),
            "sealed\n");
}

TEST(Isolation, ReadOnlyPathsCannotBeWritten) {
  Container box;
  EXPECT_EQ(
      run_and_print(box,
                    "(echo 1 > /proc/sys/vm/drop_caches) 2>&1 | grep -c 'Read-only'; "
                    "(echo x > /proc/sys/kernel/core_pattern) 2>&1 | grep -c 'Read-only'; "
                    "mkdir /sys/x 2>/dev/null || echo ro; mkdir /sys/fs/cgroup/x 2>/dev/null || echo ro"),
      "1\n1\nro\nro\n");
}

TEST(Isolation, ReadOnlyRootRefusesWritesButMountsStayWritable) {
  Container box;
  box.spec["root"]["readonly"] = true;
  EXPECT_EQ(run_and_print(box, "touch /x 2>/dev/null || echo ro; touch /dev/shm/x && echo rw"), "ro\nrw\n");
}

TEST(Isolation, DevicesWorkAndOthersAreRefused) {
  Container box;
  EXPECT_EQ(run_and_print(box,
                          "echo x > /dev/null; head -c 3 /dev/zero | od -An -tx1; "
                          "ls -l /dev/fd | grep -c /proc/self/fd; mknod /tmp/m c 1 1; "
                          "head -c 1 /tmp/m 2>/dev/null || echo refused"),
            " 00 00 00\n1\nrefused\n");
}

TEST(Isolation, DescriptorsOfTheCallerDoNotLeak) {
  // Deliberately without close-on-exec.
  int leaked = ::open("/etc/hostname", O_RDONLY);
  ASSERT_GE(leaked, 0);
  Container box;
  EXPECT_EQ(run_and_print(box, "ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3 ");
  ::close(leaked);
}

TEST(Isolation, OurProgramIsNotWritable) {
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  // The monitor is outside the PID namespace; the container executes its own file.
  Container::ExecResult result = box.exec("readlink /proc/1/exe; readlink /proc/self/exe");
  EXPECT_EQ(result.output, "/bin/busybox\n/bin/busybox\n");
}

TEST(Isolation, SysctlsOfItsOwnNamespacesAreSetAndOthersRejected) {
  Container box;
  box.spec["linux"]["sysctl"] = {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"kernel.msgmax", "4096"}};
  EXPECT_EQ(run_and_print(box, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax"),
            "0\n4096\n");
  Container other;
  other.spec["linux"]["sysctl"] = {{"vm.swappiness", "1"}};
  EXPECT_EQ(run_and_print(other, "true"),
            "failed: kernel value: sysctl vm.swappiness is not in a separate kernel namespace");
}

TEST(Isolation, PrivilegedSpecGivesAllCapabilitiesAndTheHostsDevices) {
  Container box;
  Json spec = privileged_spec();
  spec["process"]["env"] = box.spec["process"]["env"];
  spec["linux"]["namespaces"].push_back({{"type", "network"}});
  box.spec = spec;
  box.request.seccomp_bpf.clear();
  std::string mask = trim(host_output("grep CapBnd /proc/self/status | cut -f2")).data();
  EXPECT_EQ(
      run_and_print(box,
                    "mount -t tmpfs x /tmp && echo mounted; [ -c /dev/kmsg ] && echo log; mkdir /tmp/y && "
                    "grep -c CapEff /proc/self/status"),
      "mounted\nlog\n1\n");
}

}  // namespace
}  // namespace stack::runtime::test
