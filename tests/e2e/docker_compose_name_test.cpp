// `stack` under the name docker-compose: files of version 1, names with underscores, exit codes, and the words of builds, as scripts for
// docker-compose 1.x expect them.
#include <unistd.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

class DockerComposeName : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (HasFatalFailure()) return;
    ASSERT_EQ(::symlink((program_folder() + "/stack").c_str(), (folder() + "/docker-compose").c_str()), 0);
  }
  CommandResult compose(std::vector<std::string> args, std::map<std::string, std::string> env = {}) {
    args.insert(args.begin(), folder() + "/docker-compose");
    CommandOptions options;
    options.env = std::move(env);
    options.env["STACK_ROOT"] = stack().root();
    options.env["STACK_RUN_ROOT"] = stack().run_root();
    options.env["STACK_LIBEXEC"] = program_folder();
    options.directory = path("");
    return run_command(args, options);
  }
};

TEST_F(DockerComposeName, RunsFilesOfVersionOne) {
  project("old", R"(web:
  image: debian:bookworm-slim
  command: sleep infinity
  links: [db]
  volumes_from: [db]
peer:
  image: debian:bookworm-slim
  command: sleep infinity
  net: "container:web"
db:
  image: debian:bookworm-slim
  command: sleep infinity
  volumes: [/data]
  log_driver: json-file
  log_opt: {max-size: 1m}
)");
  CommandResult refused = run({"up", "-d"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("unknown key \"web\" at the top level"), std::string::npos) << refused.text();
  CommandResult up = compose({"up", "-d", "--scale", "db=2"});
  ASSERT_EQ(up.code, 0) << up.text();
  EXPECT_NE(up.err.find("version 1 format"), std::string::npos) << up.text();
  std::vector<std::string> names;
  for (const RunningContainer& one : containers()) names.push_back(one.name);
  EXPECT_EQ(names, (std::vector<std::string>{"old_db_1", "old_db_2", "old_peer_1", "old_web_1"}));
  EXPECT_EQ(inside("web", "getent hosts db > /dev/null && test -d /data && echo linked"), "linked");
  EXPECT_EQ(must_docker({"inspect", "-f", "{{.HostConfig.NetworkMode}}", "old_peer_1"}).out,
            "container:" + container("web").id + "\n");
  std::map<std::string, std::string> before = ids();
  CommandResult again = compose({"up", "-d", "--scale", "db=2"});
  EXPECT_EQ(again.code, 0) << again.text();
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(compose({"run", "--rm", "web", "true"}).code, 0);
  EXPECT_EQ(compose({"down", "-v", "-t", "0"}).code, 0);
}

TEST_F(DockerComposeName, CompatibilityNamesContainersAndImagesWithUnderscores) {
  project("shop", R"(services:
  web:
    build: {dockerfile_inline: "FROM debian:bookworm-slim\nRUN echo built\nCMD [\"sleep\", \"infinity\"]"}
)");
  must({"--compatibility", "up", "-d"});
  EXPECT_EQ(container("web").name, "shop_web_1");
  std::map<std::string, std::string> before = ids();
  must({"up", "-d"}, {{"COMPOSE_COMPATIBILITY", "1"}});
  EXPECT_EQ(ids(), before);
  must_docker({"image", "inspect", "shop_web"});
  must({"--compatibility", "down", "-t", "0", "--rmi", "local"});
  EXPECT_NE(docker({"image", "inspect", "shop_web"}).code, 0);
}

TEST_F(DockerComposeName, PrintsBuildsInTheWordsOfTheClassicBuilder) {
  project("shop", R"(services:
  web:
    build: {dockerfile_inline: "FROM debian:bookworm-slim\nRUN echo from the build"}
)");
  CommandResult first = compose({"build", "--no-cache"});
  ASSERT_EQ(first.code, 0) << first.text();
  EXPECT_NE(first.out.find("Step 2/2 : RUN echo from the build\n"), std::string::npos) << first.text();
  EXPECT_NE(first.out.find("\nfrom the build\n"), std::string::npos) << first.text();
  EXPECT_NE(first.out.find("Successfully tagged shop-web:latest\n"), std::string::npos) << first.text();
  EXPECT_EQ(first.out.find("Using cache"), std::string::npos) << first.text();
  CommandResult second = compose({"build"});
  EXPECT_NE(second.out.find(" ---> Using cache\n"), std::string::npos) << second.text();
  EXPECT_EQ(compose({"build", "-q"}).out, "");
  must_docker({"rmi", "shop-web"});
}

TEST_F(DockerComposeName, ExitCodesAreThoseOfCompose1) {
  project("shop", "services: {web: {image: debian:bookworm-slim, command: sleep infinity}}\n");
  for (const auto& [args, text] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"help", "foobar"}, "No such command"},
           {{"foobar"}, "No such command"},
           {{"down", "--rmi", "bogus"}, "--rmi"},
           {{"up", "-d", "--force-recreate", "--no-recreate"}, "cannot be used together"},
           {{"up", "-d", "--remove-orphans"}, "COMPOSE_IGNORE_ORPHANS"},
           {{"start"}, "No containers to start"},
           {{"restart"}, "No containers to restart"},
           {{"pause"}, "No containers to pause"},
           {{"unpause"}, "No containers to unpause"},
           {{"-H=tcp://nowhere:8000", "ps"}, "Couldn't connect to Docker daemon"}}) {
    CommandResult result = compose(args, {{"COMPOSE_IGNORE_ORPHANS", "1"}});
    EXPECT_EQ(result.code, 1) << result.text();
    EXPECT_NE(result.err.find(text), std::string::npos) << result.text();
  }
  EXPECT_EQ(run({"pause"}).code, 0);
  EXPECT_EQ(run({"foobar"}).code, 2);
}

TEST_F(DockerComposeName, RunKeepsDependenciesThatWereScaledUp) {
  project("shop", R"(services:
  web: {image: debian:bookworm-slim, command: sleep infinity, depends_on: [db]}
  db: {image: debian:bookworm-slim, command: sleep infinity, stop_signal: SIGKILL}
)");
  must({"up", "-d", "--scale", "db=2", "db"});
  std::map<std::string, std::string> before = ids();
  EXPECT_EQ(must({"run", "--rm", "--entrypoint", "", "web", "echo", "ran"}).out, "ran\n");
  EXPECT_EQ(ids(), before);
  must({"down", "-t", "0"});
}

TEST_F(DockerComposeName, GlobalFlagsOfStackMayPrecedeDocker) {
  std::vector<std::string> ours = stack().argv({"docker", "ps", "-q"});
  CommandResult listed = run_command(ours);
  EXPECT_EQ(listed.code, 0) << listed.text();
  CommandResult composed = run_command(stack().argv({"docker", "compose", "ls", "-q"}));
  EXPECT_EQ(composed.code, 0) << composed.text();
  EXPECT_EQ(run_command(stack().argv({"docker", "--nonsense"})).code, 125);
}

}  // namespace
}  // namespace stack::e2e
