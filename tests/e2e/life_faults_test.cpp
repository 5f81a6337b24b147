// Former faults in the life of a container: concurrent starts, exits, and removals, and our processes dying or
// hanging.
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/directory.h"
#include "base/files.h"
#include "leaks.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class LifeFaults : public Scenario {
 protected:
  // Runs the script by `stack exec` in the service "job" while the engine is killed after the delay.
  CommandResult exec_across_a_kill(const std::string& script, int delay_ms) {
    std::atomic<bool> done = false;
    std::thread killer([&] {
      ::usleep(static_cast<useconds_t>(delay_ms) * 1000);
      if (!done) stack().kill_engine();
    });
    CommandResult result = run({"exec", "-T", "job", "bash", "-c", script});
    done = true;
    killer.join();
    return result;
  }
  // Creates a container through the API with Docker's body; returns its ID.
  std::string create(const std::string& container_name, std::vector<std::string> command,
                     Json host_config = Json::object(), Json more = Json::object()) {
    Json body = std::move(more);
    body["Image"] = "debian:bookworm-slim";
    body["Cmd"] = std::move(command);
    host_config["NetworkMode"] = "none";
    body["HostConfig"] = std::move(host_config);
    ApiAnswer made = stack().api("POST", "/containers/create?name=" + container_name, body);
    EXPECT_EQ(made.status, 201) << made.body.dump();
    return string_or(made.body, "Id");
  }
  int post(const std::string& id, const std::string& action) {
    return stack().api("POST", "/containers/" + id + "/" + action).status;
  }
  Json state_of(const std::string& id) {
    return stack().api("GET", "/containers/" + id + "/json").body.value("State", Json::object());
  }
  std::string status_of(const std::string& id) { return string_or(state_of(id), "Status"); }
  pid_t pid_of(const std::string& id) { return static_cast<pid_t>(int_or(state_of(id), "Pid")); }
  bool becomes(const std::string& id, const std::string& status) {
    return eventually(10s, [&] { return status_of(id) == status; });
  }
  void remove(const std::string& id) { stack().api("DELETE", "/containers/" + id + "?force=1&v=1"); }
  pid_t monitor_of(const std::string& id) {
    for (pid_t pid : processes_with(id)) {
      std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
      if (line.starts_with("stack-monitor")) return pid;
    }
    return 0;
  }
  size_t open_files(pid_t pid) {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      (void)entry;
      ++count;
    }
    return count;
  }
  // A client that sends a request and disconnects after it was received.
  void ask_and_leave(const std::string& request) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, stack().socket().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_TRUE(write_all(socket.get(), request));
    ::usleep(100'000);
  }
};

const char* const kStubborn = R"(trap "" TERM; echo up; while true; do sleep 0.1; done)";

TEST_F(LifeFaults, ForcedRemovalDuringAStartEndsTheContainer) {
  for (int round = 0; round < 15 && !HasFailure(); ++round) {
    std::string id = create("meets" + std::to_string(round), {"sleep", "infinity"});
    std::thread starter([&] { stack().api("POST", "/containers/" + id + "/start"); });
    ::usleep(static_cast<useconds_t>(round) * 4000);
    auto began = std::chrono::steady_clock::now();
    ApiAnswer removed = stack().api("DELETE", "/containers/" + id + "?force=1");
    EXPECT_EQ(removed.status, 204) << "round " << round << ": " << removed.body.dump();
    EXPECT_LT(std::chrono::steady_clock::now() - began, patiently(10s));
    starter.join();
    EXPECT_EQ(stack().api("GET", "/containers/" + id + "/json").status, 404);
  }
  EXPECT_TRUE(eventually(5s, [&] { return processes_with("sleep").empty(); }));
}

TEST_F(LifeFaults, StopEndsAWaitForTheNextRestart) {
  std::string id = create("again", {"false"}, {{"RestartPolicy", {{"Name", "always"}}}});
  ASSERT_EQ(post(id, "start"), 204);
  ASSERT_TRUE(eventually(20s, [&] { return int_or(state_of(id), "ExitCode") == 1; }));
  ::usleep(2'000'000);  // so that the policy's delay is long
  auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(post(id, "stop"), 204);
  EXPECT_LT(std::chrono::steady_clock::now() - began, patiently(1s));
  EXPECT_EQ(status_of(id), "exited");
  ::usleep(300'000);
  EXPECT_EQ(status_of(id), "exited");
  remove(id);
}

TEST_F(LifeFaults, LaterKillOrShorterStopDoesNotWaitForAStop) {
  for (const char* second : {"kill", "stop?t=1"}) {
    std::string id = create("stubborn", {"bash", "-c", kStubborn});
    ASSERT_EQ(post(id, "start"), 204);
    std::thread slow([&] { EXPECT_EQ(post(id, "stop?t=40"), 204); });
    ::usleep(500'000);
    auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(post(id, second), 204) << second;
    slow.join();
    EXPECT_LT(std::chrono::steady_clock::now() - began, patiently(6s)) << second;
    EXPECT_EQ(status_of(id), "exited");
    remove(id);
  }
}

TEST_F(LifeFaults, StopCancelsAWaitingStart) {
  std::string id = create("waits", {"bash", "-c", kStubborn});
  ASSERT_EQ(post(id, "start"), 204);
  std::thread stopping([&] { post(id, "stop?t=2"); });
  ::usleep(300'000);
  std::atomic<int> started = 0;
  std::thread starting([&] { started = post(id, "start"); });
  ::usleep(300'000);
  EXPECT_EQ(post(id, "stop?t=1"), 204);
  stopping.join();
  starting.join();
  EXPECT_EQ(started, 409);
  EXPECT_EQ(status_of(id), "exited");
  remove(id);
}

TEST_F(LifeFaults, OnlyTheStopSignalDisablesTheRestartPolicy) {
  project("signals", R"(
services:
  web:
    build:
      dockerfile_inline: |
        FROM debian:bookworm-slim
        STOPSIGNAL SIGUSR1
    command: bash -c 'trap "exit 3" HUP; trap "exit 4" USR1; echo up; while true; do sleep 0.1; done'
    restart: always
)");
  must({"up", "-d", "--build"});
  auto says_up = [&](size_t times) {
    return eventually(15s, [&] {
      std::string out = must({"logs", "--no-log-prefix", "web"}).out;
      size_t count = 0;
      for (size_t at = out.find("up"); at != std::string::npos; at = out.find("up", at + 1)) ++count;
      return count >= times;
    });
  };
  ASSERT_TRUE(says_up(1));
  must({"kill", "-s", "HUP", "web"});
  ASSERT_TRUE(says_up(2)) << "HUP is not the stop signal of the image: the policy starts the container again";
  EXPECT_EQ(container("web").restarts, 1);
  must({"kill", "-s", "USR1", "web"});
  EXPECT_TRUE(eventually(10s, [&] { return container("web").state == "exited"; }));
  ::usleep(500'000);
  EXPECT_EQ(container("web").state, "exited");
  EXPECT_EQ(container("web").exit_code, 4);
}

TEST_F(LifeFaults, WaitReturnsAtEachExitOfARestartingContainer) {
  std::string id =
      create("often", {"sh", "-c", "sleep 0.5; exit 7"}, {{"RestartPolicy", {{"Name", "always"}}}});
  ASSERT_EQ(post(id, "start"), 204);
  for (int round = 0; round < 2; ++round) {
    ApiAnswer waited = stack().api("POST", "/containers/" + id + "/wait");
    EXPECT_EQ(int_or(waited.body, "StatusCode", -1), 7) << waited.body.dump();
  }
  ApiAnswer next = stack().api("POST", "/containers/" + id + "/wait?condition=next-exit");
  EXPECT_EQ(int_or(next.body, "StatusCode", -1), 7) << next.body.dump();
  remove(id);
}

TEST_F(LifeFaults, DisconnectedClientsAreForgotten) {
  std::string idle = create("idle", {"true"});
  std::string busy = create("busy", {"sleep", "infinity"});
  ASSERT_EQ(post(busy, "start"), 204);
  pid_t engine = stack().engine_pid();
  size_t before = open_files(engine);
  std::string tail =
      " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n";
  for (int i = 0; i < 5; ++i) {
    ask_and_leave("POST /containers/" + idle + "/attach?stream=1&stdout=1" + tail);
    ask_and_leave("POST /containers/" + busy + "/attach?stream=1&stdout=1" + tail);
    ask_and_leave("POST /containers/" + busy + "/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  }
  EXPECT_TRUE(eventually(10s, [&] { return open_files(engine) <= before + 2; }))
      << open_files(engine) << " files, before " << before;
  remove(idle);
  remove(busy);
}

TEST_F(LifeFaults, FailedExecSessionsKeepNoPipes) {
  std::string id = create("host", {"sleep", "infinity"});
  ASSERT_EQ(post(id, "start"), 204);
  pid_t engine = stack().engine_pid();
  size_t before = open_files(engine);
  Json exec{
      {"AttachStdin", true}, {"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", {"/no/such/program"}}};
  for (int i = 0; i < 8; ++i) {
    ApiAnswer made = stack().api("POST", "/containers/" + id + "/exec", exec);
    stack().api("POST", "/exec/" + string_or(made.body, "Id") + "/start", {{"Detach", false}});
  }
  EXPECT_TRUE(eventually(5s, [&] { return open_files(engine) <= before + 2; }))
      << open_files(engine) << " files, before " << before;
  remove(id);
}

TEST_F(LifeFaults, KilledMonitorsLeaveNoZombies) {
  std::string id = create("orphan", {"sleep", "infinity"}, {{"PidMode", "host"}});
  ASSERT_EQ(post(id, "start"), 204);
  ASSERT_TRUE(eventually(5s, [&] { return monitor_of(id) != 0; }));
  pid_t first = monitor_of(id);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(eventually(5s, [&] { return monitor_of(id) != 0 && monitor_of(id) != first; }));
  EXPECT_EQ(post(id, "kill"), 204);
  pid_t engine = stack().engine_pid();
  auto zombies = [&] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      if (std::atoi(entry.path().filename().c_str()) == 0) continue;
      std::string text = read_file((entry.path() / "stat").string()).value_or("");
      size_t end = text.rfind(')');
      if (end == std::string::npos) continue;
      bool zombie = text.compare(end, 3, ") Z") == 0;
      count += zombie && std::atoi(text.c_str() + end + 4) == engine ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(eventually(10s, [&] { return zombies() == 0; })) << zombies() << " zombies of the engine";
  remove(id);
}

TEST_F(LifeFaults, HangingMonitorDoesNotBlockAStop) {
  std::string id = create("still", {"sleep", "infinity"});
  ASSERT_EQ(post(id, "start"), 204);
  ASSERT_TRUE(eventually(5s, [&] { return monitor_of(id) != 0; }));
  ::kill(monitor_of(id), SIGSTOP);
  auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(post(id, "stop?t=1"), 204);
  EXPECT_LT(std::chrono::steady_clock::now() - began, patiently(6s));
  EXPECT_EQ(status_of(id), "exited");
  EXPECT_EQ(int_or(state_of(id), "ExitCode"), 137);
  remove(id);
}

TEST_F(LifeFaults, WritingContainerSurvivesTheLossOfEngineAndMonitor) {
  project("writer", R"(
services:
  web:
    image: debian:bookworm-slim
    command: bash -c 'n=0; while true; do echo line $$n; n=$$((n+1)); sleep 0.02; done'
    stop_signal: SIGKILL
)");
  must({"up", "-d"});
  RunningContainer before = container("web");
  uint64_t started = start_time_of(before.pid);
  ASSERT_TRUE(eventually(5s, [&] { return monitor_of(before.id) != 0; }));
  pid_t monitor = monitor_of(before.id);
  pid_t engine = stack().engine_pid();
  ::kill(engine, SIGKILL);
  ::kill(monitor, SIGKILL);
  ::usleep(700'000);
  EXPECT_EQ(start_time_of(before.pid), started) << "the container lives";
  must({"ps"});
  size_t lines = must({"logs", "web"}).out.size();
  EXPECT_TRUE(eventually(10s, [&] { return must({"logs", "web"}).out.size() > lines + 200; }));
  EXPECT_EQ(start_time_of(before.pid), started);
}

TEST_F(LifeFaults, RootOfARunningContainerCanBeCopied) {
  project("copies", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  must({"up", "-d"});
  must({"cp", "web:/", "out"});
  EXPECT_TRUE(std::filesystem::exists(path("out/etc/debian_version")));
  EXPECT_TRUE(std::filesystem::is_directory(path("out/proc")));
  EXPECT_TRUE(std::filesystem::is_empty(path("out/proc")));
  EXPECT_TRUE(std::filesystem::is_empty(path("out/sys")));
}

TEST_F(LifeFaults, SharersRegainTheirNetworkWhenItsOwnerRestarts) {
  project("shared", R"(
services:
  owner:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
  sharer:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    network_mode: service:owner
    depends_on: [owner]
)");
  must({"up", "-d"});
  auto interfaces = [&](const std::string& service) { return inside(service, "ls /sys/class/net | sort"); };
  std::string before = interfaces("sharer");
  EXPECT_NE(before.find("eth0"), std::string::npos) << before;
  RunningContainer owner = container("owner");
  ASSERT_EQ(post(owner.id, "stop?t=1"), 204);
  ASSERT_EQ(post(owner.id, "start"), 204);
  EXPECT_EQ(interfaces("sharer"), before);
  EXPECT_EQ(inside("sharer", "readlink /proc/self/ns/net"), inside("owner", "readlink /proc/self/ns/net"));
  EXPECT_EQ(container("owner").addresses, owner.addresses);
  EXPECT_NE(inside("sharer", "getent hosts owner"), "exit 2: ");
}

TEST_F(LifeFaults, OutputAndExitCodeOfRunSurviveTheEngine) {
  project("jobs", R"(
services:
  job:
    image: debian:bookworm-slim
    command: bash -c 'for i in $$(seq 1 60); do echo out $$i; echo err $$i >&2; sleep 0.02; done; exit 9'
)");
  must({"run", "--rm", "-T", "job", "true"});
  std::string expected;
  for (int i = 1; i <= 60; ++i) expected += "out " + std::to_string(i) + "\n";
  for (const char* rm : {"--rm", "--no-deps"}) {
    for (int delay : {50, 150, 300, 1100}) {
      std::atomic<bool> done = false;
      std::thread killer([&] {
        ::usleep(static_cast<useconds_t>(delay) * 1000);
        if (!done) stack().kill_engine();
      });
      CommandResult job = run({"run", rm, "-T", "job"});
      done = true;
      killer.join();
      EXPECT_EQ(job.code, 9) << rm << " killed after " << delay << " ms: " << job.text();
      EXPECT_EQ(job.out, expected) << rm << " killed after " << delay << " ms";
    }
  }
  must({"down", "-v"});
}

TEST_F(LifeFaults, OutputAndExitCodeOfExecSurviveTheEngine) {
  project("jobs", R"(
services:
  job:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  must({"up", "-d"});
  std::string expected;
  for (int i = 1; i <= 60; ++i) expected += "out " + std::to_string(i) + "\n";
  for (int delay : {0, 10, 20, 40, 300, 700, 1100}) {
    CommandResult job = exec_across_a_kill(
        "for i in $(seq 1 60); do echo out $i; echo err $i >&2; sleep 0.02; done; exit 9", delay);
    EXPECT_EQ(job.code, 9) << "killed after " << delay << " ms: " << job.text();
    EXPECT_EQ(job.out, expected) << "killed after " << delay << " ms";
  }
  // More than all buffers on the way can hold.
  must({"exec", "-T", "job", "sh", "-c", "seq 1 2000000 > /numbers"});
  std::string numbers;
  for (int i = 1; i <= 2000000; ++i) numbers += std::to_string(i) + "\n";
  for (int delay : {30, 60, 100, 150, 250}) {
    CommandResult job = exec_across_a_kill("cat /numbers; exit 3", delay);
    EXPECT_EQ(job.code, 3) << "killed after " << delay << " ms: " << job.err;
    EXPECT_TRUE(job.out == numbers) << "killed after " << delay << " ms: " << job.out.size() << " of "
                                    << numbers.size() << " bytes";
  }
  // The monitors of sessions exit with them.
  EXPECT_TRUE(eventually(5s, [&] { return processes_with("stack-monitor").size() == 1; }));
  must({"down", "-v"});
}

// The client sleeps while the engine dies, the command exits, and the next engine starts.
TEST_F(LifeFaults, ExecLeavesWithItsContainer) {
  project("jobs", R"(
services:
  job:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  must({"up", "-d"});
  auto exec = start({"exec", "-T", "job", "sh", "-c", "echo started; sleep infinity"});
  ASSERT_TRUE(exec->says("started", 10s)) << exec->output();
  int monitors = 0;
  for (const std::string& pid : names_in("/proc").value_or(std::vector<std::string>())) {
    if (read_file("/proc/" + pid + "/comm").value_or("") != "stack-monitor\n") continue;
    ++monitors;
    for (const std::string kind : {"mnt", "net", "ipc", "uts", "pid_for_children"})
      EXPECT_EQ(std::filesystem::read_symlink("/proc/" + pid + "/ns/" + kind),
                std::filesystem::read_symlink("/proc/self/ns/" + kind))
          << "a monitor must not keep namespaces of its container";
  }
  EXPECT_EQ(monitors, 2);
  // Neither the engine nor the client of the session is there when the container is removed.
  stack().kill_engine();
  exec->signal(SIGKILL);
  EXPECT_NE(exec->wait(), 0);
  must({"down", "-t", "0"});
  std::string left;
  eventually(2s, [&] { return (left = left_in_engine(stack())).empty(); });
  EXPECT_EQ(left, "");
}

TEST_F(LifeFaults, WaitSurvivesTheEngine) {
  project("jobs", R"(
services:
  job:
    image: debian:bookworm-slim
    command: sh -c 'while [ ! -e /shared/go ]; do sleep 0.01; done; exit 5'
    stop_signal: SIGKILL
    volumes: [./shared:/shared]
)");
  write("shared/README", "");
  must({"up", "-d"});
  auto wait = start({"wait", "job"});
  ::usleep(300'000);
  stack().kill_engine();
  ::usleep(500'000);
  write("shared/go", "");
  EXPECT_EQ(wait->wait(), 5) << wait->output();
}

TEST_F(LifeFaults, OutputOfExecWaitsForItsClient) {
  project("jobs", R"(
services:
  job:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: [./shared:/shared]
)");
  write("shared/README", "");
  must({"up", "-d"});
  auto exec = start({"exec", "-T", "job", "sh", "-c", 
                     "echo first; while [ ! -e /shared/go ]; do sleep 0.01; done; echo last; exit 4"});
  ASSERT_TRUE(exec->says("first", 10s)) << exec->output();
  exec->signal(SIGSTOP);
  stack().kill_engine();
  write("shared/go", "");  // the command exits before the next engine is there
  ::usleep(500'000);
  must({"ps"});
  ::usleep(500'000);
  exec->signal(SIGCONT);
  EXPECT_EQ(exec->wait(), 4) << exec->output();
  EXPECT_EQ(exec->output(), "first\nlast\n");
  must({"down", "-v"});
}

}  // namespace
}  // namespace stack::e2e
