// The commands that show a project or run in its containers.
#include <signal.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Commands : public Scenario {
 protected:
  void shop() {
    project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c "echo first; echo second; echo problem >&2; sleep infinity"
    stop_signal: SIGKILL
    ports: ["18080:80"]
    environment: {COLOR: blue}
  db:
    image: debian:bookworm-slim
    command: sh -c "echo db says hello; sleep infinity"
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes:
  data:
)");
  }
  // `ps --format json`: one object per line, or one array.
  static std::vector<Json> rows(const std::string& text) {
    std::vector<Json> all;
    Result<Json> whole = parse_json(text);
    if (whole && whole->is_array()) return whole->get<std::vector<Json>>();
    for (size_t begin = 0; begin < text.size();) {
      size_t end = std::min(text.find('\n', begin), text.size());
      Result<Json> row = parse_json(text.substr(begin, end - begin));
      if (row) all.push_back(*row);
      begin = end + 1;
    }
    return all;
  }
};

TEST_F(Commands, PsShowsRunningContainers) {
  shop();
  must({"up", "-d"});
  std::vector<Json> all = rows(must({"ps", "--format", "json"}).out);
  ASSERT_EQ(all.size(), 2U);
  for (const Json& row : all) {
    EXPECT_EQ(string_or(row, "State"), "running");
    EXPECT_EQ(string_or(row, "Project"), "shop");
    EXPECT_TRUE(string_or(row, "Service") == "web" || string_or(row, "Service") == "db");
  }
  EXPECT_EQ(must({"ps", "-q", "web"}).out, container("web").id + "\n");
  EXPECT_EQ(must({"ps", "--services"}).out, "db\nweb\n");
  must({"stop", "db"});
  EXPECT_EQ(rows(must({"ps", "--format", "json"}).out).size(), 1U);
  EXPECT_EQ(rows(must({"ps", "-a", "--format", "json"}).out).size(), 2U);
  // From anywhere, by name.
  CommandResult elsewhere = stack().run({"-p", "shop", "ps", "-q"});
  EXPECT_EQ(elsewhere.out, container("web").id + "\n") << elsewhere.text();
}

TEST_F(Commands, LogsArePrefixedSelectedAndTailed) {
  shop();
  must({"up", "-d"});
  ASSERT_TRUE(eventually(20s, [&] {
    std::string logs = must({"logs"}).out;
    return logs.find("second") != std::string::npos && logs.find("db says hello") != std::string::npos;
  }));
  std::string all = must({"logs", "web"}).out;
  EXPECT_NE(all.find("web-1"), std::string::npos);
  EXPECT_NE(all.find("| first\n"), std::string::npos) << all;
  EXPECT_EQ(all.find("db says hello"), std::string::npos);
  EXPECT_EQ(must({"logs", "--no-log-prefix", "db"}).out, "db says hello\n");
  CommandResult tail = must({"logs", "--no-log-prefix", "-n", "1", "web"});
  EXPECT_TRUE(tail.out == "second\n" || tail.out == "problem\n" || tail.err == "problem\n") << tail.text();
  std::unique_ptr<BackgroundCommand> follow = start({"logs", "-f", "--no-log-prefix", "db"});
  EXPECT_TRUE(follow->says("db says hello", 5s)) << follow->output();
  EXPECT_EQ(inside("db", "echo later > /proc/1/fd/1"), "");
  EXPECT_TRUE(follow->says("later", 5s)) << follow->output();
  follow->signal(SIGINT);
  EXPECT_EQ(follow->wait(5s), 130) << follow->output();
}

TEST_F(Commands, ExecRunsInTheContainerWithItsEnvironmentAndExitCode) {
  shop();
  must({"up", "-d"});
  EXPECT_EQ(inside("web", "echo $COLOR"), "blue");
  EXPECT_EQ(run({"exec", "-T", "web", "sh", "-c", "exit 42"}).code, 42);
  EXPECT_EQ(run({"exec", "-T", "web", "no-such-program"}).code, 127);
  EXPECT_EQ(run({"exec", "-T", "web", "/etc/passwd"}).code, 126);
  EXPECT_EQ(must({"exec", "-T", "-e", "COLOR=red", "-w", "/tmp", "-u", "nobody", "web", "sh", "-c",
                  "echo $COLOR $PWD $(id -un)"})
                .out,
            "red /tmp nobody\n");
  CommandResult nowhere = run({"exec", "-T", "-w", "/nowhere", "web", "pwd"});
  EXPECT_EQ(nowhere.code, 127);
  EXPECT_NE(nowhere.err.find("chdir to cwd (\"/nowhere\"): no such file or directory"), std::string::npos)
      << nowhere.text();
  EXPECT_EQ(run({"exec", "-T", "web", "test", "-e", "/nowhere"}).code, 1);
  CommandResult closed =
      run_command({"sh", "-c", "timeout 10 " + program_folder() + "/stack --root " + stack().root() + " --run-root " +
                                   stack().run_root() + " -p shop exec -T web cat <&-"});
  EXPECT_EQ(closed.code, 0) << "a closed stdin is an empty one: " << closed.text();
  CommandResult piped = run({"exec", "-T", "web", "cat"}, {}, "from stdin\n");
  EXPECT_EQ(piped.out, "from stdin\n") << piped.text();
  CommandResult separate = run({"exec", "-T", "web", "sh", "-c", "echo out; echo err >&2"});
  EXPECT_EQ(separate.out, "out\n");
  EXPECT_EQ(separate.err, "err\n");
  EXPECT_EQ(run({"exec", "-T", "nobody-there", "true"}).code, 1);
  // A large output arrives completely.
  CommandResult much = run({"exec", "-T", "web", "sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x"});
  EXPECT_EQ(much.out.size(), 5'000'000U);
}

TEST_F(Commands, RunCreatesASeparateContainerAndRemovesIt) {
  shop();
  CommandResult ran =
      run({"run", "--rm", "-T", "-e", "COLOR=green", "web", "sh", "-c", "echo $COLOR; exit 3"});
  EXPECT_EQ(ran.code, 3) << ran.text();
  EXPECT_EQ(ran.out, "green\n");
  Json all = stack().api("GET", "/containers/json?all=1").body;
  EXPECT_TRUE(all.is_array() && all.empty()) << to_text(all);
  must({"down", "-v"});
}

TEST_F(Commands, ForegroundUpStreamsLogsAndStopsAllOnCtrlC) {
  shop();
  std::unique_ptr<BackgroundCommand> up = start({"up"});
  ASSERT_TRUE(up->says("db says hello", 20s)) << up->output();
  ASSERT_TRUE(up->says("problem", 5s)) << up->output();
  up->signal(SIGINT);
  EXPECT_EQ(up->wait(20s), 130) << up->output();
  ASSERT_EQ(containers().size(), 2U) << "stopped, not removed";
  for (const RunningContainer& one : containers()) EXPECT_EQ(one.state, "exited") << one.name;
}

TEST_F(Commands, SecondCtrlCKills) {
  project("stubborn", R"(
services:
  web:
    image: debian:bookworm-slim
    command: bash -c 'trap "" TERM; echo up; while true; do sleep 0.1; done'
    stop_grace_period: 1m
)");
  std::unique_ptr<BackgroundCommand> up = start({"up"});
  ASSERT_TRUE(up->says("up\n", 20s)) << up->output();
  up->signal(SIGINT);
  EXPECT_EQ(up->wait(1s), -1) << "the first one waits for the grace period";
  up->signal(SIGINT);
  EXPECT_EQ(up->wait(10s), 130) << up->output();
  EXPECT_TRUE(eventually(5s, [&] { return container("web").state == "exited"; }));
}

TEST_F(Commands, ForegroundUpShowsLogsToTheirEnd) {
  project("jobs", R"(
services:
  job: {image: "debian:bookworm-slim", command: sh -c "yes line-of-the-log | head -n 60000; echo last"}
)");
  CommandResult up = run({"up", "--no-log-prefix"});
  EXPECT_EQ(up.code, 0);
  size_t lines = 0;
  for (size_t at = up.out.find("line-of-the-log"); at != std::string::npos; at = up.out.find("line-of-the-log", at + 1))
    ++lines;
  EXPECT_EQ(lines, 60000U);
  EXPECT_NE(up.out.find("\nlast\n"), std::string::npos);
  must({"down"});
}

TEST_F(Commands, ForegroundUpEndsWhenAllContainersHaveExited) {
  project("brief",
          "services:\n  job:\n    image: debian:bookworm-slim\n    command: sh -c 'echo done; exit 6'\n");
  CommandResult up = run({"up"});
  EXPECT_EQ(up.code, 0) << up.text();
  EXPECT_NE((up.out + up.err).find("job-1 exited with code 6"), std::string::npos) << up.text();
  EXPECT_EQ(run({"up", "--exit-code-from", "job"}).code, 6);
}

TEST_F(Commands, WaitWaitsForHealth) {
  project("healthy", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sh -c "sleep 0.5; touch /ok; sleep infinity"
    stop_signal: SIGKILL
    healthcheck: {test: "test -e /ok", interval: 200ms, retries: 50}
)");
  must({"up", "-d", "--wait"});
  EXPECT_EQ(container("web").health, "healthy");
}

TEST_F(Commands, TopPortLsImagesConfigVersionAndVolumes) {
  shop();
  must({"up", "-d"});
  EXPECT_NE(must({"top", "web"}).out.find("sleep infinity"), std::string::npos);
  EXPECT_NE(must({"port", "web", "80"}).out.find(":18080"), std::string::npos);
  EXPECT_NE(must({"ls"}).out.find("shop"), std::string::npos);
  EXPECT_NE(must({"images"}).out.find("bookworm-slim"), std::string::npos);
  EXPECT_NE(must({"image", "ls"}).out.find("bookworm-slim"), std::string::npos);
  EXPECT_NE(must({"config"}).out.find("COLOR: blue"), std::string::npos);
  EXPECT_EQ(must({"config", "--services"}).out, "db\nweb\n");
  EXPECT_NE(must({"version"}).out, "");
  EXPECT_NE(must({"volume", "ls"}).out.find("shop_data"), std::string::npos);
  EXPECT_NE(must({"volume", "inspect", "shop_data"}).out.find("/volumes/shop_data/_data"), std::string::npos);
  EXPECT_NE(run({"volume", "rm", "shop_data"}).err.find("in use"), std::string::npos);
  EXPECT_NE(must({"network", "ls"}).out.find("shop_default"), std::string::npos);
  EXPECT_NE(must({"network", "inspect", "shop_default"}).out.find("Subnet"), std::string::npos);
  must({"doctor"});
}

TEST_F(Commands, CommandLineErrorsAreReported) {
  shop();
  CommandResult unknown = run({"upp"});
  EXPECT_NE(unknown.code, 0);
  EXPECT_NE(unknown.err.find("upp"), std::string::npos);
  CommandResult flag = run({"up", "--detatch"});
  EXPECT_NE(flag.code, 0);
  EXPECT_NE(flag.err.find("--detatch"), std::string::npos) << flag.text();
}

TEST_F(Commands, TerminalIsATerminalInside) {
  shop();
  must({"up", "-d"});
  CommandResult tty = run_command({"script", "-qec",
                                   program_folder() + "/stack --root " + stack().root() + " --run-root " +
                                       stack().run_root() + " -p shop exec web sh -c 'tty; stty size'",
                                   "/dev/null"});
  EXPECT_NE(tty.out.find("/dev/pts/"), std::string::npos) << tty.text();
}

}  // namespace
}  // namespace stack::e2e
