// Each invalid input causes a clear error on stderr and exit code 1, changes nothing, and leaves nothing behind.
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>

#include "scenario.h"

namespace stack::e2e {
namespace {

class BadInput : public Scenario {
 protected:
  // Runs `stack up -d` on a project with one service of this body.
  void service(const std::string& body) {
    project("bad",
            "services:\n  web:\n    image: debian:bookworm-slim\n    command: sleep infinity\n    "
            "stop_signal: SIGKILL\n" +
                body);
  }
  void up_fails(const std::vector<std::string>& texts, int code = 1) { must_fail({"up", "-d"}, texts, code); }
};

TEST_F(BadInput, NoComposeFile) {
  project("empty", "");
  std::filesystem::remove(path("docker-compose.yml"));
  up_fails({"no compose file found", "docker-compose.yml", folder() + "/empty"});
}

TEST_F(BadInput, NamedComposeFileIsMissing) {
  project("empty", "");
  must_fail({"-f", "nope.yml", "up", "-d"}, {"nope.yml"});
}

TEST_F(BadInput, YamlSyntaxError) {
  project("bad", "services:\n  web:\n    image: [unclosed\n  db: {\n");
  up_fails({"docker-compose.yml:"});
}

TEST_F(BadInput, DuplicateKey) {
  service("    image: other\n");
  up_fails({"docker-compose.yml:6:5", "image"});
}

TEST_F(BadInput, UnknownKeyGetsASuggestion) {
  service("    enviroment:\n      A: b\n");
  up_fails({"docker-compose.yml:6:5", "enviroment", "environment"});
}

TEST_F(BadInput, WronglyTypedKey) {
  service("    ports: 8080\n");
  up_fails({"docker-compose.yml:6:", "ports"});
}

TEST_F(BadInput, ValuesThatNoContainerCanHave) {
  for (const auto& [line, text] : std::map<std::string, std::string>{
           {"ipc: bogus", "invalid IPC mode: bogus"},
           {"dns: [not-an-ip]", "bad nameserver address: not-an-ip"},
           {"mem_limit: 1k", "Minimum memory limit allowed is 6MB"},
           {"cpuset: \"999\"", "Requested CPUs are not available - requested 999"},
           {"ulimits: {bogus: 1}", "invalid ulimit type: bogus"},
           {"working_dir: rel", "the working directory 'rel' is invalid"},
           {"cap_add: [NOSUCH]", "NOSUCH"},
           {"volumes: [\"./inner:/\"]", "destination can't be '/'"}}) {
    service("    " + line + "\n");
    up_fails({"docker-compose.yml:2:3: service web: ", text});
  }
  EXPECT_EQ(stack().api("GET", "/networks?filters={\"label\":[\"com.docker.compose.project=bad\"]}").body, Json::array())
      << "nothing is created";
}

TEST_F(BadInput, StateRootOfAnotherEngine) {
  must({"ls"});
  CommandResult other = run_command({program_folder() + "/stack", "--root", folder() + "/other", "--run-root",
                                     stack().run_root(), "ls"});
  EXPECT_EQ(other.code, 1) << other.text();
  EXPECT_NE(other.err.find("has the state root " + stack().root() + ", not " + folder() + "/other"), std::string::npos)
      << other.text();
}

TEST_F(BadInput, UndefinedNetwork) {
  service("    networks: [nowhere]\n");
  up_fails({"docker-compose.yml:6:", "web", "nowhere"});
}

TEST_F(BadInput, UndefinedVolume) {
  service("    volumes: ['data:/data']\n");
  up_fails({"docker-compose.yml:6:", "data"});
}

TEST_F(BadInput, UndefinedSecret) {
  service("    secrets: [password]\n");
  up_fails({"docker-compose.yml:6:", "password"});
}

TEST_F(BadInput, UndefinedService) {
  service("    depends_on: [databse]\n  database:\n    image: debian:bookworm-slim\n");
  up_fails({"docker-compose.yml:6:", "databse"});
}

TEST_F(BadInput, UnknownServiceOnTheCommandLine) {
  service("");
  must_fail({"up", "-d", "wbe"}, {"wbe"});
}

TEST_F(BadInput, DependencyCycleShowsItsPath) {
  project("bad", R"(
services:
  a: {image: debian:bookworm-slim, depends_on: [b]}
  b: {image: debian:bookworm-slim, depends_on: [c]}
  c: {image: debian:bookworm-slim, depends_on: [a]}
)");
  up_fails({"a -> b -> c -> a"});
}

TEST_F(BadInput, RequiredVariableIsUnset) {
  service("    environment:\n      KEY: ${STACKTEST_KEY:?set it to the api key}\n");
  up_fails({"docker-compose.yml:7:", "STACKTEST_KEY", "set it to the api key"});
}

TEST_F(BadInput, TakenPortErrorNamesTheProcess) {
  service("    ports: ['18123:80']\n");
  BackgroundCommand taker(
      {"perl", "-MIO::Socket::INET", "-e",
       "my $s = IO::Socket::INET->new(LocalPort => 18123, Listen => 1, ReuseAddr => 1) or die $!; "
       "$| = 1; print qq(bound\n); sleep 600"});
  ASSERT_TRUE(taker.says("bound", 5s));
  up_fails({"18123", "perl"});
}

TEST_F(BadInput, TakenPortErrorNamesTheContainer) {
  service("    ports: ['18123:80']\n");
  must({"up", "-d"});
  ASSERT_TRUE(ensure_directory(folder() + "/second"));
  ASSERT_TRUE(
      write_file(folder() + "/second/docker-compose.yml", read_file(path("docker-compose.yml")).value()));
  CommandOptions options;
  options.directory = folder() + "/second";
  CommandResult refused = stack().run({"up", "-d"}, options);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("18123"), std::string::npos) << refused.text();
  EXPECT_NE(refused.err.find("bad-web-1"), std::string::npos) << refused.text();
  EXPECT_TRUE(stack().containers("second").empty());
}

TEST_F(BadInput, BindSourceMissing) {
  service("    volumes:\n      - {type: bind, source: ./nowhere, target: /x}\n");
  up_fails({"docker-compose.yml:7:", folder() + "/bad/nowhere"});
  EXPECT_FALSE(path_exists(path("nowhere")));
}

TEST_F(BadInput, ImageNeitherLocalNorBuildable) {
  project("bad", "services:\n  web:\n    image: example.invalid/nothing:1\n");
  up_fails({"service web: pull image", "example.invalid/nothing:1", "cannot reach registry example.invalid"});
}

TEST_F(BadInput, AllMistakesAreReportedAtOnce) {
  project("bad", R"(services:
  web:
    image: example.invalid/nothing:1
    volumes:
      - {type: bind, source: /nonexistent/source, target: /x}
  db:
    image: example.invalid/other:2
    volumes:
      - {type: bind, source: /nonexistent/other, target: /x}
)");
  up_fails({"/nonexistent/source", "/nonexistent/other"});
}

TEST_F(BadInput, FailingRunShowsItsLastOutput) {
  project("bad", "services:\n  web:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo the reason is this && exit 7\n");
  up_fails({"Dockerfile:2", "the reason is this", "7", "Network bad_default Removed"});
}

TEST_F(BadInput, DockerfileSyntaxError) {
  project("bad", "services:\n  web:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUNN echo x\n");
  up_fails({"Dockerfile:2", "RUNN"});
}

TEST_F(BadInput, CommandNotFoundIs127) {
  project("bad", "services:\n  web:\n    image: debian:bookworm-slim\n    command: no-such-program\n");
  CommandResult up = run({"up", "-d"});
  EXPECT_EQ(up.code, 127) << up.text();
  EXPECT_NE(up.err.find("no-such-program"), std::string::npos) << up.text();
  must({"down"});
  expect_nothing_left();
}

TEST_F(BadInput, ExitedDependencyIsNamedWithItsLastOutput) {
  project("bad", R"(
services:
  db:
    image: debian:bookworm-slim
    command: sh -c "echo cannot open the database; exit 5"
    healthcheck: {test: "true", interval: 5s}
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy}}
)");
  CommandResult up = run({"up", "-d"});
  EXPECT_EQ(up.code, 1) << up.text();
  for (const char* text : {"db", "5", "cannot open the database"})
    EXPECT_NE(up.err.find(text), std::string::npos) << text << ": " << up.text();
  for (const RunningContainer& one : containers("web")) EXPECT_NE(one.state, "running");
}

TEST_F(BadInput, UnhealthyDependencyIsNamedWithItsProbe) {
  project("bad", R"(
services:
  db:
    image: debian:bookworm-slim
    command: sh -c "echo waiting for the disk; sleep infinity"
    stop_signal: SIGKILL
    healthcheck: {test: "echo probe says no; exit 1", interval: 100ms, retries: 3}
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    depends_on: {db: {condition: service_healthy}}
)");
  CommandResult up = run({"up", "-d"});
  EXPECT_EQ(up.code, 1) << up.text();
  for (const char* text : {"db", "unhealthy", "probe says no", "waiting for the disk"})
    EXPECT_NE(up.err.find(text), std::string::npos) << text << ": " << up.text();
  for (const RunningContainer& one : containers("web")) EXPECT_NE(one.state, "running");
}

TEST_F(BadInput, MissingRootPrivilegesAreReported) {
  service("");
  // The program and a run root in a folder that others cannot enter.
  ASSERT_EQ(run_command({"cp", program_folder() + "/stack", folder() + "/stack"}).code, 0);
  CommandOptions options;
  options.directory = folder() + "/bad";
  CommandResult result =
      run_command({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", folder() + "/stack",
                   "--root", folder() + "/nobody-root", "--run-root", folder() + "/nobody-run", "up", "-d"},
                  options);
  EXPECT_EQ(result.code, 1) << result.text();
  EXPECT_NE(result.err.find("root"), std::string::npos) << result.text();
  EXPECT_FALSE(path_exists(folder() + "/nobody-root"));
}

TEST_F(BadInput, StateDirectoryNotWritable) {
  service("");
  const std::string root = folder() + "/readonly";
  ASSERT_TRUE(ensure_directory(root));
  ASSERT_EQ(::mount("none", root.c_str(), "tmpfs", 0, "size=1m"), 0);
  ASSERT_EQ(::mount("none", root.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  StackRoot readonly(root + "/state", folder() + "/run-readonly");
  CommandOptions options;
  options.directory = folder() + "/bad";
  CommandResult result = readonly.run({"up", "-d"}, options);
  EXPECT_EQ(result.code, 1) << result.text();
  EXPECT_NE(result.err.find(root), std::string::npos) << result.text();
  EXPECT_NE(result.err.find("read-only"), std::string::npos) << result.text();
  EXPECT_EQ(readonly.engine_pid(), 0);
  ASSERT_EQ(::umount(root.c_str()), 0);
}

TEST_F(BadInput, FullDiskDuringABuildLeavesNothingIncomplete) {
  project("bad", "services:\n  web:\n    build: .\n");
  write("Dockerfile", "FROM debian:bookworm-slim\nRUN head -c 200000000 /dev/zero > /big\n");
  // A separate small disk with a copy of the images.
  const std::string disk = folder() + "/disk";
  ASSERT_TRUE(ensure_directory(disk));
  CommandResult size = run_command({"du", "-sm", stack().root() + "/images"});
  const int megabytes = std::atoi(size.out.c_str()) + 64;
  ASSERT_EQ(::mount("none", disk.c_str(), "tmpfs", 0, ("size=" + std::to_string(megabytes) + "m").c_str()),
            0);
  {
    StackRoot small(disk + "/state", folder() + "/run-small");
    ASSERT_TRUE(ensure_directory(disk + "/state"));
    ASSERT_EQ(run_command({"cp", "-a", stack().root() + "/images", disk + "/state/images"}).code, 0);
    CommandOptions options;
    options.directory = folder() + "/bad";
    CommandResult up = small.run({"up", "-d"}, options);
    EXPECT_EQ(up.code, 1) << up.text();
    EXPECT_NE(up.err.find("no space left on device") == std::string::npos
                  ? up.err.find("No space left on device")
                  : size_t{0},
              std::string::npos)
        << up.text();
    // The space is free again, and the engine still works.
    EXPECT_TRUE(
        eventually(5s, [&] { return std::filesystem::space(disk).available > (uintmax_t{40} << 20); }));
    write("Dockerfile",
          "FROM debian:bookworm-slim\nRUN echo small > /small\nCMD [\"sleep\", \"infinity\"]\nSTOPSIGNAL "
          "SIGKILL\n");
    CommandResult again = small.run({"up", "-d"}, options);
    EXPECT_EQ(again.code, 0) << again.text();
    CommandResult down = small.run({"down", "-v"}, options);
    EXPECT_EQ(down.code, 0) << down.text();
    // A network namespace and its link disappear some moments after its last process.
    EXPECT_TRUE(eventually(5s, [&] { return left_in_engine(small).empty(); })) << left_in_engine(small);
    small.shut_down();
  }
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

}  // namespace
}  // namespace stack::e2e
