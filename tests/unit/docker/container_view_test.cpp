// How inspect shows the settings of the creation.
#include "docker/container_view.h"

#include <gtest/gtest.h>

#include "docker/container_body.h"

namespace stack::docker {
namespace {

// The response of GET /containers/{id}/json for a container created from `body`, with an image with the variables A
// and PATH.
Json inspect(Json body, int version = 52) {
  body["Image"] = "busybox";
  Result<ContainerSpec> asked = container_from_json(body);
  EXPECT_TRUE(asked) << asked.error().text();
  if (!asked) return {};
  // Through JSON, as in the record.
  Result<ContainerSpec> spec = container_from_json(container_to_json(*asked));
  EXPECT_TRUE(spec) << spec.error().text();
  if (!spec) return {};
  ContainerFacts facts(*spec);
  ContainerDetails details;
  details.image_env = {"A=image", "PATH=/bin"};
  return container_inspect(facts, details, version);
}

TEST(ContainerView, VariablesAreTheRequestedOnesAndTheImages) {
  EXPECT_EQ(inspect({{"Env", {"B=1", "A", "C="}}})["Config"]["Env"], (Json{"B=1", "A", "C=", "PATH=/bin"}));
  EXPECT_EQ(inspect(Json::object())["Config"]["Env"], (Json{"A=image", "PATH=/bin"}));
}

TEST(ContainerView, StreamsThatTheClientAttachesToAreShown) {
  Json none = inspect(Json::object())["Config"];
  EXPECT_EQ(none["AttachStdin"], false);
  EXPECT_EQ(none["AttachStdout"], false);
  Json both = inspect({{"AttachStdin", true}, {"AttachStderr", true}})["Config"];
  EXPECT_EQ(both["AttachStdin"], true);
  EXPECT_EQ(both["AttachStdout"], false);
  EXPECT_EQ(both["AttachStderr"], true);
}

TEST(ContainerView, MountsAreShownInTheRequestedForm) {
  Json tmpfs{{"/run", "size=3M,uid=7"}, {"/tmp", ""}};
  Json binds{"/host:/in:ro,rslave", "named:/data"};
  Json mounts{{{"Type", "tmpfs"}, {"Target", "/scratch"}},
              {{"Type", "volume"}, {"Target", "/v"}, {"Source", "v"}}};
  Json volumes{{"/anonymous", Json::object()}};
  Json shown = inspect(
      {{"Volumes", volumes}, {"HostConfig", {{"Tmpfs", tmpfs}, {"Binds", binds}, {"Mounts", mounts}}}});
  EXPECT_EQ(shown["HostConfig"]["Tmpfs"], tmpfs);
  EXPECT_EQ(shown["HostConfig"]["Binds"], binds);
  EXPECT_EQ(shown["HostConfig"]["Mounts"].size(), 2U);
  EXPECT_EQ(shown["HostConfig"]["Mounts"][0]["Target"], "/scratch");
  EXPECT_EQ(shown["Config"]["Volumes"], volumes);
}

TEST(ContainerView, LinksOfEndpointsAreShown) {
  Json endpoint{{"Links", {"db:store"}}};
  Json body{{"NetworkingConfig", {{"EndpointsConfig", {{"back", endpoint}}}}},
            {"HostConfig", {{"NetworkMode", "back"}}}};
  body["Image"] = "busybox";
  Result<ContainerSpec> spec = container_from_json(body);
  ASSERT_TRUE(spec) << spec.error().text();
  ContainerFacts facts(*spec);
  EndpointFacts back;
  back.network = "back";
  back.spec = spec->endpoints.front();
  facts.endpoints.push_back(back);
  EXPECT_EQ(container_inspect(facts, {}, 52)["NetworkSettings"]["Networks"]["back"]["Links"],
            Json{"db:store"});
}

TEST(ContainerView, NamesWithoutEffectHereAreKept) {
  Json host = inspect({{"HostConfig", {{"Isolation", "default"}, {"VolumeDriver", "foo"}}}})["HostConfig"];
  EXPECT_EQ(host["Isolation"], "default");
  EXPECT_EQ(host["VolumeDriver"], "foo");
  auto refusal = [](const Json& body) {
    Result<ContainerSpec> spec = container_from_json(body);
    return spec ? std::string() : spec.error().text();
  };
  EXPECT_NE(refusal({{"Image", "x"}, {"HostConfig", {{"Isolation", "hyperv"}}}}).find("invalid isolation"),
            std::string::npos);
  EXPECT_NE(
      refusal(
          {{"Image", "x"}, {"Volumes", {{"/v", Json::object()}}}, {"HostConfig", {{"VolumeDriver", "foo"}}}})
          .find("plugin \"foo\" not found"),
      std::string::npos);
}

}  // namespace
}  // namespace stack::docker
