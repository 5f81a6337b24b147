// stack-pod, the program in pods of Kubernetes: filling volumes, copying files, waiting for names.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <thread>

#include "base/directory.h"
#include "base/files.h"
#include "base/process.h"

namespace stack {
namespace {

class PodTest : public testing::Test {
 protected:
  PodTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/pod-test-"))) {}

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    ASSERT_TRUE(ensure_directory(directory_name(path(name))));
    ASSERT_TRUE(write_file(path(name), text, mode));
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  std::string read(const std::string& name) { return read_file(path(name)).value_or("(missing)"); }
  static int run(const std::vector<std::string>& args) {
    SpawnRequest request;
    request.program = STACK_POD;
    request.args = args;
    auto done = run_captured(std::move(request));
    EXPECT_TRUE(done);
    return done ? done->exit_code : -1;
  }
  struct stat info(const std::string& name) {
    struct stat out{};
    EXPECT_EQ(::lstat(path(name).c_str(), &out), 0) << name;
    return out;
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(PodTest, ANewVolumeGetsTheImagesFilesWithTheirOwnersModesAndTimes) {
  write("image/deep/file", "text", 0640);
  ASSERT_EQ(::symlink("file", path("image/deep/link").c_str()), 0);
  ASSERT_EQ(::chown(path("image/deep/file").c_str(), 33, 44), 0);
  ASSERT_EQ(::chown(path("image").c_str(), 999, 998), 0);
  ASSERT_EQ(::chmod(path("image").c_str(), 01770), 0);
  timespec times[2] = {{1000, 0}, {2000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path("image/deep/file").c_str(), times, 0), 0);
  ASSERT_TRUE(ensure_directory(path("volume")));
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  EXPECT_EQ(read("volume/data/deep/link"), "text");
  EXPECT_TRUE(S_ISLNK(info("volume/data/deep/link").st_mode));
  struct stat file = info("volume/data/deep/file");
  EXPECT_EQ(file.st_uid, 33U);
  EXPECT_EQ(file.st_gid, 44U);
  EXPECT_EQ(file.st_mode & 07777, 0640U);
  EXPECT_EQ(file.st_mtime, 2000);
  struct stat root = info("volume/data");
  EXPECT_EQ(root.st_uid, 999U);
  EXPECT_EQ(root.st_mode & 07777, 01770U);
  // The service sees only `data`, so the marker does not disturb programs that want an empty folder.
  EXPECT_EQ(names_in(path("volume/data")).value(), (std::vector<std::string>{"deep"}));
}

TEST_F(PodTest, AVolumeIsFilledOnce) {
  write("image/file", "new");
  ASSERT_TRUE(ensure_directory(path("volume")));
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  ASSERT_TRUE(write_file(path("volume/data/file"), "changed"));
  ASSERT_EQ(::unlink(path("image/file").c_str()), 0);
  write("image/other", "new");
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  EXPECT_EQ(read("volume/data/file"), "changed");
  EXPECT_EQ(read("volume/data/other"), "(missing)");
}

TEST_F(PodTest, AVolumeWithContentsIsKept) {
  write("image/file", "new");
  write("volume/data/own", "old");
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  EXPECT_EQ(read("volume/data/own"), "old");
  EXPECT_EQ(read("volume/data/file"), "(missing)");
}

TEST_F(PodTest, AnImageWithoutTheFolderLeavesTheVolumeToAnotherImage) {
  ASSERT_TRUE(ensure_directory(path("volume")));
  EXPECT_EQ(run({"fill", path("nowhere"), path("volume")}), 0);
  EXPECT_TRUE(is_directory(path("volume/data")));
  write("image/file", "new");
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  EXPECT_EQ(read("volume/data/file"), "new");
}

TEST_F(PodTest, AnInterruptedFillIsRepeated) {
  write("image/a", "a");
  write("image/b", "b");
  write("volume/data/a", "half");
  write("volume/.stack-filling", "");
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0);
  EXPECT_EQ(read("volume/data/a"), "a");
  EXPECT_EQ(read("volume/data/b"), "b");
}

TEST_F(PodTest, PodsThatFillAtTheSameTimeWaitForEachOther) {
  for (int i = 0; i < 200; ++i) write("image/" + std::to_string(i), std::string(5000, 'x'));
  ASSERT_TRUE(ensure_directory(path("volume")));
  std::vector<std::thread> pods;
  for (int i = 0; i < 6; ++i)
    pods.emplace_back([&] { EXPECT_EQ(run({"fill", path("image"), path("volume")}), 0); });
  for (std::thread& pod : pods) pod.join();
  EXPECT_EQ(names_in(path("volume/data"))->size(), 200U);
}

TEST_F(PodTest, AFullOrReadOnlyVolumeIsAnError) {
  write("image/file", std::string(200'000, 'x'));
  ASSERT_TRUE(ensure_directory(path("volume")));
  ASSERT_EQ(::mount("none", path("volume").c_str(), "tmpfs", 0, "size=64k"), 0);
  EXPECT_EQ(run({"fill", path("image"), path("volume")}), 1);
  EXPECT_TRUE(path_exists(path("volume/.stack-filling"))) << "the next pod must repeat it";
  ::umount(path("volume").c_str());
}

// The kubelet's layout of a ConfigMap: a link to a folder with links.
TEST_F(PodTest, FilesOfAConfigMapAreCopiedAsFiles) {
  write("map/..2026/conf", "text", 0755);
  write("map/..2026/sub/more", "more");
  ASSERT_EQ(::symlink("..2026", path("map/..data").c_str()), 0);
  ASSERT_EQ(::symlink("..data/conf", path("map/conf").c_str()), 0);
  ASSERT_EQ(::symlink("..data/sub", path("map/sub").c_str()), 0);
  ASSERT_TRUE(ensure_directory(path("to")));
  EXPECT_EQ(run({"copy", path("map"), path("to"), "1000:1001"}), 0);
  EXPECT_EQ(names_in(path("to")).value(), (std::vector<std::string>{"conf", "sub"}));
  EXPECT_EQ(read("to/sub/more"), "more");
  struct stat file = info("to/conf");
  EXPECT_TRUE(S_ISREG(file.st_mode));
  EXPECT_EQ(file.st_mode & 0777, 0755U);
  EXPECT_EQ(file.st_uid, 1000U);
  EXPECT_EQ(file.st_gid, 1001U);
}

TEST_F(PodTest, InvalidArgumentsAreUsageErrors) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"wait"}, {"fill", "x"}, {"copy", "a", "b", "x:y"}, {"stop", "TERM"}, {"fly", "a"}})
    EXPECT_EQ(run(words), 2);
}

// A name server on 127.0.0.1:53 of a new network namespace. Knows `db.shop.svc.cluster.local` after
// `questions_before` questions, and every name outside the cluster's domain, as a machine's network may.
void serve_names(int socket, int questions_before) {
  for (int asked = 0;;) {
    unsigned char message[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    ssize_t length =
        ::recvfrom(socket, message, sizeof message, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 12) return;
    std::string name;
    for (size_t at = 12; message[at] != 0; at += message[at] + 1U)
      name += std::string(reinterpret_cast<char*>(message) + at + 1, message[at]) + ".";
    bool known = name == "db.shop.svc.cluster.local." && asked++ >= questions_before;
    if (!name.ends_with(".cluster.local.")) known = true;
    message[2] = 0x84;
    message[3] = known ? 0 : 3;
    message[7] = known ? 1 : 0;
    std::string answer(reinterpret_cast<char*>(message), static_cast<size_t>(length));
    if (known) answer += std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04\x0a\0\0\x01", 16);
    ::sendto(socket, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

// Runs `body` in a child with its own network and mount namespaces and this resolv.conf.
int with_name_server(const std::string& resolv_conf, const std::function<int()>& body) {
  pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) ::_exit(100);
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount(resolv_conf.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0) ::_exit(101);
    int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    ::ioctl(socket, SIOCSIFFLAGS, &request);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(53);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(102);
    std::thread([socket] { serve_names(socket, 4); }).detach();
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return exit_code_of(status);
}

constexpr const char* kPodResolvConf =
    "search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 127.0.0.1\n"
    "options ndots:5\n";

TEST_F(PodTest, WaitEndsOnceTheNameOfTheNamespaceResolves) {
  write("resolv.conf", kPodResolvConf);
  int code = with_name_server(path("resolv.conf"), [] {
    auto begin = std::chrono::steady_clock::now();
    int result = run({"wait", "db"});
    auto took = std::chrono::steady_clock::now() - begin;
    // Not before the name server knows it, and soon after.
    if (took < std::chrono::milliseconds(300) || took > std::chrono::seconds(20)) return 50;
    return result;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(PodTest, WaitIsNotSatisfiedByNamesOutsideTheCluster) {
  write("resolv.conf", kPodResolvConf);
  int code = with_name_server(path("resolv.conf"), [] {
    SpawnRequest request;
    request.program = STACK_POD;
    request.args = {"wait", "missing"};
    auto pid = spawn(request);
    if (!pid) return 60;
    std::this_thread::sleep_for(std::chrono::seconds(2));
    bool waits = ::waitpid(*pid, nullptr, WNOHANG) == 0;
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    return waits ? 0 : 61;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(PodTest, StopSignalsProcessOneAndEndsWithIt) {
  // In a new pid namespace, the shell is process 1; it exits with 7 on SIGQUIT.
  SpawnRequest request;
  request.program = "unshare";
  request.args = {"--pid",        "--fork",
                  "--mount-proc", "sh",
                  "-c",           "trap 'exit 7' QUIT; " STACK_POD " stop 3 & while :; do sleep 0.1; done"};
  auto done = run_captured(std::move(request));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->exit_code, 7) << done->output;
}

}  // namespace
}  // namespace stack
