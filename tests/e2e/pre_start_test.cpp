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

}  // namespace
}  // namespace stack::e2e
