// `stack import docker`, with a second engine in Docker's place.
#include "scenario.h"

namespace stack::e2e {
namespace {

class ImportDocker : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    project("shop", R"(
services:
  web:
    image: "imported:1"
    pull_policy: never
    command: sleep infinity
    stop_signal: SIGKILL
    volumes: ["data:/data"]
volumes: { data: }
)");
    must_docker({"tag", "debian:bookworm-slim", "imported:1"});
    must({"up", "-d"});
    inside("web", "echo kept >/data/file; chown 123:45 /data/file");
  }
  // The same command for an empty engine next to the first one.
  CommandResult other(std::vector<std::string> args) {
    args.insert(args.begin(), {"--root", folder() + "/other", "--run-root", folder() + "/other-run"});
    return run(args);
  }
  void TearDown() override {
    other({"-p", "shop", "down", "-v"});
    other({"engine", "stop"});
    Scenario::TearDown();
  }
};

TEST_F(ImportDocker, MovesARunningProjectWithItsImageAndVolume) {
  std::vector<std::string> import{"import", "docker", "--socket", stack().socket()};
  CommandResult shown = other({"--dry-run", "import", "docker", "--socket", stack().socket()});
  EXPECT_EQ(shown.code, 0) << shown.text();
  EXPECT_NE(shown.out.find("copy volume    shop_data"), std::string::npos) << shown.text();
  EXPECT_NE(shown.out.find("move project   shop"), std::string::npos) << shown.text();
  EXPECT_NE(shown.out.find("imported:1"), std::string::npos) << shown.text();
  EXPECT_EQ(container("web").state, "running");
  EXPECT_EQ(other(import).code, 1) << "asks";
  import.push_back("--force");
  CommandResult moved = other(import);
  EXPECT_EQ(moved.code, 0) << moved.text();
  EXPECT_EQ(container("web").state, "exited");
  EXPECT_EQ(
      other({"-p", "shop", "exec", "-T", "web", "sh", "-c", "cat /data/file; stat -c %u:%g /data/file"}).out,
      "kept\n123:45\n")
      << moved.text();
  CommandResult again = other(import);
  EXPECT_NE(again.out.find("volume shop_data exists here already"), std::string::npos) << again.text();
}

TEST_F(ImportDocker, AProjectThatDoesNotStartReturnsToDocker) {
  write("docker-compose.yml",
        "services: {web: {image: \"imported:1\", pull_policy: never, networks: [gone]}}\n"
        "networks: {gone: {external: true}}\n");
  CommandResult moved = other({"import", "docker", "--force", "--socket", stack().socket()});
  EXPECT_EQ(moved.code, 1) << moved.text();
  EXPECT_NE(moved.err.find("in Docker again"), std::string::npos) << moved.text();
  EXPECT_EQ(container("web").state, "running");
}

TEST_F(ImportDocker, MistakesChangeNothing) {
  CommandResult own = run({"import", "docker", "--force", "--socket", stack().socket()});
  EXPECT_EQ(own.code, 1);
  EXPECT_NE(own.err.find("this engine's own socket"), std::string::npos) << own.text();
  EXPECT_EQ(other({"import", "docker", "--force", "--socket", "/nonexistent.sock"}).code, 1);
  EXPECT_EQ(other({"import", "docker", "--force", "--socket", stack().socket(), "nothing"}).code, 1);
  EXPECT_EQ(container("web").state, "running");
}

}  // namespace
}  // namespace stack::e2e
