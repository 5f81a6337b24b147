#include "docker/container_view.h"

#include <gtest/gtest.h>

namespace stack::docker {
namespace {

ContainerFacts facts_of(const ContainerSpec& spec) {
  ContainerFacts facts(spec);
  facts.id = std::string(64, 'a');
  facts.image_id = "sha256:bb";
  facts.created_at = "2026-01-02T03:04:05Z";
  facts.status = "created";
  return facts;
}

TEST(ContainerView, ATmpfsIsShownWhereClientsLookForIt) {
  ContainerSpec spec;
  spec.name = "web";
  spec.image = "nginx";
  MountSpec tmpfs;
  tmpfs.kind = MountKind::Tmpfs;
  tmpfs.target = "/scratch";
  tmpfs.tmpfs_size = ByteSize{1 << 20};
  tmpfs.tmpfs_options = "noexec";
  spec.mounts.push_back(tmpfs);
  Json json = container_inspect(facts_of(spec), ContainerDetails(), 50);
  EXPECT_EQ(json["HostConfig"]["Tmpfs"], Json({{"/scratch", "size=1048576,noexec"}}));
  EXPECT_FALSE(json["HostConfig"].contains("Mounts"));
}

TEST(ContainerView, HealthIsAnObjectInEveryRow) {
  ContainerSpec spec;
  spec.name = "web";
  Json without = container_summary(facts_of(spec), WallTime());
  EXPECT_EQ(without["Health"], Json({{"Status", "none"}, {"FailingStreak", 0}}));
  HealthState health;
  health.status = Health::Unhealthy;
  health.failing_streak = 4;
  ContainerFacts facts = facts_of(spec);
  facts.health = &health;
  EXPECT_EQ(container_summary(facts, WallTime())["Health"],
            Json({{"Status", "unhealthy"}, {"FailingStreak", 4}}));
}

TEST(ContainerView, NetworkMembersAtTheTopLeftIn152) {
  ContainerSpec spec;
  spec.name = "web";
  Json before = container_inspect(facts_of(spec), ContainerDetails(), 51)["NetworkSettings"];
  Json since = container_inspect(facts_of(spec), ContainerDetails(), 52)["NetworkSettings"];
  EXPECT_TRUE(before.contains("IPAddress"));
  EXPECT_FALSE(since.contains("IPAddress"));
}

TEST(ContainerView, PortsAreListedWithTheirBindings) {
  ContainerSpec spec;
  spec.name = "web";
  ContainerFacts facts = facts_of(spec);
  facts.ports["80/tcp"] = {{"0.0.0.0", 8080}, {"::", 8080}};
  facts.ports["443/tcp"] = {};
  Json rows = container_summary(facts, WallTime())["Ports"];
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0], Json({{"PrivatePort", 443}, {"Type", "tcp"}}));
  EXPECT_EQ(rows[1], Json({{"IP", "0.0.0.0"}, {"PrivatePort", 80}, {"PublicPort", 8080}, {"Type", "tcp"}}));
  Json map = container_inspect(facts, ContainerDetails(), 50)["NetworkSettings"]["Ports"];
  EXPECT_TRUE(map["443/tcp"].is_null());
  EXPECT_EQ(map["80/tcp"].size(), 2U);
}

}  // namespace
}  // namespace stack::docker
