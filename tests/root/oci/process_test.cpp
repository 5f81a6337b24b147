// The process object: the environment of the command at its start.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/files.h"
#include "bundle_fixture.h"

namespace stack::runtime::test {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

Fd bound_socket(const std::string& path, int type) {
  Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address = address_of(path);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 4), 0);
  }
  return fd;
}

TEST(OciProcess, UserGroupsUmaskAndEnvironment) {
  Bundle bundle;
  bundle.spec["process"]["user"] = {{"uid", 12}, {"gid", 34}, {"additionalGids", {56, 78}}, {"umask", 63}};
  bundle.spec["process"]["env"].push_back("WORD=a b");
  bundle.spec["process"]["cwd"] = "/made/here";
  bundle.script("grep -E '^(Uid|Gid|Groups|Umask)' /proc/self/status; echo $WORD; pwd");
  Ran ran = bundle.run();
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.output,
            "Umask:\t0077\nUid:\t12\t12\t12\t12\nGid:\t34\t34\t34\t34\nGroups:\t56 78 \na b\n/made/here\n");
}

TEST(OciProcess, CapabilitiesLimitsAndNoNewPrivileges) {
  Bundle bundle;
  for (const char* set : {"bounding", "effective", "permitted"})
    bundle.spec["process"]["capabilities"][set] = Json::array({"CAP_KILL", "CAP_FUTURE"});
  bundle.spec["process"]["rlimits"] = Json::array({{{"type", "RLIMIT_NOFILE"}, {"soft", 99}, {"hard", 100}}});
  bundle.spec["process"]["noNewPrivileges"] = true;
  bundle.script("grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/self/status; ulimit -n");
  Ran ran = bundle.run();
  EXPECT_EQ(ran.output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\n"
            "CapBnd:\t0000000000000020\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n99\n");
}

TEST(OciProcess, DuplicateLimitIsAnError) {
  Bundle bundle;
  bundle.command({"true"});
  Json limit{{"type", "RLIMIT_NOFILE"}, {"soft", 9}, {"hard", 10}};
  bundle.spec["process"]["rlimits"] = Json::array({limit, limit});
  EXPECT_EQ(bundle.run().code, 1);
}

TEST(OciProcess, PersonalityAndMemoryPolicyAreApplied) {
  Bundle bundle;
  bundle.spec["linux"]["personality"] = {{"domain", "LINUX32"}};
  bundle.spec["linux"]["memoryPolicy"] = {{"mode", "MPOL_BIND"}, {"nodes", "0"}};
  bundle.script("uname -m; grep -m1 -o 'bind[^ ]*' /proc/self/numa_maps");
  EXPECT_EQ(bundle.run().output, "i686\nbind:0\n");
}

TEST(OciProcess, OnlyRequestedDescriptorsStayOpen) {
  Bundle bundle;
  Fd file = open_file(bundle.folder() + "/kept", O_RDWR | O_CREAT).value();
  bundle.script("echo through >&3; ls /proc/self/fd | wc -l; [ -e /proc/self/fd/4 ] && echo leaked");
  // ls itself opens the folder: 0, 1, 2, 3 and that one.
  Ran ran = bundle.call({"run", "--bundle", bundle.folder(), "--preserve-fds", "1", "box"}, {},
                        {{3, file.get()}, {5, file.get()}});
  EXPECT_EQ(ran.output, "5\n");
  EXPECT_EQ(read_file(bundle.folder() + "/kept").value_or(""), "through\n");
  ran =
      bundle.call({"run", "--bundle", bundle.folder(), "--preserve-fds", "3", "box"}, {}, {{3, file.get()}});
  // Descriptors that are not passed are also closed inside, and ours do not replace them.
  EXPECT_EQ(ran.output, "5\n");
}

TEST(OciProcess, ListeningSocketsArePassedOn) {
  Bundle bundle;
  Fd socket = bound_socket(bundle.folder() + "/s", SOCK_STREAM);
  bundle.script("echo $LISTEN_FDS $LISTEN_PID; readlink /proc/self/fd/3 | cut -c1-7");
  Ran ran =
      bundle.call({"run", "--bundle", bundle.folder(), "box"}, {{"LISTEN_FDS", "1"}}, {{3, socket.get()}});
  EXPECT_EQ(ran.output, "1 1\nsocket:\n");
}

TEST(OciProcess, ReadinessReachesTheServiceManager) {
  Bundle bundle;
  std::string path = bundle.folder() + "/manager";
  Fd manager = bound_socket(path, SOCK_DGRAM);
  // busybox has no client for datagram sockets, so the test acts as the service, through the container's own path.
  bundle.script("echo $NOTIFY_SOCKET > /data/new; mv /data/new /data/where; sleep 1000");
  ASSERT_EQ(bundle.create().code, 0);
  ASSERT_EQ(bundle.call({"delete", "-f", "box"}).code, 0);
  ASSERT_EQ(bundle.call({"create", "--bundle", bundle.folder(), "box"}, {{"NOTIFY_SOCKET", path}}).code, 0);
  std::string inside = bundle.state_root() + "/box/notify/notify.sock";
  std::thread service([&] {
    while (!path_exists(inside)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = address_of(inside);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_TRUE(write_all(fd.get(), "READY=1\n").has_value());
  });
  EXPECT_EQ(bundle.call({"start", "box"}, {{"NOTIFY_SOCKET", path}}).code, 0);
  service.join();
  std::array<char, 64> text{};
  EXPECT_GT(::recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT), 0);
  EXPECT_STREQ(text.data(), "READY=1\n");
  ASSERT_TRUE(bundle.wait_for_file("/data/where"));
  EXPECT_EQ(bundle.file("/data/where"), "/run/notify/notify.sock\n");
}

TEST(OciProcess, TerminalIsSentToTheConsoleSocket) {
  Bundle bundle;
  std::string path = bundle.folder() + "/console";
  Fd listener = bound_socket(path, SOCK_STREAM);
  bundle.spec["process"]["terminal"] = true;
  bundle.spec["process"]["consoleSize"] = {{"height", 33}, {"width", 77}};
  bundle.script("tty; stty size; [ /dev/console -ef $(tty) ] || ls -l /dev/console; exit 3");
  ASSERT_EQ(bundle.create({"--console-socket", path}).code, 0);
  Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  MessageWithFds message = receive_with_fds(connection.get()).value();
  ASSERT_EQ(message.fds.size(), 1U);
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  ASSERT_TRUE(bundle.wait_for_status("stopped"));
  std::string text;
  std::array<char, 256> buffer{};
  for (ssize_t n; (n = ::read(message.fds[0].get(), buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<size_t>(n));
  EXPECT_EQ(text.substr(0, 19), "/dev/pts/0\r\n33 77\r\n") << text;
}

TEST(OciProcess, DetachedTerminalRequiresAConsoleSocket) {
  Bundle bundle;
  bundle.command({"true"});
  bundle.spec["process"]["terminal"] = true;
  EXPECT_NE(bundle.create().output.find("--console-socket"), std::string::npos);
  EXPECT_EQ(bundle.run({"--detach"}).code, 1);
}

TEST(OciProcess, SeccompProfilesAreCompiledAndCached) {
  Bundle bundle;
  bundle.spec["linux"]["seccomp"] = {
      {"defaultAction", "SCMP_ACT_ALLOW"},
      {"architectures", {"SCMP_ARCH_X86_64"}},
      {"flags", {"SECCOMP_FILTER_FLAG_LOG"}},
      {"syscalls",
       {{{"names", {"mkdir", "mkdirat", "no_such_call"}}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 28}}}}};
  bundle.script("mkdir /tmp/x; grep -E '^Seccomp:' /proc/self/status");
  for (int round = 0; round < 2; ++round) {
    Ran ran = bundle.run();
    EXPECT_NE(ran.output.find("No space left on device"), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find("Seccomp:\t2"), std::string::npos) << ran.output;
  }
  EXPECT_NE(host_output("ls " + bundle.state_root() + "/.cache/seccomp"), "");
  bundle.spec["linux"]["seccomp"]["flags"] = {"SECCOMP_FILTER_FLAG_NONSENSE"};
  EXPECT_EQ(bundle.run().code, 1);
}

TEST(OciProcess, NotifiedCallsAreReportedToTheListener) {
  Bundle bundle;
  std::string path = bundle.folder() + "/agent";
  Fd agent = bound_socket(path, SOCK_STREAM);
  bundle.spec["linux"]["seccomp"] = {
      {"defaultAction", "SCMP_ACT_ALLOW"},
      {"listenerPath", path},
      {"listenerMetadata", "tag"},
      // sendmsg passes the listener on and must not block itself.
      {"syscalls", {{{"names", {"mkdir", "sendmsg"}}, {"action", "SCMP_ACT_NOTIFY"}}}}};
  bundle.command({"sleep", "1000"});
  ASSERT_EQ(bundle.create().code, 0);
  ASSERT_EQ(bundle.call({"start", "box"}).code, 0);
  Fd connection(::accept4(agent.get(), nullptr, nullptr, SOCK_CLOEXEC));
  MessageWithFds message = receive_with_fds(connection.get()).value();
  ASSERT_EQ(message.fds.size(), 1U);
  Json state = parse_json(message.bytes).value();
  EXPECT_EQ(state["fds"], Json::array({"seccompFd"}));
  EXPECT_EQ(state["metadata"], "tag");
  EXPECT_EQ(state["pid"], bundle.pid());
  EXPECT_EQ(state["state"]["id"], "box");
  // The same for calls of an additional command: the agent is looked up from the host, not from inside.
  ASSERT_EQ(bundle.call({"exec", "--detach", "box", "sleep", "1000"}).code, 0);
  Fd second(::accept4(agent.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(receive_with_fds(second.get()).value().fds.size(), 1U);
}

TEST(OciProcess, WriteCannotBeNotified) {
  Bundle bundle;
  bundle.spec["linux"]["seccomp"] = {{"defaultAction", "SCMP_ACT_ALLOW"},
                                     {"listenerPath", bundle.folder() + "/agent"},
                                     {"syscalls", {{{"names", {"write"}}, {"action", "SCMP_ACT_NOTIFY"}}}}};
  bundle.command({"true"});
  Ran ran = bundle.run();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("cannot be used for the write syscall"), std::string::npos) << ran.output;
}

TEST(OciProcess, WorkingDirectoryIsCreatedOnAReadOnlyRoot) {
  Bundle bundle;
  bundle.spec["root"]["readonly"] = true;
  bundle.spec["process"]["cwd"] = "/not/there";
  bundle.command({"pwd"});
  EXPECT_EQ(bundle.run().output, "/not/there\n");
}

TEST(OciProcess, HostnameCannotBeASysctl) {
  for (const char* name : {"kernel.hostname", "kernel/hostname"}) {
    Bundle bundle;
    bundle.spec["linux"]["sysctl"] = {{name, "x"}};
    bundle.command({"true"});
    Ran ran = bundle.run();
    EXPECT_NE(ran.code, 0);
    EXPECT_NE(ran.output.find("kernel.hostname is not allowed"), std::string::npos) << ran.output;
  }
}

}  // namespace
}  // namespace stack::runtime::test
