// What tools and scripts of Docker Compose rely on: hashes, formats of config.json, projects of resources only.
#include "scenario.h"

namespace stack::e2e {
namespace {

class ComposeWords : public Scenario {};

TEST_F(ComposeWords, HashOfConfigIsTheLabelOfTheContainer) {
  project("shop", R"(
services:
  web:
    image: debian:bookworm-slim
    command: sleep infinity
    stop_signal: SIGKILL
    env_file: web.env
    configs: [settings]
    build: { context: ., dockerfile_inline: FROM scratch }
  broken:
    image: debian:bookworm-slim
    env_file: absent.env
configs:
  settings: { file: settings.ini }
)");
  write("web.env", "A=1\n");
  write("settings.ini", "x=1\n");
  must({"up", "-d", "web"});
  std::string label = must({"docker", "inspect", "-f",
                            "{{index .Config.Labels \"com.docker.compose.config-hash\"}}", "shop-web-1"})
                          .out;
  EXPECT_EQ(must({"config", "--hash", "web"}).out, "web " + label);
  CommandResult broken = run({"config", "--hash", "broken"});
  EXPECT_EQ(broken.code, 1);
  EXPECT_NE(broken.err.find("absent.env not found"), std::string::npos) << broken.err;
  write("settings.ini", "x=2\n");
  EXPECT_NE(must({"config", "--hash", "web"}).out, "web " + label);
  EXPECT_EQ(run({"config", "--hash", "nope"}).code, 1);
}

TEST_F(ComposeWords, FormatsOfDockersConfiguration) {
  project("shop", R"(
services:
  web: { image: "debian:bookworm-slim", command: sleep infinity, stop_signal: SIGKILL }
volumes:
  data:
)");
  write(".docker/config.json", R"({"psFormat": "table {{.ID}}", "volumesFormat": "{{.Name}}!", )"
                               R"("networksFormat": "n {{.Name}}", "imagesFormat": "i {{.Repository}}"})");
  std::map<std::string, std::string> env{{"DOCKER_CONFIG", path(".docker")}};
  must({"up", "-d"}, env);
  std::string id = must({"ps", "-q"}, env).out;
  EXPECT_EQ(must({"docker", "ps"}, env).out, "CONTAINER ID\n" + id.substr(0, 12) + "\n");
  EXPECT_EQ(must({"ps", "--format", "{{.Service}}"}, env).out, "web\n") << "--format overrides it";
  EXPECT_EQ(must({"ps"}, env).out.find("IMAGE"), std::string::npos);
  EXPECT_NE(must({"docker", "network", "ls"}, env).out.find("n shop_default\n"), std::string::npos);
  EXPECT_NE(must({"docker", "images"}, env).out.find("i debian\n"), std::string::npos);
  write(".docker/config.json", "[broken");
  EXPECT_NE(must({"ps"}, env).out.find("IMAGE"), std::string::npos) << "an unreadable file is no obstacle";
}

TEST_F(ComposeWords, AllResourcesOfAProjectWithoutServices) {
  project("shop", "volumes:\n  data:\nnetworks:\n  back:\n");
  must_fail({"up", "-d"}, {"the project has no services"});
  must({"--all-resources", "up", "-d"});
  EXPECT_NE(must({"docker", "volume", "ls", "-q"}).out.find("shop_data\n"), std::string::npos);
  EXPECT_NE(must({"docker", "network", "ls"}).out.find("shop_back"), std::string::npos);
  must({"--all-resources", "down", "-v"});
  EXPECT_EQ(must({"docker", "volume", "ls", "-q"}).out.find("shop_data"), std::string::npos);
}

TEST_F(ComposeWords, PullSkipsServicesThatAreOnlyBuilt) {
  project("shop", "services:\n  web: { build: { context: ., dockerfile_inline: FROM scratch } }\n");
  CommandResult pulled = must({"pull"});
  EXPECT_NE(pulled.err.find("web Skipped No image to be pulled"), std::string::npos) << pulled.err;
}

}  // namespace
}  // namespace stack::e2e
