#include "docker/filters.h"

#include <gtest/gtest.h>

#include "docker/container_filter.h"
#include "docker/image_filter.h"
#include "docker/object_filter.h"
#include "docker/prune_filter.h"
#include "docker/text_match.h"
#include "docker/time_text.h"

namespace stack::docker {
namespace {

TEST(Filters, BothWireFormsAreEquivalent) {
  Filters expected{{"label", {"a=b"}}, {"status", {"running"}}};
  EXPECT_EQ(*parse_filters(R"({"label":{"a=b":true,"c=d":false},"status":{"running":true}})"), expected);
  EXPECT_EQ(*parse_filters(R"({"label":["a=b"],"status":["running"]})"), expected);
  EXPECT_EQ(*parse_filters(filters_text(expected)), expected);
  EXPECT_TRUE(parse_filters("")->empty());
}

TEST(Filters, OtherShapesAreInvalid) {
  for (const char* text : {"[]", "{\"a\":1}", "{\"a\":[1]}", "{", "3"})
    EXPECT_EQ(parse_filters(text).error().kind(), ErrorKind::Invalid) << text;
}

TEST(TimeText, AcceptsTimesSecondsAndDurations) {
  EXPECT_FALSE(parse_time_text("")->has_value());
  EXPECT_EQ((*parse_time_text("1700000000"))->time_since_epoch(), std::chrono::seconds(1700000000));
  EXPECT_TRUE((*parse_time_text("2026-01-02T03:04:05Z")).has_value());
  EXPECT_EQ((*parse_time_text("1700000000.123456789"))->time_since_epoch(),
            std::chrono::nanoseconds(1700000000123456789));
  EXPECT_EQ(*parse_time_text("2026-01-02"), *parse_time_text("2026-01-02T00:00:00Z"));
  EXPECT_FALSE(parse_time_text("1700000000.1x"));
  auto ten_minutes = std::chrono::system_clock::now() - **parse_time_text("10m");
  EXPECT_NEAR(std::chrono::duration<double>(ten_minutes).count(), 600, 5);
  EXPECT_FALSE(parse_time_text("soon"));
}

TEST(Filters, UnknownFilterIsRejectedByEveryList) {
  for (FilterList list :
       {FilterList::Containers, FilterList::Images, FilterList::Networks, FilterList::Volumes,
        FilterList::Events, FilterList::ContainersPrune, FilterList::ImagesPrune, FilterList::NetworksPrune,
        FilterList::VolumesPrune, FilterList::BuildPrune}) {
    Result<Filters> read = read_filters(list, R"({"color":["red"]})");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text(), "invalid filter 'color'");
    EXPECT_TRUE(read_filters(list, "{}"));
  }
}

TEST(Filters, FlagsAreDockers) {
  EXPECT_TRUE(*filter_flag(*parse_filters(R"({"dangling":["1"]})"), "dangling", false));
  EXPECT_FALSE(*filter_flag(*parse_filters(R"({"dangling":["false"]})"), "dangling", true));
  EXPECT_TRUE(*filter_flag({}, "dangling", true));
  EXPECT_FALSE(filter_flag(*parse_filters(R"({"dangling":["yes"]})"), "dangling", false));
}

TEST(TextMatch, IsASubstringOrARegularExpression) {
  EXPECT_TRUE(text_matches("eb", "web-1"));
  EXPECT_TRUE(text_matches("^/web-1$", "/web-1"));
  EXPECT_FALSE(text_matches("^web$", "web-1"));
  EXPECT_TRUE(text_matches("w.*1", "web-1"));
  EXPECT_FALSE(text_matches("w(", "web-1"));
  EXPECT_FALSE(text_matches(std::string(100'000, '('), "web-1"));
}

// ---- containers ----

struct Fixture {
  ContainerSpec spec;
  HealthState health;

  Fixture() {
    spec.name = "shop-web-1";
    spec.image = "nginx:1";
    health.status = Health::Healthy;
  }
  ContainerFacts facts() const {
    ContainerFacts out(spec);
    out.health = &health;
    out.id = ContainerId("0123456789abcdef");
    out.image_id = "sha256:aa";
    out.labels = {{"tier", "front"}};
    out.created_at = "2026-01-02T03:04:05Z";
    out.status = "exited";
    out.exit_code = 3;
    MountFacts mount;
    mount.name = "data";
    mount.destination = "/data";
    out.mounts.push_back(mount);
    EndpointFacts endpoint;
    endpoint.network = "shop_default";
    endpoint.network_id = "feedfeedfeedfeed";
    out.endpoints.push_back(endpoint);
    out.ports["80/tcp"] = {{IpAddress::v4(0), 8080}};
    out.ports["443/tcp"] = {};
    return out;
  }
};

ContainerFilter::Lookup lookup() {
  ContainerFilter::Lookup out;
  out.created_at = [](const std::string& name) -> Result<std::string> {
    if (name == "older") return std::string("2026-01-01T00:00:00Z");
    if (name == "newer") return std::string("2026-02-01T00:00:00Z");
    return not_found("No such container: " + name);
  };
  out.descendants = [](const std::string& image) {
    return image == "debian" ? std::set<std::string>{"sha256:aa"} : std::set<std::string>{};
  };
  return out;
}

bool selected(const std::string& json) {
  Result<ContainerFilter> filter = ContainerFilter::read(json, lookup());
  EXPECT_TRUE(filter) << json;
  Fixture fixture;
  return filter && filter->matches(fixture.facts());
}

TEST(ContainerFilter, EachFilterSelectsAndExcludes) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"label":["tier=front"]})", R"({"label":["tier=back"]})"},
      {R"({"id":["0123"]})", R"({"id":["9999"]})"},
      {R"({"name":["web"]})", R"({"name":["^web"]})"},
      {R"({"status":["exited","running"]})", R"({"status":["running"]})"},
      {R"({"health":["healthy"]})", R"({"health":["none"]})"},
      {R"({"exited":["3"]})", R"({"exited":["0"]})"},
      {R"({"ancestor":["debian"]})", R"({"ancestor":["alpine"]})"},
      {R"({"volume":["/data"]})", R"({"volume":["other"]})"},
      {R"({"network":["shop_default"]})", R"({"network":["bridge"]})"},
      {R"({"before":["newer"]})", R"({"before":["older"]})"},
      {R"({"since":["older"]})", R"({"since":["newer"]})"},
      {R"({"publish":["8080"]})", R"({"publish":["80"]})"},
      {R"({"publish":["8000-9000/tcp"]})", R"({"publish":["8000-9000/udp"]})"},
      {R"({"expose":["443/tcp"]})", R"({"expose":["444"]})"},
      {R"({"is-task":["false"]})", R"({"is-task":["true"]})"},
  };
  for (const auto& [yes, no] : kCases) {
    EXPECT_TRUE(selected(yes)) << yes;
    EXPECT_FALSE(selected(no)) << no;
  }
}

TEST(ContainerFilter, InvalidValuesAreRejected) {
  for (const char* json : {R"({"status":["sleeping"]})", R"({"exited":["x"]})", R"({"health":["fine"]})",
                           R"({"publish":["http"]})", R"({"expose":["99999"]})", R"({"is-task":["x"]})"})
    EXPECT_FALSE(ContainerFilter::read(json, lookup())) << json;
  Result<ContainerFilter> unknown = ContainerFilter::read(R"({"before":["nobody"]})", lookup());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind(), ErrorKind::NotFound);
}

// ---- other lists ----

TEST(ImageFilter, EachFilterSelectsAndExcludes) {
  auto created = [](const std::string& name) -> Result<std::string> {
    return std::string(name == "older" ? "2026-01-01T00:00:00Z" : "2026-02-01T00:00:00Z");
  };
  ImageFacts image{{"localhost:5000/shop/web:1.2"}, {{"tier", "front"}}, "2026-01-02T03:04:05Z"};
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"dangling":["false"]})", R"({"dangling":["true"]})"},
      {R"({"label":["tier"]})", R"({"label":["other"]})"},
      {R"({"reference":["localhost:5000/shop/web"]})", R"({"reference":["web"]})"},
      {R"({"reference":["localhost:5000/*/web:1.*"]})", R"({"reference":["localhost:5000/*"]})"},
      {R"({"before":["newer"]})", R"({"before":["older"]})"},
      {R"({"since":["older"]})", R"({"since":["newer"]})"},
      {R"({"until":["2026-01-03T00:00:00Z"]})", R"({"until":["2026-01-01T00:00:00Z"]})"},
  };
  for (const auto& [yes, no] : kCases) {
    EXPECT_TRUE(ImageFilter::read(yes, created)->matches(image)) << yes;
    EXPECT_FALSE(ImageFilter::read(no, created)->matches(image)) << no;
  }
}

TEST(NetworkFilter, EachFilterSelectsAndExcludes) {
  NetworkFacts network{"feed", "shop_default", "bridge", {{"a", "b"}}, false, false};
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"type":["custom"]})", R"({"type":["builtin"]})"},
      {R"({"dangling":["true"]})", R"({"dangling":["false"]})"},
      {R"({"scope":["local"]})", R"({"scope":["swarm"]})"},
      {R"({"driver":["bridge"]})", R"({"driver":["host"]})"},
      {R"({"name":["shop"]})", R"({"name":["store"]})"},
      {R"({"id":["fee"]})", R"({"id":["bad"]})"},
      {R"({"label":["a=b"]})", R"({"label":["a=c"]})"},
  };
  for (const auto& [yes, no] : kCases) {
    EXPECT_TRUE(NetworkFilter::read(yes)->matches(network)) << yes;
    EXPECT_FALSE(NetworkFilter::read(no)->matches(network)) << no;
  }
  EXPECT_FALSE(NetworkFilter::read(R"({"type":["other"]})"));
}

TEST(VolumeFilter, EachFilterSelectsAndExcludes) {
  VolumeFacts volume{"data", "local", {{"a", "b"}}, true};
  EXPECT_TRUE(VolumeFilter::read(R"({"driver":["local"]})")->matches(volume));
  EXPECT_FALSE(VolumeFilter::read(R"({"driver":["nfs"]})")->matches(volume));
  EXPECT_TRUE(VolumeFilter::read(R"({"dangling":["false"]})")->matches(volume));
  EXPECT_FALSE(VolumeFilter::read(R"({"dangling":["true"]})")->matches(volume));
  EXPECT_TRUE(VolumeFilter::read(R"({"name":["dat"]})")->matches(volume));
}

TEST(EventFilter, EachFilterSelectsAndExcludes) {
  std::map<std::string, std::string> attributes{{"name", "web"}, {"image", "nginx:1"}, {"tier", "front"}};
  EventFacts event{"container", "health_status: healthy", "0123", attributes};
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"type":["container"]})", R"({"type":["image"]})"},
      {R"({"event":["health_status"]})", R"({"event":["start"]})"},
      {R"({"container":["web"]})", R"({"container":["db"]})"},
      {R"({"container":["01"]})", R"({"container":["02"]})"},
      {R"({"image":["nginx"]})", R"({"image":["redis"]})"},
      {R"({"label":["tier=front"]})", R"({"label":["tier=back"]})"},
      {R"({"scope":["local"]})", R"({"scope":["swarm"]})"},
  };
  for (const auto& [yes, no] : kCases) {
    EXPECT_TRUE(EventFilter::read(yes)->matches(event)) << yes;
    EXPECT_FALSE(EventFilter::read(no)->matches(event)) << no;
  }
}

TEST(PruneFilter, KeepsObjectsThatItDoesNotSelect) {
  auto filter = PruneFilter::read(FilterList::ContainersPrune,
                                  R"({"until":["2026-01-02T00:00:00Z"],"label!":["keep"]})");
  ASSERT_TRUE(filter);
  EXPECT_TRUE(filter->fits({}, "2026-01-01T00:00:00Z"));
  EXPECT_FALSE(filter->fits({}, "2026-01-03T00:00:00Z"));
  EXPECT_FALSE(filter->fits({{"keep", ""}}, "2026-01-01T00:00:00Z"));
  EXPECT_FALSE(filter->fits({}, ""));
  EXPECT_FALSE(PruneFilter::read(FilterList::ContainersPrune, R"({"all":["1"]})"));
}

}  // namespace
}  // namespace stack::docker
