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

TEST_F(ComposeTest, UnknownKeyIsReportedWithPlaceAndSuggestion) {
  EXPECT_EQ(errors("services:\n  web:\n    imge: nginx\n"),
            "compose.yaml:3:5: unknown key \"imge\" in services.web\n  did you mean \"image\"?\n");
}

}  // namespace
}  // namespace stack::compose
