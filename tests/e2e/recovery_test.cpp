// The state that an engine may find at its start: lost and damaged records, a missing run folder, a full disk,
// abandoned builds. Uncertainty must not end a container or remove its data.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <sstream>

#include "scenario.h"

namespace stack::e2e {
namespace {

namespace fs = std::filesystem;

class Recovery : public Scenario {
 protected:
  void shop() {
    project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'echo started; while :; do echo tick; sleep 0.1; done'
    stop_signal: SIGKILL
    ports: ["18081:8000"]
  db:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data:
)");
    must({"up", "-d"});
  }
  std::map<std::string, uint64_t> start_times() {
    std::map<std::string, uint64_t> times;
    for (const RunningContainer& one : containers()) times[one.name] = start_time_of(one.pid);
    return times;
  }
  std::string state_file() { return stack().root() + "/state.db"; }
  std::string copy_of(const std::string& id) { return stack().root() + "/containers/" + id + "/record"; }
  // Runs `change` while no engine runs, and prevents monitors from starting one.
  void without_engine(const std::function<void()>& change) {
    stack().kill_engine();
    Result<FileLock> lock = FileLock::acquire(stack().root() + "/engine.lock");
    ASSERT_TRUE(lock) << lock.error().text();
    change();
  }
  void alter(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(state_file().c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }
  // Expects that the containers run as before, with their ports and names, and that `down` finds all of them.
  void expect_as_before(const std::map<std::string, uint64_t>& before) {
    must({"ps"});
    EXPECT_EQ(start_times(), before);
    for (const RunningContainer& one : containers()) EXPECT_EQ(one.state, "running") << one.name;
    EXPECT_NE(must({"port", "web", "8000"}).out.find("18081"), std::string::npos);
    EXPECT_EQ(inside("web", "getent hosts db | wc -l"), "1") << "names are answered";
    must({"down", "-v"});
    expect_nothing_left();
  }
};

TEST_F(Recovery, DeletedStateFileLosesNothing) {
  shop();
  auto before = start_times();
  without_engine([&] {
    for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(state_file() + suffix);
  });
  expect_as_before(before);
}

// An engine that dies between the last action of a plan and the removal of its record.
TEST_F(Recovery, InterruptedCommandWithoutRemainingWorkIsDropped) {
  shop();
  must({"down", "-v"});
  without_engine([&] {
    alter(
        "INSERT INTO operations(key, document) VALUES"
        "('shop', '{\"kind\":\"down\",\"goal\":{},\"attempts\":0}')");
  });
  must({"ls"});
  expect_nothing_left();
}

TEST_F(Recovery, EmptiedStateFileLosesNothing) {
  shop();
  auto before = start_times();
  without_engine([&] { fs::resize_file(state_file(), 0); });
  expect_as_before(before);
}

TEST_F(Recovery, OverwrittenLogOfTheStateFileLosesNothing) {
  shop();
  auto before = start_times();
  without_engine([&] {
    auto size = fs::file_size(state_file() + "-wal");
    ASSERT_TRUE(write_file(state_file() + "-wal", std::string(size, 'x')));
  });
  expect_as_before(before);
}

TEST_F(Recovery, InvalidJsonRowIsRestored) {
  shop();
  auto before = start_times();
  without_engine([&] { alter("UPDATE containers SET document='{'; UPDATE networks SET document=''"); });
  expect_as_before(before);
}

TEST_F(Recovery, UnreadableRecordIsKeptAndReportedUntilGivenUp) {
  shop();
  RunningContainer web = container("web");
  uint64_t started = start_time_of(web.pid);
  without_engine([&] {
    alter("UPDATE containers SET document='{' WHERE key='" + web.id + "'");
    ASSERT_TRUE(write_file(copy_of(web.id), "nonsense"));
  });
  for (int round = 0; round < 2; ++round) {
    must({"ls"});
    EXPECT_EQ(start_time_of(web.pid), started) << "the container runs on";
    EXPECT_TRUE(path_exists(stack().root() + "/containers/" + web.id + "/rootfs/upper")) << "its data stays";
    EXPECT_EQ(container("db").state, "running") << "others are managed as before";
    std::string report = must({"doctor", "--repair"}).out;
    EXPECT_NE(report.find(web.id), std::string::npos) << report;
    EXPECT_NE(report.find("--give-up"), std::string::npos) << report;
    stack().kill_engine();
  }
  must({"doctor", "--give-up", web.id});
  EXPECT_EQ(start_time_of(web.pid), 0U);
  must({"down", "-v"});
  expect_nothing_left();
}

TEST_F(Recovery, ContainerWithoutARecordIsNotALeftover) {
  shop();
  RunningContainer web = container("web");
  uint64_t started = start_time_of(web.pid);
  without_engine([&] {
    alter("DELETE FROM containers WHERE key='" + web.id + "'");
    fs::remove(copy_of(web.id));
  });
  must({"ls"});
  EXPECT_EQ(start_time_of(web.pid), started) << "the container runs on";
  std::string report = must({"doctor", "--repair"}).out;
  EXPECT_NE(report.find(web.id), std::string::npos) << report;
  EXPECT_EQ(start_time_of(web.pid), started);
  must({"doctor", "--give-up", web.id});
  EXPECT_EQ(start_time_of(web.pid), 0U);
  must({"down", "-v"});
  expect_nothing_left();
}

TEST_F(Recovery, RemovedRunFolderIsRecreated) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c 'while :; do echo tick; sleep 0.1; done'
    stop_signal: SIGKILL
    ports: ["18081:8000"]
  shell:
    image: debian:bookworm-slim
    command: sleep infinity
    tty: true
    stop_signal: SIGKILL
)");
  must({"up", "-d"});
  auto before = start_times();
  pid_t engine = stack().engine_pid();
  fs::remove_all(stack().run_root());
  EXPECT_TRUE(eventually(5s, [&] { return path_exists(stack().socket()); })) << "the socket is made again";
  must({"ps"});
  EXPECT_EQ(stack().engine_pid(), engine) << "by the same engine";
  stack().kill_engine();
  must({"ps"});
  EXPECT_EQ(start_times(), before) << "the containers are found by their cgroups";
  for (const RunningContainer& one : containers()) EXPECT_EQ(one.state, "running") << one.name;
  EXPECT_TRUE(eventually(5s, [&] { return processes_with("stack-monitor").size() == 2; }))
      << "the former monitors have ended";
  std::string log = must({"logs", "--tail", "1", "web"}).out;
  EXPECT_TRUE(eventually(5s, [&] { return must({"logs", "web"}).out.size() > log.size() + 100; }))
      << "its output is read on";
  EXPECT_EQ(inside("web", "getent hosts shell | wc -l"), "1") << "names are answered";
  must({"down", "-v"});
  expect_nothing_left();
}

TEST_F(Recovery, HangingMonitorsBlockNothing) {
  shop();
  auto before = start_times();
  for (pid_t monitor : processes_with("stack-monitor")) ::kill(monitor, SIGSTOP);
  stack().kill_engine();
  CommandResult ps = must({"ps"});
  EXPECT_LT(ps.took, patiently(5s)) << "they are asked side by side";
  EXPECT_EQ(start_times(), before);
  must({"down", "-v"});
  expect_nothing_left();
}

// A process that looks like the monitor of a container without a record, and ends after some time.
std::unique_ptr<BackgroundCommand> monitor_without_record(const std::string& root,
                                                          const std::string& seconds) {
  std::string script = "exec 9<" + root + "/containers; exec -a stack-monitor perl -e'sleep " + seconds +
                       "' " + std::string(64, 'd');
  return std::make_unique<BackgroundCommand>(std::vector<std::string>{"bash", "-c", script});
}

TEST_F(Recovery, MonitorThatIsEndingIsNotReported) {
  shop();
  stack().kill_engine();
  auto ending = monitor_without_record(stack().root(), "1");
  ASSERT_TRUE(eventually(5s, [&] { return processes_with("stack-monitor").size() == 3; }));
  std::string report = must({"doctor"}).out;
  EXPECT_NE(report.find("all readable"), std::string::npos) << report;
}

TEST_F(Recovery, ReportOfAMonitorEndsWithIt) {
  shop();
  stack().kill_engine();
  auto stuck = monitor_without_record(stack().root(), "4242");
  ASSERT_TRUE(eventually(5s, [&] { return processes_with("stack-monitor").size() == 3; }));
  std::string report = must({"doctor"}).out;
  EXPECT_NE(report.find("has a monitor"), std::string::npos) << report;
  EXPECT_EQ(report.find("has a monitor"), report.rfind("has a monitor")) << "once: " << report;
  stuck->signal(SIGKILL);
  stuck->wait();
  report = must({"doctor"}).out;
  EXPECT_NE(report.find("all readable"), std::string::npos) << report;
}

class BuildRecovery : public Recovery {
 protected:
  void begin_build() {
    project("slow", R"(
services:
  app:
    build:
      context: .
      dockerfile_inline: |
        FROM debian:bookworm-slim
        RUN sleep 4242
)");
    build_ = start({"build"});
    ASSERT_TRUE(eventually(20s, [&] { return !sleeping().empty(); })) << build_->output();
  }
  std::vector<pid_t> sleeping() {
    std::vector<pid_t> found;
    for (pid_t pid : processes_with("4242")) {
      std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
      if (line.starts_with(std::string("sleep\0", 6))) found.push_back(pid);
    }
    return found;
  }
  std::unique_ptr<BackgroundCommand> build_;
};

TEST_F(BuildRecovery, NextEngineEndsTheStepsOfAKilledOne) {
  begin_build();
  std::string report = must({"doctor"}).out;
  EXPECT_NE(report.find("leftovers: none"), std::string::npos)
      << "a running build is no leftover: " << report;
  build_->signal(SIGKILL);
  build_->wait();
  stack().kill_engine();
  must({"ls"});
  EXPECT_TRUE(sleeping().empty()) << "the step's process has ended";
  EXPECT_TRUE(processes_with("stack-monitor").empty()) << "and its monitor";
  expect_nothing_left();
  EXPECT_NE(must({"doctor"}).out.find("leftovers: none"), std::string::npos);
}

class FullDisk : public Recovery {
 protected:
  // Fills the file system of the state root completely.
  void fill_up() {
    struct statvfs space{};
    ASSERT_EQ(::statvfs(stack().root().c_str(), &space), 0);
    uint64_t used = (space.f_blocks - space.f_bfree) * space.f_frsize;
    std::string options = "size=" + std::to_string(used + (uint64_t{2} << 20));
    std::string root = directory_name(stack().root());
    ASSERT_EQ(::mount("scenario", root.c_str(), "tmpfs", MS_REMOUNT, options.c_str()), 0);
    Result<Fd> file = open_file(root + "/filler", O_WRONLY | O_CREAT | O_APPEND);
    ASSERT_TRUE(file);
    std::string block(4096, 'x');
    while (::write(file->get(), block.data(), block.size()) > 0) {
    }
  }
  void empty() { fs::remove(directory_name(stack().root()) + "/filler"); }
};

TEST_F(FullDisk, DownWorks) {
  shop();
  fill_up();
  CommandResult up = run({"up", "-d", "--scale", "db=2"});
  EXPECT_EQ(up.code, 1) << up.text();
  EXPECT_NE(up.err.find("full"), std::string::npos) << "the reason is named: " << up.text();
  must({"down", "-v"});
  EXPECT_TRUE(containers().empty());
  empty();
  expect_nothing_left();
}

TEST_F(FullDisk, TheEngineStartsAndDownWorks) {
  shop();
  fill_up();
  stack().kill_engine();
  auto before = start_times();
  must({"ps"});
  EXPECT_EQ(start_times(), before);
  must({"down", "-v"});
  empty();
  expect_nothing_left();
}

// Simulates a reboot: no process of any container exists.
class Boot : public Recovery {
 protected:
  void end_everything() {
    without_engine([&] {
      for (pid_t monitor : processes_with("stack-monitor")) ::kill(monitor, SIGKILL);
      for (const std::string& path : cgroups_of(stack())) {
        std::istringstream pids(read_file(path + "/cgroup.procs").value_or(""));
        for (pid_t pid = 0; pids >> pid;) ::kill(pid, SIGKILL);
      }
      EXPECT_TRUE(eventually(5s, [&] { return processes_with("sleep infinity").empty(); }));
    });
  }
  bool runs(const std::string& service) {
    RunningContainer one = container(service);
    return one.state == "running" && one.pid > 0;
  }
};

// Otherwise a power cut during `restart` would leave the containers stopped for good.
TEST_F(Boot, RestartThatIsCutShortIsNotAManualStop) {
  project("boot", R"(
x-slow: &slow
  image: debian:bookworm-slim
  command: sh -c 'trap "touch /asked" TERM; touch /ready; while :; do sleep 0.1; done'
  healthcheck: {test: test -f /ready, interval: 200ms, retries: 50}
  stop_grace_period: 120s
  restart: unless-stopped
services:
  project: {<<: *slow}
  single: {<<: *slow}
  stopped: {<<: *slow}
)");
  must({"up", "-d", "--wait"});
  std::unique_ptr<BackgroundCommand> commands[] = {start({"docker", "restart", container("single").id}),
                                                   start({"docker", "restart", container("stopped").id}),
                                                   start({"restart", "project"})};
  for (const char* service : {"project", "single", "stopped"})
    EXPECT_TRUE(eventually(patiently(20s), [&] { return inside(service, "ls /asked") == "/asked"; }))
        << service;
  std::unique_ptr<BackgroundCommand> stop = start({"docker", "stop", container("stopped").id});
  ::usleep(500'000);
  for (auto& command : commands) command->signal(SIGKILL);
  stop->signal(SIGKILL);
  end_everything();
  must({"ls"});
  EXPECT_TRUE(eventually(patiently(20s), [&] { return runs("project") && runs("single"); }));
  EXPECT_EQ(container("stopped").state, "exited") << "it was stopped by hand during the restart";
  must({"down", "-t", "0"});
  expect_nothing_left();
}

TEST_F(Boot, ContainersStartInTheOrderOfTheirProject) {
  project("boot", R"(
services:
  app:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    restart: unless-stopped
    depends_on: {db: {condition: service_healthy}}
  db:
    image: debian:bookworm-slim
    command: sh -c 'rm -f /ready; sleep 1; touch /ready; exec sleep infinity'
    stop_signal: SIGKILL
    restart: unless-stopped
    healthcheck: {test: test -f /ready, interval: 200ms, retries: 50}
  sidecar:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    restart: always
    network_mode: service:db
  resting:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    restart: unless-stopped
)");
  must({"up", "-d", "--wait"});
  must({"stop", "resting"});
  end_everything();
  must({"ls"});
  EXPECT_TRUE(eventually(20s, [&] { return runs("app") && runs("db") && runs("sidecar"); }));
  EXPECT_EQ(container("resting").state, "exited") << "it was stopped by hand";
  // In clock ticks of 10 ms.
  EXPECT_GE(start_time_of(container("app").pid), start_time_of(container("db").pid) + 90);
  must({"down"});
  expect_nothing_left();
}

TEST_F(Boot, FailedStartsAreRetried) {
  project("boot", R"(
services:
  app:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    restart: always
    volumes:
      - {type: bind, source: ./late, target: /late}
)");
  ASSERT_TRUE(ensure_directory(path("late")));
  must({"up", "-d"});
  fs::rename(path("late"), path("away"));
  end_everything();
  must({"ls"});
  ::usleep(1'500'000);
  EXPECT_NE(container("app").state, "running");
  fs::rename(path("away"), path("late"));  // like a disk that is mounted late
  EXPECT_TRUE(eventually(20s, [&] { return runs("app"); }));
  must({"down"});
  expect_nothing_left();
}

TEST_F(Boot, ShutdownIsNotAManualStop) {
  project("boot", R"(
services:
  app:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    restart: unless-stopped
)");
  must({"up", "-d"});
  must({"engine", "stop", "--containers"});
  EXPECT_TRUE(processes_with("stack-monitor").empty());
  alter(
      "UPDATE containers SET document=replace(document, '\"boot_id\":\"', '\"boot_id\":\"x'), "
      "revision=revision+1000");
  must({"ls"});
  EXPECT_TRUE(eventually(20s, [&] { return runs("app"); }));
  must({"down"});
  expect_nothing_left();
}

TEST_F(Recovery, SecretsOfProjectsDoNotOutliveThem) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    secrets: [token]
secrets:
  token:
    environment: TOKEN
)");
  const std::string token = "correct-horse-battery-staple";
  must({"up", "-d"}, {{"TOKEN", token}});
  EXPECT_EQ(inside("web", "cat /run/secrets/token"), token);
  must({"down"}, {{"TOKEN", token}});
  EXPECT_TRUE(eventually(10s, [&] {
    for (const char* suffix : {"", "-wal"})
      if (read_file(state_file() + suffix).value_or("").find(token) != std::string::npos) return false;
    return true;
  })) << "the secret is still readable in the state file";
}

}  // namespace
}  // namespace stack::e2e
