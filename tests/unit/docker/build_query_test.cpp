#include "docker/build_query.h"

#include <gtest/gtest.h>

namespace stack::docker {
namespace {

TEST(BuildQuery, ReadsTheParametersOfClients) {
  auto query = read_build_query({{"t", "shop/web:1"},
                                 {"t", "shop/web:latest"},
                                 {"dockerfile", "docker/Dockerfile"},
                                 {"buildargs", R"({"A":"b","C":null})"},
                                 {"labels", R"({"l":"v"})"},
                                 {"nocache", "1"},
                                 {"q", "true"},
                                 {"pull", "0"},
                                 {"extrahosts", "db:10.0.0.1"},
                                 {"shmsize", "1048576"},
                                 {"networkmode", "none"},
                                 {"target", "final"},
                                 {"version", "1"},
                                 {"rm", "1"},
                                 {"cpuquota", "0"}});
  ASSERT_TRUE(query) << query.error().text();
  EXPECT_EQ(query->tags, (std::vector<std::string>{"shop/web:1", "shop/web:latest"}));
  EXPECT_EQ(query->dockerfile, "docker/Dockerfile");
  EXPECT_EQ(query->args.at("A"), "b");
  EXPECT_EQ(query->args.at("C"), std::nullopt);
  EXPECT_EQ(query->labels.at("l"), "v");
  EXPECT_TRUE(query->no_cache);
  EXPECT_TRUE(query->quiet);
  EXPECT_FALSE(query->pull);
  EXPECT_EQ(query->extra_hosts, std::vector<std::string>{"db:10.0.0.1"});
  EXPECT_EQ(query->shm_size, 1048576);
  EXPECT_EQ(query->network_mode, "none");
  EXPECT_EQ(query->target, "final");
}

TEST(BuildQuery, FirstValueOfANameWins) {
  auto query =
      read_build_query({{"dockerfile", ".dockerfile.1"}, {"dockerfile", "FROM x"}, {"t", "a"}, {"t", "b"}});
  ASSERT_TRUE(query) << query.error().text();
  EXPECT_EQ(query->dockerfile, ".dockerfile.1");
  EXPECT_EQ(query->tags, (std::vector<std::string>{"a", "b"}));
}

TEST(BuildQuery, ABuildkitSessionIsNamedWithItsOutputs) {
  Result<BuildQuery> query = read_build_query({{"version", "2"},
                                               {"session", "s"},
                                               {"buildid", "b"},
                                               {"outputs", R"([{"Type":"local","Attrs":{"dest":"out"}}])"}});
  ASSERT_TRUE(query) << query.error().text();
  EXPECT_EQ(query->version, 2);
  EXPECT_EQ(query->session + query->build_id, "sb");
  ASSERT_EQ(query->outputs.size(), 1U);
  EXPECT_EQ(query->outputs[0].attributes.at("dest"), "out");
}

TEST(BuildQuery, WhatCannotBeDoneIsRefused) {
  EXPECT_EQ(read_build_query({{"version", "3"}}).error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(read_build_query({{"squash", "1"}}).error().kind(), ErrorKind::Unsupported);
  EXPECT_EQ(read_build_query({{"outputs", R"([{"Type":"tar"}])"}}).error().kind(), ErrorKind::Unsupported);
  EXPECT_TRUE(read_build_query({{"squash", "0"}}));
  EXPECT_EQ(read_build_query({{"buildargs", "[1]"}}).error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(read_build_query({{"buildargs", "{\"a\":1}"}}).error().text(), "buildargs.a: must be a string");
  EXPECT_EQ(read_build_query({{"labels", "x"}}).error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(read_build_query({{"shmsize", "64m"}}).error().kind(), ErrorKind::Invalid);
}

}  // namespace
}  // namespace stack::docker
