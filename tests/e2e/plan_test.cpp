// Plans before changes, and automatic detection of changes.
#include "scenario.h"

namespace stack::e2e {
namespace {

class PlanFirst : public Scenario {
 protected:
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
};

TEST_F(PlanFirst, DryRunShowsThePlanAndDoesNothing) {
  project("dry", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
)");
  EXPECT_TRUE(has(must({"--dry-run", "up", "-d"}).out, "create container  dry-web-1"));
  EXPECT_TRUE(containers().empty());
  must({"up", "-d"});
  std::map<std::string, std::string> before = ids();
  EXPECT_TRUE(has(must({"--dry-run", "stop"}).out, "stop container"));
  EXPECT_TRUE(has(must({"--dry-run", "restart"}).out, "start container"));
  EXPECT_TRUE(has(must({"--dry-run", "rm", "-fs"}).out, "remove container"));
  EXPECT_TRUE(has(must({"--dry-run", "down"}).out, "remove network"));
  EXPECT_TRUE(has(must({"--dry-run", "run", "web", "true"}).out, "nothing to do"));
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(container("web").state, "running");
}

TEST_F(PlanFirst, ThePlanShowsOldAndNewValuesAndNoSecrets) {
  std::string yaml =
      "services:\n  web:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    stop_signal: "
      "SIGKILL\n    environment: { LEVEL: one, DB_PASSWORD: hunter2 }\n";
  project("values", yaml);
  must({"up", "-d"});
  yaml.replace(yaml.find("one"), 3, "two");
  yaml.replace(yaml.find("hunter2"), 7, "hunter3");
  project("values", yaml);
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.code, 2) << plan.text();
  EXPECT_TRUE(has(plan.out, "environment.LEVEL: one -> two")) << plan.out;
  EXPECT_FALSE(has(plan.out, "hunter")) << plan.out;
  Result<Json> json = parse_json(run({"plan", "--format", "json"}).out);
  ASSERT_TRUE(json);
  EXPECT_TRUE(has(to_text(*json), R"("field":"environment.LEVEL")"));
}

TEST_F(PlanFirst, NextUpBuildsAChangedContext) {
  project("context", "services:\n  app:\n    build: .\n    stop_signal: SIGKILL\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nCOPY data /data\nCMD [\"sleep\", \"infinity\"]\n");
  write("data", "one\n");
  write(".dockerignore", "ignored\n");
  must({"up", "-d"});
  std::string first = container("app").id;
  EXPECT_EQ(run({"plan"}).code, 0);
  write("ignored", "does not count\n");
  EXPECT_EQ(run({"plan"}).code, 0);
  write("data", "two\n");
  CommandResult plan = run({"plan"});
  EXPECT_EQ(plan.code, 2);
  EXPECT_TRUE(has(plan.out, "context changed")) << plan.out;
  must({"up", "-d"});
  EXPECT_NE(container("app").id, first);
  EXPECT_EQ(inside("app", "cat /data"), "two");
  EXPECT_EQ(run({"plan"}).code, 0) << "and is known afterward";
}

TEST_F(PlanFirst, NextUpBuildsImagesBasedOnAChangedImage) {
  project("bases", R"(
services:
  app:
    build: { context: ./app, additional_contexts: { base: "service:base" } }
    command: sleep infinity
    stop_signal: SIGKILL
  base:
    build: ./base
    command: "true"
    scale: 0
)");
  write("base/Dockerfile", "FROM debian:bookworm-slim\nRUN echo one > /base\n");
  write("app/Dockerfile", "FROM base\nRUN cp /base /app\n");
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "cat /app"), "one");
  write("base/Dockerfile", "FROM debian:bookworm-slim\nRUN echo two > /base\n");
  EXPECT_TRUE(has(run({"plan"}).out, "if image bases-base changes"));
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "cat /app"), "two");
  EXPECT_EQ(run({"plan"}).code, 0);
  write("base/Dockerfile", "FROM debian:bookworm-slim\nRUN echo three > /base\n");
  must({"build", "base"});
  EXPECT_TRUE(has(run({"plan"}).out, "image bases-base changed"));
  must({"up", "-d"});
  EXPECT_EQ(inside("app", "cat /app"), "three");
}

TEST_F(PlanFirst, DockerSocketMountsTheEnginesSocket) {
  project("socket", R"(
services:
  proxy:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["/var/run/docker.sock:/tmp/docker.sock:ro"]
)");
  CommandResult refused = run({"up", "-d", "--no-docker-socket"});
  EXPECT_EQ(refused.code, 1) << refused.text();
  CommandResult up = must({"up", "-d"});
  EXPECT_TRUE(has(up.text(), "the Docker socket is replaced")) << up.text();
  EXPECT_EQ(inside("proxy", "test -S /tmp/docker.sock && echo there"), "there");
}

TEST_F(PlanFirst, NetworkModeMustNameAnExistingNetwork) {
  project("joins", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    network_mode: proxy_net
)");
  must_fail({"up", "-d"}, {"network proxy_net does not exist"});
  must({"network", "create", "proxy_net"});
  must({"up", "-d"});
  EXPECT_NE(address("web"), "");
  must({"down"});
  must({"network", "rm", "proxy_net"});
}

TEST_F(PlanFirst, AttachedDependenciesAreShownAndEndAnUp) {
  project("attached", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    depends_on: [db]
  db:
    image: debian:bookworm-slim
    command: sh -c 'sleep 2; echo from the dependency; exit 4'
)");
  CommandResult up = run({"up", "web", "--attach-dependencies", "--abort-on-container-exit"});
  EXPECT_EQ(up.code, 4) << up.text();
  EXPECT_TRUE(has(up.out, "from the dependency")) << up.text();
  EXPECT_TRUE(has(up.err, "db exited with code 4")) << up.text();
}

TEST_F(PlanFirst, BuildWithDependenciesBuildsThem) {
  project("needs", R"(
services:
  app:
    build: ./app
    depends_on: [base]
  base:
    build: ./base
)");
  write("app/Dockerfile", "FROM debian:bookworm-slim\nRUN echo app > /app\n");
  write("base/Dockerfile", "FROM debian:bookworm-slim\nRUN echo base > /base\n");
  must({"build", "app"});
  EXPECT_EQ(stack().api("GET", "/images/needs-base/json").status, 404);
  must({"build", "--with-dependencies", "app"});
  EXPECT_EQ(stack().api("GET", "/images/needs-base/json").status, 200);
}

}  // namespace
}  // namespace stack::e2e
