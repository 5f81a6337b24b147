// State that outlives the engine: status, descriptors, the container itself.
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "monitor_streams.h"

namespace stack::runtime::test {
namespace {

TEST(Monitor, ReturningEngineGetsTheCompleteState) {
  Container box;
  box.request.open_stdin = true;
  Result<Pipe> held = make_pipe();
  box.request.held_fds = {{"dns-udp", held->read.get()}, {"proxy:80", held->write.get()}};
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  pid_t pid = box.pid();
  box.monitor().control.reset();
  Result<Fd> again = connect_monitor(box.request.run_dir);
  ASSERT_TRUE(again.has_value()) << again.error().text();
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_TRUE(seen.hello);
  EXPECT_EQ(seen.hello->container_id, box.request.container_id);
  EXPECT_EQ(seen.hello->pid, pid);
  EXPECT_TRUE(seen.hello->pidfd);
  EXPECT_TRUE(seen.hello->stdio.stdout_read);
  EXPECT_TRUE(seen.hello->stdio.stdin_write);
  EXPECT_FALSE(seen.hello->exited);
  ASSERT_EQ(seen.hello->held_fds.size(), 2u);
  EXPECT_EQ(seen.hello->held_fds[0].name, "dns-udp");
  EXPECT_EQ(seen.hello->held_fds[1].name, "proxy:80");
  // They are the same pipe.
  held->read.reset();
  write_text(seen.hello->held_fds[1].fd.get(), "x");
  char c = 0;
  EXPECT_EQ(::read(seen.hello->held_fds[0].fd.get(), &c, 1), 1);
  box.monitor().control = std::move(*again);
  ASSERT_TRUE(signal_pidfd(seen.hello->pidfd.get(), SIGKILL).has_value());
  EXPECT_EQ(box.wait(), 137);
}

TEST(Monitor, HeldDescriptorsCanBeReplacedAndDropped) {
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  Result<Pipe> pipe = make_pipe();
  int control = box.monitor().control.get();
  ASSERT_TRUE(send_hold(control, {{"a", pipe->read.get()}, {"b", pipe->write.get()}}).has_value());
  ASSERT_TRUE(send_hold(control, {{"a", pipe->write.get()}}).has_value());
  ASSERT_TRUE(send_drop_held(control, "b").has_value());
  Result<Fd> again = connect_monitor(box.request.run_dir);
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_EQ(seen.hello->held_fds.size(), 1u);
  EXPECT_EQ(seen.hello->held_fds[0].name, "a");
  box.monitor().control = std::move(*again);
}

TEST(Monitor, StatusIsKeptWhenTheContainerEndsWithoutAnEngine) {
  Container box;
  box.script("sleep 0.2; exit 9");
  ASSERT_TRUE(box.start().started);
  box.monitor().control.reset();
  for (int i = 0; i < 500 && !path_exists(box.request.state_dir + "/exit.json"); ++i) usleep(10000);
  Result<std::optional<Exited>> stored = read_exit_file(box.request.state_dir);
  ASSERT_TRUE(stored.has_value());
  ASSERT_TRUE(*stored);
  EXPECT_EQ((*stored)->exit_code, 9);
  Result<Fd> again = connect_monitor(box.request.run_dir);
  ASSERT_TRUE(again.has_value());
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_TRUE(seen.hello->exited);
  EXPECT_EQ(seen.hello->exited->exit_code, 9);
  box.monitor().control = std::move(*again);
  box.acknowledge();
  EXPECT_FALSE(path_exists(box.request.run_dir + "/monitor.sock"));
}

TEST(Monitor, ReturningReaderGetsMissedOutput) {
  Container box;
  box.request.keep_output = true;
  box.request.log.driver = LogDriver::None;
  box.script("echo one; echo oops >&2; sleep 0.4; echo two; exit 3");
  ASSERT_TRUE(box.start().started);
  AttachOptions options;
  options.resume = OutputPosition{};
  Fd stream = attach(box, options);
  ASSERT_TRUE(stream);
  EXPECT_EQ(joined(read_frames(stream.get(), 9), 1), "one\n");
  // The engine dies with its reader; the container exits meanwhile.
  stream.reset();
  box.monitor().control.reset();
  usleep(800000);
  Result<Fd> again = connect_monitor(box.request.run_dir);
  ASSERT_TRUE(again.has_value()) << again.error().text();
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_TRUE(seen.hello->exited);
  EXPECT_TRUE(seen.hello->readers_lost);
  box.monitor().control = std::move(*again);
  options.resume = OutputPosition{2, 5};
  Fd rest = attach(box, options, 2);
  ASSERT_TRUE(rest);
  std::vector<Frame> frames = read_frames(rest.get());
  EXPECT_EQ(joined(frames, 1), "e\ntwo\n");
  EXPECT_EQ(joined(frames, 2), "");
  box.acknowledge();
}

TEST(Monitor, ExitIsReportedAfterAFullSocketDrains) {
  Container box;
  box.request.open_stdin = true;
  box.script("read go; exit 4");
  ASSERT_TRUE(box.start().started);
  int control = box.monitor().control.get();
  // The unread responses to these requests fill the socket.
  for (uint32_t token = 1; token < 4000; ++token)
    if (!request_attach(control, token, {})) usleep(1000);
  write_text(box.seen().started->stdio.stdin_write.get(), "go\n");
  usleep(300000);
  observe(control, box.seen(), [](const Observed& seen) { return seen.exited.has_value(); });
  ASSERT_TRUE(box.seen().exited);
  EXPECT_EQ(box.wait(), 4);
}

TEST(Monitor, WritingContainerSurvivesTheLossOfAllReaders) {
  Container box;
  box.script("while :; do echo tick; sleep 0.02; done");
  ASSERT_TRUE(box.start().started);
  // Engine and monitor have ended: nobody holds the pipes any more.
  box.seen().started->stdio = {};
  ASSERT_TRUE(signal_pidfd(box.monitor().pidfd.get(), SIGKILL).has_value());
  ::waitpid(box.monitor().pid, nullptr, 0);
  usleep(300000);
  EXPECT_FALSE(process_gone(box.pid()));
  AdoptRequest request;
  request.container_id = box.request.container_id;
  request.state_dir = box.request.state_dir;
  request.run_dir = box.request.run_dir;
  request.pid = box.pid();
  request.pidfd = box.seen().started->pidfd.get();
  request.cgroup_path = box.cgroup();
  request.log = box.request.log;
  Result<Monitor> replacement = adopt(request, program());
  ASSERT_TRUE(replacement.has_value());
  box.monitor() = std::move(*replacement);
  box.seen().closed = false;
  size_t before = box.output().size();
  for (int i = 0; i < 300 && box.output().size() < before + 50; ++i) usleep(10000);
  EXPECT_GE(box.output().size(), before + 50) << "the new monitor reads on";
  ASSERT_TRUE(signal_pidfd(box.seen().started->pidfd.get(), SIGKILL).has_value());
  box.wait();
}

TEST(Monitor, ProcessKilledDuringSetupIsAFailedStart) {
  Container box;
  for (int i = 0; i < 3000; ++i)
    box.spec["mounts"].push_back({{"destination", "/mnt/" + std::to_string(i)}, {"type", "tmpfs"}});
  box.script("true");
  std::atomic<bool> over = false;
  std::thread killer([&] {
    while (!over && box.monitor().pid <= 0) usleep(1000);
    std::string launcher = std::to_string(box.monitor().pid);
    while (!over) {
      std::string child = read_file("/proc/" + launcher + "/task/" + launcher + "/children").value_or("");
      if (std::atoi(child.c_str()) > 0) {
        usleep(2000);
        ::kill(std::atoi(child.c_str()), SIGKILL);
        return;
      }
      usleep(500);
    }
  });
  Observed& seen = box.start();
  over = true;
  killer.join();
  EXPECT_FALSE(seen.started);
  ASSERT_TRUE(seen.failed);
  EXPECT_NE(seen.failed->text.find("killed"), std::string::npos) << seen.failed->text;
}

TEST(Monitor, ManyHeldDescriptorsWithLongNamesAreReturned) {
  Container box;
  std::vector<NamedFd> held;
  for (int i = 0; i < 200; ++i) held.push_back({"port:" + std::string(140, 'f') + std::to_string(i), 0});
  box.request.held_fds = held;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started) << box.seen().failed->text;
  Result<Fd> again = connect_monitor(box.request.run_dir);
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_EQ(seen.hello->held_fds.size(), 200u);
  EXPECT_EQ(seen.hello->held_fds[199].name, held[199].name);
  EXPECT_TRUE(seen.hello->held_fds[199].fd);
}

TEST(Monitor, KilledInitWithoutAnEngineIsReportedToTheNextEngine) {
  Container box;
  box.request.use_init = true;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  box.monitor().control.reset();
  ASSERT_TRUE(signal_pidfd(box.seen().started->pidfd.get(), SIGKILL).has_value());
  for (int i = 0; i < 500 && !path_exists(box.request.state_dir + "/exit.json"); ++i) usleep(10000);
  Result<Fd> again = connect_monitor(box.request.run_dir);
  ASSERT_TRUE(again.has_value());
  Observed seen;
  observe(again->get(), seen, [](const Observed& s) { return s.hello.has_value(); });
  ASSERT_TRUE(seen.hello->exited);
  EXPECT_EQ(seen.hello->exited->exit_code, 137);
  box.monitor().control = std::move(*again);
  box.acknowledge();
}

TEST(Monitor, RestartsADeadEngine) {
  Container box;
  std::string mark = box.folder() + "/engine-was-started";
  box.request.engine.argv = {"/bin/sh", "-c", "ls /proc/self/fd | tr '\\n' ' ' >> " + mark};
  box.request.engine.lock_path = box.folder() + "/engine.lock";
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  EXPECT_FALSE(path_exists(mark));
  box.monitor().control.reset();
  for (int i = 0; i < 300 && read_file(mark).value_or("").size() < 8; ++i) usleep(10000);
  // Only the three standard streams are inherited (the fourth is the folder that ls reads).
  EXPECT_EQ(read_file(mark).value_or("").substr(0, 8), "0 1 2 3 ");
}

TEST(Monitor, IntentionallyStoppedEngineIsStartedOnlyAtTheExit) {
  Container box;
  std::string mark = box.folder() + "/engine-was-started";
  box.request.engine.argv = {"/bin/sh", "-c", "echo yes >> " + mark};
  box.script("sleep 1.2");
  ASSERT_TRUE(box.start().started);
  ASSERT_TRUE(send_engine_leaves(box.monitor().control.get()).has_value());
  box.monitor().control.reset();
  usleep(900000);
  EXPECT_FALSE(path_exists(mark));
  for (int i = 0; i < 300 && !path_exists(mark); ++i) usleep(10000);
  EXPECT_TRUE(path_exists(mark));
}

TEST(Monitor, KilledMonitorDoesNotKillTheContainerAndIsReplaced) {
  Container box;
  box.script("i=0; while [ $i -lt 40 ]; do echo tick $i; i=$((i+1)); sleep 0.05; done; exit 11");
  ASSERT_TRUE(box.start().started);
  usleep(200000);
  ASSERT_TRUE(signal_pidfd(box.monitor().pidfd.get(), SIGKILL).has_value());
  observe(box.monitor().control.get(), box.seen(), [](const Observed& seen) { return seen.closed; });
  ::waitpid(box.monitor().pid, nullptr, 0);
  EXPECT_FALSE(process_gone(box.pid()));
  AdoptRequest request;
  request.container_id = box.request.container_id;
  request.state_dir = box.request.state_dir;
  request.run_dir = box.request.run_dir;
  request.pid = box.pid();
  request.pidfd = box.seen().started->pidfd.get();
  request.cgroup_path = box.cgroup();
  request.log = box.request.log;
  request.stdio = &box.seen().started->stdio;
  Result<Monitor> replacement = adopt(request, program());
  ASSERT_TRUE(replacement.has_value());
  box.monitor() = std::move(*replacement);
  box.seen().closed = false;
  observe(box.monitor().control.get(), box.seen(),
          [](const Observed& seen) { return seen.hello.has_value(); });
  EXPECT_EQ(box.seen().hello->pid, box.pid());
  int code = box.wait();
  if (box.seen().exited->status_known) {
    EXPECT_EQ(code, 11);
  } else {
    GTEST_LOG_(INFO) << "this kernel does not tell the exit code of another's child";
  }
  std::string text = box.output();
  for (int i = 0; i < 40; ++i)
    EXPECT_NE(text.find("tick " + std::to_string(i) + "\n"), std::string::npos) << i;
}

TEST(Monitor, SocketIsPrivate) {
  Container box;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  struct stat info{};
  ASSERT_EQ(::stat((box.request.run_dir + "/monitor.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(Monitor, LongRunDirectoryWorks) {
  Container box;
  std::string deep = box.folder() + "/run/" + std::string(120, 'd');
  ASSERT_TRUE(ensure_directory(deep, 0700).has_value());
  box.request.run_dir = deep;
  box.script("sleep 60");
  ASSERT_TRUE(box.start().started);
  EXPECT_TRUE(connect_monitor(deep).has_value());
}

TEST(Monitor, GarbageOnTheControlSocketIsIgnored) {
  Container box;
  box.script("sleep 0.3; exit 2");
  ASSERT_TRUE(box.start().started);
  int control = box.monitor().control.get();
  for (size_t size : {1u, 4u, 15u, 16u, 17u, 100u, 4000u}) {
    std::string bytes(size, '\x7f');
    ASSERT_TRUE(send_with_fds(control, bytes, {}).has_value());
  }
  // With the right magic, but types that require more data.
  for (unsigned char type = 0; type < 120; ++type) {
    std::string bytes("2KTS", 4);
    bytes += static_cast<char>(type);
    bytes += std::string(11, '\0');
    if (type == 106 || type == 107) continue;  // those two are commands without a body
    ASSERT_TRUE(send_with_fds(control, bytes, {}).has_value());
  }
  EXPECT_EQ(box.wait(), 2);
}

TEST(Monitor, IsSmall) {
  Container box;
  box.script("echo x; sleep 60");
  ASSERT_TRUE(box.start().started);
  usleep(200000);
  std::string rollup = read_file("/proc/" + std::to_string(box.monitor().pid) + "/smaps_rollup").value_or("");
  size_t at = rollup.find("Pss:");
  ASSERT_NE(at, std::string::npos);
  long pss = std::atol(rollup.c_str() + at + 4);
  GTEST_LOG_(INFO) << "monitor PSS " << pss << " kB";
  EXPECT_LE(pss, 300);
}

}  // namespace
}  // namespace stack::runtime::test
