// `stack watch` and `up --watch`: apply changed files to the containers.
#include <cstdio>

#include "scenario.h"

namespace stack::e2e {
namespace {

class Watch : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    project("shop", R"(
services:
  web:
    build: .
    scale: 2
    stop_signal: SIGKILL
    develop:
      watch:
        - { path: src, action: sync, target: /app, ignore: ["cache/"], initial_sync: true }
        - { path: conf, action: sync+restart, target: /conf }
        - path: hooked
          action: sync+exec
          target: /hooked
          exec: { command: ["sh", "-c", "cat /hooked/* > /seen"] }
        - { path: version, action: rebuild }
)");
    write("Dockerfile",
          "FROM debian:bookworm-slim\nCOPY version /version\nRUN mkdir /app && chown 1234 /app\n"
          "CMD [\"sleep\", \"infinity\"]\n");
    write("version", "1\n");
    write("src/main.py", "one\n");
    write("conf/a", "a\n");
    write("hooked/a", "a\n");
  }
  // In every replica.
  bool all_have(const std::string& file, const std::string& content) {
    std::vector<RunningContainer> all = containers("web");
    for (const RunningContainer& one : all)
      if (one.state != "running" || file_in(one, file) != content) return false;
    return all.size() == 2;
  }
  // Saves like an editor: a new file replaces the old one.
  void replace(const std::string& file, const std::string& text) {
    write(file + ".new~", text);
    ASSERT_EQ(std::rename(path(file + ".new~").c_str(), path(file).c_str()), 0);
  }
};

TEST_F(Watch, ChangesAreCopiedIntoEveryReplica) {
  auto watch = start({"watch"});
  ASSERT_TRUE(watch->says("Watch enabled", 60s)) << watch->output();
  EXPECT_TRUE(all_have("/app/main.py", "one\n")) << "initial_sync";

  replace("src/main.py", "two\n");
  EXPECT_TRUE(eventually(5s, [&] { return all_have("/app/main.py", "two\n"); })) << watch->output();
  EXPECT_EQ(inside("web", "stat -c %u /app/main.py"), "1234") << "the directory's owner";
  write("src/new/deep/file", "deep\n");
  EXPECT_TRUE(eventually(5s, [&] { return all_have("/app/new/deep/file", "deep\n"); })) << watch->output();
  write("src/cache/x", "no\n");
  ASSERT_EQ(std::rename(path("src/new").c_str(), path("src/moved").c_str()), 0);
  EXPECT_TRUE(eventually(5s, [&] { return all_have("/app/moved/deep/file", "deep\n"); })) << watch->output();
  EXPECT_EQ(inside("web", "ls /app"), "main.py\nmoved")
      << "what was deleted is gone, what is ignored never came";

  std::map<std::string, std::string> before = ids();
  pid_t pid = containers("web").at(0).pid;
  write("conf/a", "b\n");
  EXPECT_TRUE(eventually(10s, [&] {
    return all_have("/conf/a", "b\n") && containers("web").at(0).pid != pid;
  })) << watch->output();
  EXPECT_EQ(ids(), before) << "restarted, not recreated";

  write("hooked/a", "hook\n");
  EXPECT_TRUE(eventually(5s, [&] { return all_have("/seen", "hook\n"); })) << watch->output();

  write("version", "2\n");
  EXPECT_TRUE(eventually(60s, [&] { return all_have("/version", "2\n"); })) << watch->output();
  EXPECT_NE(ids(), before);
  watch->signal(SIGINT);
  EXPECT_EQ(watch->wait(), 130);
  EXPECT_EQ(containers("web").at(0).state, "running") << "they run on";
}

TEST_F(Watch, UpWatchesInTheForeground) {
  auto up = start({"up", "--watch"});
  ASSERT_TRUE(up->says("Watch enabled", 60s)) << up->output();
  write("src/main.py", "two\n");
  EXPECT_TRUE(eventually(5s, [&] { return all_have("/app/main.py", "two\n"); })) << up->output();
  up->signal(SIGINT);
  EXPECT_EQ(up->wait(), 130);
  EXPECT_EQ(containers("web").at(0).state, "exited");
}

TEST_F(Watch, AContainerThatDiedOfAnEditGetsTheMendedFileAndStartsAgain) {
  project("crash", R"(
services:
  app:
    build: .
    stop_signal: SIGKILL
    develop: { watch: [{ path: src, action: sync+restart, target: /app }] }
)");
  write("Dockerfile",
        "FROM debian:bookworm-slim\nCOPY src /app\nCMD [\"sh\", \"-c\", \". /app/run; exec sleep "
        "infinity\"]\n");
  write("src/run", "true\n");
  auto watch = start({"watch"});
  ASSERT_TRUE(watch->says("Watch enabled", 60s)) << watch->output();
  write("src/run", "exit 3\n");
  ASSERT_TRUE(eventually(10s, [&] { return container("app").state == "exited"; })) << watch->output();
  write("src/run", "echo mended >/seen\n");
  EXPECT_TRUE(eventually(10s, [&] {
    return container("app").state == "running" && file_in(container("app"), "/seen") == "mended\n";
  })) << watch->output();
  EXPECT_TRUE(watch->says("Service \"app\": 1 file synced, restarted in ", 5s)) << watch->output();
  watch->signal(SIGINT);
  EXPECT_EQ(watch->wait(), 130);
}

TEST_F(Watch, MissingRulesAreReported) {
  write("docker-compose.yml", "services:\n  web:\n    image: debian:bookworm-slim\n");
  must_fail({"watch"}, {"develop.watch"});
}

}  // namespace
}  // namespace stack::e2e
