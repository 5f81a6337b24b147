// Logging options, and logs when the monitor is killed.
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "base/fd.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

class Logging : public Scenario {
 protected:
  std::string service(const std::string& command, const std::string& options) {
    return "services:\n  web:\n    image: debian:bookworm-slim\n    stop_signal: SIGKILL\n    command: " +
           command + "\n" + options;
  }
  std::string log_folder() { return stack().root() + "/containers/" + container("web").id; }
  std::vector<std::string> log_files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(log_folder()))
      if (std::string name = entry.path().filename(); name.find("-json.log") != std::string::npos)
        names.push_back(name.substr(name.find("-json.log")));
    std::sort(names.begin(), names.end());
    return names;
  }
  std::vector<pid_t> monitors_of(const std::string& id) {
    std::vector<pid_t> of_this;
    for (pid_t pid : processes_with("stack-monitor")) {
      std::string line = read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
      if (line.find(id) != std::string::npos) of_this.push_back(pid);
    }
    return of_this;
  }
};

TEST_F(Logging, RotatedFilesAreCompressedBoundedAndReadInOrder) {
  project(
      "logs",
      service(
          "bash -c 'for i in $$(seq 5000); do echo line $$i; done; sleep infinity'",
          "    logging: {driver: json-file, options: {max-size: 50k, max-file: '3', compress: 'true'}}\n"));
  must({"up", "-d"});
  ASSERT_TRUE(eventually(20s, [&] {
    return log_files() == std::vector<std::string>{"-json.log", "-json.log.1.gz", "-json.log.2.gz"} &&
           must({"logs", "--no-log-prefix", "-n", "1"}).out == "line 5000\n";
  })) << must({"logs", "--no-log-prefix", "-n", "1"}).out;
  std::string all = must({"logs", "--no-log-prefix"}).out;
  EXPECT_TRUE(all.ends_with("line 4999\nline 5000\n"));
  size_t lines = static_cast<size_t>(std::count(all.begin(), all.end(), '\n'));
  EXPECT_GT(lines, 1000U);
  EXPECT_LT(lines, 2500U) << "three files of 50 kB";
  EXPECT_EQ(all.substr(0, all.find('\n')), "line " + std::to_string(5001 - lines))
      << "nothing is missing between";
  EXPECT_EQ(must({"logs", "--no-log-prefix", "-n", "1500"}).out.substr(0, 9),
            ("line " + std::to_string(3501)).substr(0, 9));
}

TEST_F(Logging, LocalCompressesByDefaultAndDetailsShowAttributes) {
  project("logs", service("sh -c 'echo hello; sleep infinity'", R"(    labels: {com.example.team: blue}
    environment: {STAGE: test}
    logging:
      driver: json-file
      options: {labels: com.example.team, env-regex: '^STA', tag: '{{.Name}}/{{.ImageName}}'}
)"));
  must({"up", "-d"});
  ASSERT_TRUE(eventually(10s, [&] { return must({"logs"}).out.find("hello") != std::string::npos; }));
  std::string line = read_file(log_folder() + "/" + container("web").id + "-json.log").value_or("");
  EXPECT_NE(
      line.find(
          R"("attrs":{"STAGE":"test","com.example.team":"blue","tag":"logs-web-1/debian:bookworm-slim"})"),
      std::string::npos)
      << line;
}

TEST_F(Logging, InvalidOptionsAreRejectedBeforeAnyChange) {
  project("logs", service("sleep 1", "    logging: {driver: json-file, options: {max-sise: 10m}}\n"));
  must_fail({"up", "-d"}, {"docker-compose.yml", "service web", "unknown log opt 'max-sise'"});
  write("docker-compose.yml", service("sleep 1", "    logging: {driver: sysslog}\n"));
  must_fail({"up", "-d"}, {"no log driver named 'sysslog'"});
  write("docker-compose.yml", service("sleep 1", "    logging: {options: {max-size: ten}}\n"));
  must_fail({"up", "-d"}, {"max-size", "ten"});
  write("docker-compose.yml",
        service("sleep 1", "    logging: {options: {mode: non-blocking, max-buffer-size: lots}}\n"));
  must_fail({"up", "-d"}, {"max-buffer-size", "lots"});
  if (!path_exists("/run/systemd/journal/socket")) {
    write("docker-compose.yml", service("sleep 1", "    logging: {driver: journald}\n"));
    CommandResult up = run({"up", "-d"});
    EXPECT_NE(up.code, 0);
    EXPECT_NE(up.err.find("journald is not enabled on this host"), std::string::npos) << up.text();
  }
}

// A socket in place of the journal's, in this scenario's mount namespace.
class Journal {
 public:
  Journal() {
    CommandResult made = run_command({"sh", "-ec", R"(
mount -t tmpfs none /run && mkdir -p /run/systemd/journal
)"});
    EXPECT_EQ(made.code, 0) << made.text();
    socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/run/systemd/journal/socket");
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval limit{5, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Journal() { (void)::umount2("/run", MNT_DETACH); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  // The next entry as received; "" if none arrives.
  std::string next() {
    std::string entry(256 * 1024, '\0');
    ssize_t size = ::recv(socket_.get(), entry.data(), entry.size(), 0);
    entry.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
    return entry;
  }

 private:
  Fd socket_;
};

// MESSAGE in the binary form: name, newline, length as 64 bits little-endian, bytes, newline (systemd,
// "Native Journal Protocol").
std::string message_field(const std::string& text) {
  std::string out = "MESSAGE\n";
  for (int i = 0; i < 8; ++i) out += static_cast<char>(text.size() >> (8 * i) & 0xFFU);
  return out + text + "\n";
}

TEST_F(Logging, JournalGetsEveryLineWithDockersFields) {
  Journal journal;
  project("logs", service("bash -c 'echo out; sleep 0.2; echo err >&2; sleep 0.2; head -c 20000 /dev/zero | "
                          "tr \"\\0\" x; echo; sleep infinity'",
                          R"(    labels: {com.example.team: blue}
    logging: {driver: journald, options: {tag: "{{.Name}}", labels: com.example.team}}
)"));
  must({"up", "-d"});
  std::string id = container("web").id;
  std::string out = journal.next();
  for (const std::string& field :
       {"CONTAINER_ID=" + id.substr(0, 12) + "\n", "CONTAINER_ID_FULL=" + id + "\n",
        std::string("CONTAINER_NAME=logs-web-1\n"), std::string("CONTAINER_TAG=logs-web-1\n"),
        std::string("SYSLOG_IDENTIFIER=logs-web-1\n"), std::string("IMAGE_NAME=debian:bookworm-slim\n"),
        std::string("COM_EXAMPLE_TEAM=blue\n"), std::string("PRIORITY=6\n"), message_field("out")})
    EXPECT_NE(out.find(field), std::string::npos) << field << " is missing in\n" << out;
  std::string err = journal.next();
  EXPECT_NE(err.find("PRIORITY=3\n"), std::string::npos) << err;
  EXPECT_NE(err.find(message_field("err")), std::string::npos) << err;
  // Longer than 16 KiB: in parts with a common ID.
  std::string first = journal.next();
  std::string second = journal.next();
  EXPECT_NE(first.find(message_field(std::string(16384, 'x'))), std::string::npos) << first.substr(0, 1000);
  EXPECT_NE(first.find("CONTAINER_PARTIAL_MESSAGE=true\n"), std::string::npos) << first.substr(0, 1000);
  EXPECT_NE(second.find(message_field(std::string(20000 - 16384, 'x'))), std::string::npos)
      << second.substr(0, 1000);
  EXPECT_NE(second.find("CONTAINER_PARTIAL_LAST=true\n"), std::string::npos) << second.substr(0, 1000);
  size_t at = first.find("CONTAINER_PARTIAL_ID=");
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(second.find(first.substr(at, first.find('\n', at) - at)), std::string::npos);
  EXPECT_TRUE(must({"logs", "--no-log-prefix"}).out.starts_with("out\n"));
}

TEST_F(Logging, NoneCannotBeRead) {
  project("logs", service("sh -c 'echo hello; sleep infinity'", "    logging: {driver: none}\n"));
  must({"up", "-d"});
  EXPECT_TRUE(log_files().empty());
  ApiAnswer answer = stack().api("GET", "/containers/" + container("web").id + "/logs?stdout=1");
  EXPECT_EQ(answer.status, 501);
  EXPECT_EQ(string_or(answer.body, "message"), "configured logging driver does not support reading");
}

TEST_F(Logging, UpShowsTheOutputOfContainersWithoutALog) {
  project("logs", R"(
services:
  web:
    image: debian:bookworm-slim
    logging: {driver: none}
    restart: on-failure:1
    command: sh -c 'echo first line; echo to stderr >&2; printf unfinished; exit 3'
  logged:
    image: debian:bookworm-slim
    command: sh -c 'echo from the log; sleep 1'
)");
  CommandResult up = run({"up"});
  for (const char* text : {"web-1     | first line\n", "web-1     | unfinished\n", "logged-1  | from the log\n", "web-1 exited with code 3"})
    EXPECT_NE(up.out.find(text), std::string::npos) << text << up.text();
  EXPECT_NE(up.err.find("web-1     | to stderr\n"), std::string::npos) << up.text();
  size_t starts = 0;
  for (size_t at = up.out.find("first line"); at != std::string::npos; at = up.out.find("first line", at + 1)) ++starts;
  EXPECT_EQ(starts, 2U) << "the first run and the restart\n" << up.text();
  EXPECT_LT(up.out.rfind("unfinished"), up.out.rfind("web-1 exited with code 3")) << up.text();
  // The second `up` starts existing containers.
  CommandResult again = run({"up"});
  EXPECT_NE(again.out.find("web-1     | first line\n"), std::string::npos) << again.text();
}

TEST_F(Logging, NonBlockingLogsAreComplete) {
  project("logs", service("bash -c 'for i in $$(seq 2000); do echo line $$i; done; sleep infinity'",
                          "    logging: {options: {mode: non-blocking, max-buffer-size: 1m}}\n"));
  must({"up", "-d"});
  ASSERT_TRUE(
      eventually(20s, [&] { return must({"logs", "--no-log-prefix", "-n", "1"}).out == "line 2000\n"; }));
  std::string all = must({"logs", "--no-log-prefix"}).out;
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 2000);
}

TEST_F(Logging, KilledMonitorLosesNeitherTheContainerNorItsLogNorItsStatus) {
  project("kill", R"(
services:
  talker:
    image: debian:bookworm-slim
    stop_signal: SIGKILL
    command: bash -c 'i=0; while true; do echo line $$i; i=$$((i+1)); if [ $$((i % 50)) = 0 ]; then sleep 0.02; fi; done'
  ender:
    image: debian:bookworm-slim
    restart: on-failure:1
    volumes: ["runs:/runs"]
    command: bash -c 'echo $$$$ >> /runs/list; echo started; sleep 2; echo ending; exit 42'
volumes:
  runs:
)");
  must({"up", "-d"});
  RunningContainer talker = container("talker");
  RunningContainer ender = container("ender");
  uint64_t started = start_time_of(talker.pid);
  for (const RunningContainer& one : {talker, ender}) {
    std::vector<pid_t> before = monitors_of(one.id);
    ASSERT_EQ(before.size(), 1U);
    ::kill(before[0], SIGKILL);
    EXPECT_TRUE(eventually(1s, [&] {
      std::vector<pid_t> now = monitors_of(one.id);
      return now.size() == 1 && now[0] != before[0];
    })) << "the engine notices within a second, and makes one other";
  }
  EXPECT_EQ(start_time_of(talker.pid), started);
  // Its log continues in order, without duplicates; at most the data of one read is missing.
  auto last_line = [&] { return must({"logs", "--no-log-prefix", "-n", "1", "talker"}).out; };
  std::string then = last_line();
  EXPECT_TRUE(eventually(10s, [&] {
    std::string now = last_line();
    return now != then && now.size() > 5 && std::atoll(now.c_str() + 5) > 100;
  }));
  must({"kill", "talker"});
  std::string all = must({"logs", "--no-log-prefix", "talker"}).out;
  int64_t former = -1;
  int64_t missing = 0;
  for (size_t at = 0; at < all.size();) {
    size_t end = all.find('\n', at);
    int64_t number = std::atoll(all.c_str() + at + 5);
    if (number <= former) {
      ADD_FAILURE() << "line " << number << " after " << former;
      break;
    }
    missing += number - former - 1;
    former = number;
    at = end + 1;
  }
  EXPECT_LE(missing, 2000);
  EXPECT_GT(former, 100);
  // The other one was restarted once according to its policy, and its status is known.
  EXPECT_TRUE(eventually(15s, [&] { return container("ender").state == "exited"; }));
  EXPECT_EQ(container("ender").exit_code, 42);
  EXPECT_EQ(container("ender").restarts, 1);
  std::string runs = read_file(stack().root() + "/volumes/kill_runs/_data/list").value_or("");
  EXPECT_EQ(std::count(runs.begin(), runs.end(), '\n'), 2) << runs;
  std::string log = must({"logs", "--no-log-prefix", "ender"}).out;
  EXPECT_EQ(log, "started\nending\nstarted\nending\n");
}

}  // namespace
}  // namespace stack::e2e
