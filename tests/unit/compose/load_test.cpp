#include <unistd.h>

#include "fixture.h"

namespace stack::compose {
namespace {

TEST_F(ComposeTest, SmallFileLoads) {
  Project p = project(R"(
services:
  web:
    image: nginx:1.27
    command: nginx -g "daemon off;"
    ports: ["8080:80", "127.0.0.1:9000-9001:9000-9001/udp"]
    environment: [A=1, "B=two words"]
    volumes: [data:/data, ./conf:/etc/conf:ro]
    depends_on: [db]
    healthcheck:
      test: curl -f localhost
      interval: 1m30s
  db:
    image: redis
volumes:
  data:
)");
  ASSERT_TRUE(p.services.contains("web"));
  const Service& web = p.services["web"];
  EXPECT_EQ(web.image, "nginx:1.27");
  EXPECT_EQ(*web.command, (StringList{"nginx", "-g", "daemon off;"}));
  ASSERT_EQ(web.ports.size(), 3u);
  EXPECT_EQ(web.ports[2].published, "9001");
  EXPECT_EQ(web.environment.at("B"), "two words");
  ASSERT_EQ(web.volumes.size(), 2u);
  EXPECT_EQ(web.volumes[1].source, path("conf"));
  EXPECT_TRUE(web.volumes[1].read_only);
  EXPECT_EQ(web.depends_on.at("db").condition, DependencyCondition::Started);
  EXPECT_EQ(web.healthcheck->test, (StringList{"CMD-SHELL", "curl -f localhost"}));
  EXPECT_EQ(web.healthcheck->interval, std::chrono::seconds(90));
  EXPECT_EQ(p.networks.at("default").name, "p_default");
  EXPECT_EQ(p.volumes.at("data").name, "p_data");
  EXPECT_EQ(p.origins.at("/services/web/ports/0"), "compose.yaml:6:13");
}

TEST_F(ComposeTest, UnknownKeyIsReportedWithPositionAndSuggestion) {
  EXPECT_EQ(errors("services:\n  web:\n    imge: nginx\n"),
            "compose.yaml:3:5: unknown key \"imge\" in services.web\n  did you mean \"image\"?\n");
}

TEST_F(ComposeTest, FormerNamesOfKeysAreRead) {
  Service web = project(
                    "services:\n  web:\n    build: .\n    x-develop:\n      watch:\n"
                    "        - {path: ./src, target: /src, action: sync, x-initialSync: true}\n")
                    .services["web"];
  ASSERT_EQ(web.watch.size(), 1U);
  EXPECT_TRUE(web.watch[0].initial_sync);
  EXPECT_EQ(web.watch[0].path, path("src"));
  // The official name wins.
  EXPECT_TRUE(
      project(
          "services:\n  web:\n    build: .\n    develop: {watch: []}\n    x-develop: {watch: [{path: a}]}\n")
          .services["web"]
          .watch.empty());
}

TEST_F(ComposeTest, DanglingLinkIsNotAnEnvFile) {
  ASSERT_EQ(::symlink("/nowhere/at/all", path(".env").c_str()), 0);
  EXPECT_EQ(web("").image, "a");
  EXPECT_EQ(warnings, "");
}

TEST_F(ComposeTest, EmptyImageWithABuildIsIgnored) {
  EXPECT_EQ(project("services:\n  web: {image: \"${UNSET}\", build: .}\n").services["web"].image, "");
  EXPECT_EQ(errors("services:\n  web: {image: \"\"}\n"), "compose.yaml:2:16: the image is empty\n");
}

TEST_F(ComposeTest, ConsistencyIsNotCheckedWithoutInterpolation) {
  options.no_interpolate = true;
  std::string text =
      "services:\n  web: {image: a}\n  other: {profiles: [\"$P\"], depends_on: [nowhere], container_name: "
      "\"$N\"}\n";
  EXPECT_NE(config(text).find("container_name: $N"), std::string::npos) << config(text);
}

}  // namespace
}  // namespace stack::compose
