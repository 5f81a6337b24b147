// Processes that try to keep or obtain resources without permission: descriptors, directories, keys, groups,
// capabilities, system calls, our own programs. Each test fails without the defense that it names.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/identity.h"
#include "base/process.h"
#include "base/text.h"
#include "container_fixture.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::test {
namespace {

void add_probe(Container& box) {
  SpawnRequest copy;
  copy.program = "cp";
  copy.args = {STACK_PROBE, box.folder() + "/upper/probe"};
  Result<CapturedRun> run = run_captured(copy);
  ASSERT_TRUE(run && run->exit_code == 0) << (run ? run->output : run.error().text());
}

std::string output_of(Container& box, const std::string& script) {
  box.script(script);
  box.start();
  int code = box.wait();
  if (box.seen().failed) return "failed: " + box.seen().failed->text;
  return code == 0 ? box.output()
                   : "exit " + std::to_string(code) + ": " + box.output() + box.output("stderr");
}

// The host's root directory under many numbers, deliberately without close-on-exec, like from a careless caller of
// the engine.
class LeakedDirectories {
 public:
  LeakedDirectories() {
    Fd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int number = 40; number < 60; ++number) {
      EXPECT_EQ(::dup2(root.get(), number), number);
      numbers_.push_back(number);
    }
  }
  ~LeakedDirectories() {
    for (int number : numbers_) ::close(number);
  }
  LeakedDirectories(const LeakedDirectories&) = delete;
  LeakedDirectories& operator=(const LeakedDirectories&) = delete;

 private:
  std::vector<int> numbers_;
};

std::set<std::string> targets_of_fds(pid_t pid) {
  std::set<std::string> out;
  std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  DIR* stream = ::opendir(folder.c_str());
  if (stream == nullptr) return out;
  while (dirent* entry = ::readdir(stream)) {
    std::array<char, 4096> target{};
    if (::readlinkat(::dirfd(stream), entry->d_name, target.data(), target.size() - 1) > 0)
      out.insert(target.data());
  }
  ::closedir(stream);
  return out;
}

// runc 2024-21626: a descriptor of the host's tree, with a working directory or a command below it.
TEST(Attack, LeakedDirectoryCannotBeTheWorkingDirectory) {
  LeakedDirectories leaked;
  for (int number : {40, 50, 59}) {
    Container box;
    box.spec["process"]["cwd"] = "/proc/self/fd/" + std::to_string(number);
    box.script("pwd; ls");
    EXPECT_FALSE(box.start().started) << number;
    box.wait();
  }
}

TEST(Attack, LeakedDirectoryCannotReachHostPrograms) {
  LeakedDirectories leaked;
  for (int number = 3; number < 60; ++number) {
    for (const char* up : {"/usr/bin/busybox", "/../../../../../../usr/bin/busybox"}) {
      Container box;
      box.command({"/proc/self/fd/" + std::to_string(number) + up, "true"});
      EXPECT_FALSE(box.start().started) << number << up;
      box.wait();
    }
  }
}

TEST(Attack, ExecCannotUseALeakedDirectory) {
  LeakedDirectories leaked;
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  for (int number = 3; number < 60; ++number) {
    std::string fd = "/proc/self/fd/" + std::to_string(number);
    Json process = box.exec_process_json({"true"});
    process["cwd"] = fd;
    Container::ExecResult in_directory = box.exec_process(process);
    EXPECT_TRUE(in_directory.seen.failed) << fd;
    Container::ExecResult program =
        box.exec_process(box.exec_process_json({fd + "/../../../../../../usr/bin/busybox", "true"}));
    EXPECT_TRUE(program.seen.failed) << fd;
  }
}

TEST(Attack, LeakedDescriptorsReachNeitherMonitorNorCommand) {
  Fd secret(::open(STACK_PROBE, O_RDONLY));  // no close-on-exec
  int high = ::fcntl(secret.get(), F_DUPFD, 900);
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  EXPECT_FALSE(targets_of_fds(box.monitor().pid).contains(STACK_PROBE));
  EXPECT_FALSE(targets_of_fds(box.pid()).contains(STACK_PROBE));
  EXPECT_EQ(box.exec("ls /proc/self/fd | tr '\\n' ' '").output, "0 1 2 3 ");
  ::close(high);
}

// runc 2019-5736: the program that enters a container is overwritten from inside.
TEST(Attack, OurProgramsCannotBeOverwrittenByInitOrExec) {
  std::string folder = directory_name(STACK_MONITOR);
  auto digest = [&](const char* name) { return sha256_hex(read_file(folder + "/" + name).value_or("")); };
  std::string monitor = digest("stack-launch"), init = digest("stack-init");
  Container box;
  box.request.use_init = true;
  add_probe(box);
  ASSERT_TRUE(write_file(box.folder() + "/upper/again", "#!/proc/self/exe\n", 0755).has_value());
  // Process 1 is our init; it is kept open, but still cannot be written.
  box.script("/probe grab 20 > /seen 2>&1; sleep 60");
  ASSERT_TRUE(box.start().started);
  // A command that executes its own executor: our launcher, which is inside the container for a moment.
  std::string seen;
  for (int i = 0; i < 200 && std::count(seen.begin(), seen.end(), '\n') < 3; ++i) {
    (void)box.exec_process(box.exec_process_json({"/again"}));
    seen = read_file(box.folder() + "/upper/seen").value_or("");
  }
  EXPECT_EQ(seen, "EROFS\nEROFS\nEROFS\n");
  EXPECT_EQ(digest("stack-launch"), monitor);
  EXPECT_EQ(digest("stack-init"), init);
}

// runc 2016-9962: the entering process is inspected between setns(2) and execve(2). It then already has the
// container's capabilities; only its undumpable state keeps others out.
TEST(Attack, EnteringProcessCannotBeInspected) {
  Container box;
  add_probe(box);
  box.script("/probe peek 60 > /seen 2>&1; sleep 60");
  ASSERT_TRUE(box.start().started);
  for (int i = 0; i < 150; ++i) (void)box.exec("true");
  EXPECT_EQ(read_file(box.folder() + "/upper/seen").value_or(""), "");
}

// Keyrings are not namespaced: the session keyring of our caller holds the caller's keys.
class SessionKey {
 public:
  SessionKey() {
    joined_ = ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) >= 0;
    added_ = joined_ && ::syscall(SYS_add_key, "user", name(), "secret", 6, KEY_SPEC_SESSION_KEYRING) >= 0;
  }
  ~SessionKey() { (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr); }
  static const char* name() { return "stack-attack-key"; }
  bool usable() const { return added_; }

 private:
  bool joined_ = false;
  bool added_ = false;
};

TEST(Attack, KeysOfTheCallersSessionAreUnreachable) {
  SessionKey key;
  if (!key.usable()) GTEST_SKIP() << "this kernel or this machine gives us no keys";
  Container box;
  box.request.seccomp_bpf.clear();  // it would deny keyctl(2) completely
  add_probe(box);
  box.script("/probe key stack-attack-key; sleep 60");
  ASSERT_TRUE(box.start().started);
  EXPECT_EQ(box.exec("/probe key stack-attack-key").output, "hidden\n");
  EXPECT_EQ(box.output_of_lines(1), "hidden\n");
}

// runc 2016-9962 and the like: privileges of the caller's process that survive an execve.
TEST(Attack, GroupsOfTheCallerAreNotPassedOn) {
  // In a separate thread, because groups and capabilities belong to threads.
  std::string started, entered;
  std::thread caller([&] {
    gid_t groups[] = {777, 778};
    ASSERT_EQ(::syscall(SYS_setgroups, 2, groups), 0);
    Container box;
    box.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    box.script("id -G; sleep 60");
    ASSERT_TRUE(box.start().started);
    entered = box.exec("id -G").output;
    started = box.output_of_lines(1);
  });
  caller.join();
  EXPECT_EQ(started, "1000\n");
  EXPECT_EQ(entered, "1000\n");
}

void raise_inheritable_and_ambient() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  ASSERT_EQ(::syscall(SYS_capget, &header, data), 0);
  for (auto& half : data) half.inheritable = half.permitted;
  ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
  for (int number : {CAP_CHOWN, CAP_NET_RAW, CAP_KILL})
    ASSERT_EQ(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), 0);
}

// runc 2022-29162, docker 2022-24769, crun 2022-27650: inheritable capabilities by default.
TEST(Attack, InheritableAndAmbientCapabilitiesOfTheCallerAreNotPassedOn) {
  std::string started, entered;
  std::thread caller([&] {
    raise_inheritable_and_ambient();
    Container box;
    box.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    box.script("grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f 2; sleep 60");
    ASSERT_TRUE(box.start().started);
    entered = box.exec("grep -E 'Cap(Inh|Prm|Eff|Amb)' /proc/self/status | cut -f 2").output;
    started = box.output_of_lines(4);
  });
  caller.join();
  const std::string none = "0000000000000000\n";
  EXPECT_EQ(started, none + none + none + none);
  EXPECT_EQ(entered, none + none + none + none);
}

TEST(Attack, SetUserIdProgramGivesNoPrivilegesWithNoNewPrivileges) {
  for (bool forbidden : {false, true}) {
    Container box;
    add_probe(box);
    ASSERT_EQ(::chmod((box.folder() + "/upper/probe").c_str(), 04755), 0);
    box.spec["process"]["user"] = {{"uid", 1000}, {"gid", 1000}};
    box.spec["process"]["noNewPrivileges"] = forbidden;
    EXPECT_EQ(output_of(box, "/probe user"), forbidden ? "1000\n" : "0\n");
  }
}

// A filter that fakes success of calls that drop capabilities must not preserve them: the bounding set is dropped
// first.
TEST(Attack, FilterCannotFakeDroppingCapabilities) {
  Container box;
  Result<std::string> filter = compile_seccomp(
      {R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["prctl","capset"],"action":"SCMP_ACT_ERRNO","errnoRet":0}]})",
       {},
       ""});
  ASSERT_TRUE(filter.has_value());
  box.request.seccomp_bpf = *filter;
  EXPECT_EQ(output_of(box, "grep -E 'Cap(Eff|Bnd)' /proc/self/status | cut -f 2"),
            "00000000a80425fb\n00000000a80425fb\n");
}

// moby: AF_ALG (2026-31431), namespaces (2022-0185, 2022-0492), handles, keys, io_uring.
TEST(Attack, SystemCallsOfKnownEscapesAreDenied) {
  Container box;
  add_probe(box);
  box.spec["process"]["noNewPrivileges"] = true;
  std::string expected;
  for (const char* name : {"socket AF_ALG",
                           "socket AF_VSOCK",
                           "unshare user",
                           "unshare mount",
                           "clone user",
                           "clone3",
                           "setns",
                           "mount",
                           "fsopen",
                           "open_tree",
                           "open_by_handle_at",
                           "keyctl",
                           "add_key",
                           "bpf",
                           "io_uring_setup",
                           "userfaultfd",
                           "kexec_load",
                           "init_module",
                           "reboot",
                           "perf_event_open"})
    expected += std::string(name) + (name == std::string("clone3") ? " ENOSYS\n" : " EPERM\n");
  // With all capabilities, so that only the filter denies.
  box.spec["process"]["capabilities"] = capabilities_json(all_capabilities());
  EXPECT_EQ(output_of(box, "/probe calls"), expected);
}

std::string open_disk(const std::string& number, const Json& rules) {
  Container box;
  box.spec["linux"]["resources"]["devices"] = rules;
  box.script("mknod /disk b " + number + "; head -c 1 /disk > /dev/null && echo read");
  box.run();
  return box.output() + box.output("stderr");
}

// Access to the host's disk through a new device node (the container has CAP_MKNOD).
TEST(Attack, HostDiskCannotBeOpened) {
  std::string number(trim(host_output("awk 'NR > 2 && $3 > 0 {print $1, $2; exit}' /proc/partitions")));
  if (number.empty()) GTEST_SKIP() << "this machine shows no disk";
  // The result without the rules.
  std::string open = open_disk(number, Json::array({{{"allow", true}, {"access", "rwm"}}}));
  if (open != "read\n") GTEST_SKIP() << "nobody can read the disk on this machine: " << open;
  EXPECT_NE(open_disk(number, default_device_rules()).find("Operation not permitted"), std::string::npos);
}

// runc 2025-52565 through exec: the container's own /dev/pts was replaced.
TEST(Attack, ExecUsesATerminalOnlyFromADevpts) {
  Container box;
  box.spec["process"]["capabilities"] = capabilities_json(all_capabilities());
  box.request.seccomp_bpf.clear();
  box.script("mount -t tmpfs x /dev/pts && ln -s /dev/null /dev/pts/ptmx && echo ready; sleep 60");
  ASSERT_TRUE(box.start().started);
  ASSERT_EQ(box.output_of_lines(1), "ready\n");
  Json process = box.exec_process_json({"true"});
  process["terminal"] = true;
  Container::ExecResult result = box.exec_process(process);
  ASSERT_TRUE(result.seen.failed);
  EXPECT_EQ(result.seen.failed->text, "exec: /dev/pts is not a devpts");
}

// containerd 2020-15257, 2024-25621: sockets and state accessible to others on the machine.
TEST(Attack, MonitorIsReachableOnlyByItsOwner) {
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  struct stat info{};
  ASSERT_EQ(::stat((box.folder() + "/run/monitor.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600u);
  // No abstract sockets, which have no owner and belong to the network namespace.
  std::string sockets = host_output("grep -c '@.*stack' /proc/net/unix || true");
  EXPECT_EQ(trim(sockets), "0");
}

}  // namespace
}  // namespace stack::runtime::test
