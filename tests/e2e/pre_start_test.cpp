// pre_start hooks: separate containers that run before the service starts.
#include "scenario.h"

namespace stack::e2e {
namespace {

class PreStart : public Scenario {
 protected:
  static std::string yaml(const std::string& second, const std::string& environment = "1") {
    return R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    user: "1234"
    scale: 2
    environment: { A: ")" +
           environment + R"(" }
    volumes: ["data:/data"]
    pre_start:
      - command: ["sh", "-c", "echo first $$A $$B $$(id -u) $$(pwd) >> /data/log; chmod 666 /data/log"]
        user: root
        working_dir: /tmp
        environment: { B: hook }
      - command: )" +
           second + R"(
volumes:
  data:
)";
  }
};

TEST_F(PreStart, HooksRunOnceInOrderBeforeTheFirstReplica) {
  project("shop", yaml(R"(["sh", "-c", "echo second $$(id -u) >> /data/log"])"));
  must({"up", "-d"});
  std::string once = "first 1 hook 0 /tmp\nsecond 1234";
  EXPECT_EQ(file_in(containers("web").at(0), "/data/log"), once + "\n");
  EXPECT_EQ(stack().api("GET", "/containers/json?all=1").body.size(), 2U) << "the hooks' containers are gone";
  must({"up", "-d"});
  must({"up", "-d", "--scale", "web=3"});
  EXPECT_EQ(file_in(containers("web").at(0), "/data/log"), once + "\n") << "not while a replica runs";
  must({"stop"});
  must({"start"});
  EXPECT_EQ(file_in(containers("web").at(0), "/data/log"), once + "\n" + once + "\n");
  must({"up", "-d", "--force-recreate"});
  EXPECT_EQ(file_in(containers("web").at(0), "/data/log"), once + "\n" + once + "\n" + once + "\n");
}

TEST_F(PreStart, FailurePreventsTheStartAndShowsTheOutput) {
  project("shop", yaml(R"(["sh", "-c", "echo no such table; exit 3"])"));
  CommandResult failed = run({"up", "-d"});
  EXPECT_EQ(failed.code, 1) << failed.text();
  EXPECT_NE(failed.err.find("exited with code 3"), std::string::npos) << failed.text();
  EXPECT_NE(failed.err.find("no such table"), std::string::npos) << failed.text();
  for (const RunningContainer& one : containers("web")) EXPECT_NE(one.state, "running");
  for (const Json& one : stack().api("GET", "/containers/json?all=1").body)
    EXPECT_EQ(to_text(one).find("pre_start-"), std::string::npos) << to_text(one);
  write("docker-compose.yml", yaml(R"(["true"])"));
  must({"up", "-d"});
  EXPECT_EQ(containers("web").at(0).state, "running");
}

TEST_F(PreStart, HookHasItsOwnVolumesAndHosts) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data:ro", "./settings:/settings:ro"]
    extra_hosts: ["a.example:10.0.0.1", "b.example:10.0.0.2"]
    pre_start:
      - command: ["sh", "-c", "cp /settings/greeting /data; echo x > /scratch/x; grep example /etc/hosts > /data/hosts"]
        volumes: ["data:/data", "scratch:/scratch", "./settings:/again"]
        extra_hosts: ["b.example=10.0.0.3", "c.example=10.0.0.4"]
volumes:
  data:
  scratch:
)");
  write("settings/greeting", "hello");
  must({"up", "-d"});
  RunningContainer web = containers("web").at(0);
  EXPECT_EQ(file_in(web, "/data/greeting"), "hello");
  std::string hosts = file_in(web, "/data/hosts");
  for (const char* wanted : {"10.0.0.1\ta.example", "10.0.0.3\tb.example", "10.0.0.4\tc.example"})
    EXPECT_NE(hosts.find(wanted), std::string::npos) << hosts;
  EXPECT_EQ(hosts.find("10.0.0.2"), std::string::npos) << hosts;
  EXPECT_NE(run({"exec", "-T", "web", "touch", "/data/x"}).code, 0) << "the service's mount is read-only";
  EXPECT_NE(run({"exec", "-T", "web", "ls", "/scratch"}).code, 0);
}

TEST_F(PreStart, FailedPreStopHookIsAFailureOfDown) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    pre_stop:
      - command: ["sh", "-c", "exit 9"]
)");
  for (const char* command : {"stop", "down"}) {
    must({"up", "-d"});
    CommandResult failed = run({command});
    EXPECT_EQ(failed.code, 1) << command << failed.text();
    EXPECT_NE(failed.err.find("web hook exited with status 9"), std::string::npos) << failed.text();
  }
  EXPECT_TRUE(containers().empty()) << "nothing is left behind";
}

}  // namespace
}  // namespace stack::e2e
