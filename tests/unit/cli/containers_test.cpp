#include "cli/session/containers.h"

#include <gtest/gtest.h>

#include "cli/render/image_rows.h"

namespace stack::cli {
namespace {

Port published(const std::string& ip, int host, int inner, const std::string& protocol = "tcp") {
  return {ip, inner, host, protocol};
}

TEST(Ports, PublishedOnesComeBeforeExposedOnes) {
  EXPECT_EQ(ports_text({{"", 443, 0, "tcp"}, published("0.0.0.0", 8080, 80), published("::", 8080, 80)}),
            "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp");
}

TEST(Ports, NeighborsBecomeRanges) {
  EXPECT_EQ(ports_text({published("0.0.0.0", 3002, 3002), published("0.0.0.0", 3000, 3000),
                        published("0.0.0.0", 3001, 3001)}),
            "0.0.0.0:3000-3002->3000-3002/tcp");
  EXPECT_EQ(ports_text({{"", 6379, 0, "tcp"}, {"", 6380, 0, "tcp"}}), "6379-6380/tcp");
}

TEST(Ports, RangesDoNotMixProtocolsOrGaps) {
  EXPECT_EQ(ports_text({published("0.0.0.0", 53, 53, "udp"), published("0.0.0.0", 54, 54, "tcp")}),
            "0.0.0.0:53->53/udp, 0.0.0.0:54->54/tcp");
  EXPECT_EQ(ports_text({published("0.0.0.0", 80, 80), published("0.0.0.0", 90, 81)}),
            "0.0.0.0:80->80/tcp, 0.0.0.0:90->81/tcp");
  EXPECT_EQ(ports_text({}), "");
}

const Json kRow = {
    {"Id", "0123456789abcdef0123"},
    {"Names", {"/shop-web-1"}},
    {"Image", "nginx:1.27"},
    {"ImageID", "sha256:aa"},
    {"Command", "/docker-entrypoint.sh nginx -g 'daemon off;'"},
    {"Created", 1700000000},
    {"State", "running"},
    {"Status", "Up 5 minutes (healthy)"},
    {"Health", {{"Status", "healthy"}, {"FailingStreak", 0}}},
    {"ExitCode", 0},
    {"Ports", {{{"IP", "0.0.0.0"}, {"PrivatePort", 80}, {"PublicPort", 8080}, {"Type", "tcp"}}}},
    {"Labels",
     {{"com.docker.compose.project", "shop"},
      {"com.docker.compose.service", "web"},
      {"com.docker.compose.container-number", "1"},
      {"com.docker.compose.oneoff", "False"}}},
    {"NetworkSettings", {{"Networks", {{"shop_default", Json::object()}}}}},
    {"Mounts", {{{"Type", "volume"}, {"Name", "shop_data"}}, {{"Type", "bind"}, {"Source", "/etc/x"}}}},
};

TEST(Containers, EngineRowIsParsed) {
  Container c = parse_container(kRow);
  EXPECT_EQ(c.name, "shop-web-1");
  EXPECT_EQ(c.service, "web");
  EXPECT_EQ(c.number, 1);
  EXPECT_FALSE(c.oneoff);
  EXPECT_TRUE(c.is_running());
  EXPECT_EQ(c.networks, std::vector<std::string>{"shop_default"});
}

TEST(Containers, BrokenRowsAreHarmless) {
  for (const Json& row : {Json(), Json(3), Json::array(),
                          Json{{"Names", 3},
                               {"Labels", "x"},
                               {"Ports", {1, "a"}},
                               {"Created", "soon"},
                               {"Mounts", {{"x", 1}}}}}) {
    Container c = parse_container(row);
    EXPECT_EQ(c.number, 0);
    EXPECT_EQ(c.created, 0);
  }
}

TEST(Containers, JsonRowMatchesCompose) {
  Json row = container_json(parse_container(kRow), 1700000300, true);
  EXPECT_EQ(row["ID"], "0123456789ab");
  EXPECT_EQ(row["Command"], "\"/docker-entrypoint.…\"");
  EXPECT_EQ(row["Ports"], "0.0.0.0:8080->80/tcp");
  EXPECT_EQ(row["Publishers"][0],
            (Json{{"URL", "0.0.0.0"}, {"TargetPort", 80}, {"PublishedPort", 8080}, {"Protocol", "tcp"}}));
  EXPECT_EQ(row["RunningFor"], "5 minutes ago");
  EXPECT_EQ(row["CreatedAt"], "2023-11-14 22:13:20 +0000 UTC");
  EXPECT_EQ(row["Networks"], "shop_default");
  EXPECT_EQ(row["Mounts"], "shop_data,/etc/x");
  EXPECT_EQ(row["LocalVolumes"], "1");
  for (const char* key :
       {"ID",       "Name",   "Names",        "Image",     "Command",    "Project",    "Service",
        "State",    "Health", "ExitCode",     "Status",    "Ports",      "Publishers", "Labels",
        "Networks", "Mounts", "LocalVolumes", "CreatedAt", "RunningFor", "Size"}) {
    EXPECT_TRUE(row.contains(key)) << key;
  }
  EXPECT_EQ(container_json(parse_container(kRow), 0, false)["ID"], "0123456789abcdef0123");
}

TEST(Containers, ServicesSelect) {
  Container web = parse_container(kRow);
  Container db = web;
  db.service = "db";
  EXPECT_EQ(of_services({web, db}, {}).size(), 2u);
  ASSERT_EQ(of_services({web, db}, {"db"}).size(), 1u);
  EXPECT_EQ(of_services({web, db}, {"db"})[0].service, "db");
}

TEST(Containers, LogLabelsLeaveTheProjectOut) {
  EXPECT_EQ(log_label("shop", "shop-web-2", "web"), "web-2");
  EXPECT_EQ(log_label("shop", "my-own-name", "web"), "my-own-name");
  EXPECT_EQ(log_label("shop", "shop-web-run-1a2b", "web"), "shop-web-run-1a2b");
}

TEST(Images, ReferencesAreSplitAtTheTagsColon) {
  EXPECT_EQ(split_reference("nginx:1.27").tag, "1.27");
  EXPECT_EQ(split_reference("registry:5000/app").tag, "latest");
  EXPECT_EQ(split_reference("registry:5000/app").repository, "registry:5000/app");
  EXPECT_EQ(split_reference("registry:5000/app:2").repository, "registry:5000/app");
  EXPECT_EQ(split_reference("app@sha256:aa").repository, "app");
  EXPECT_EQ(split_reference("app@sha256:aa").tag, "<none>");
  EXPECT_EQ(split_reference("").repository, "<none>");
}

}  // namespace
}  // namespace stack::cli
