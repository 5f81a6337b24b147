// The record of clusters with deployments, for `ls`.
#include "cli/session/known_clusters.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace stack::cli {
namespace {

class KnownClusters : public testing::Test {
 protected:
  KnownClusters()
      : directory_(std::move(*TemporaryDirectory::create("/tmp/known-clusters-test-"))),
        environment{{"HOME", directory_.path()}},
        session(Globals{}, environment, directory_.path()) {}

  static KnownCluster cluster(const std::string& name) {
    KnownCluster out;
    out.target = "kubernetes";
    out.place = "context " + name;
    out.options = {"--context", name};
    return out;
  }
  std::string file() const { return directory_.path() + "/.local/state/stack/clusters.json"; }

  TemporaryDirectory directory_;
  Environment environment;
  Session session;
};

TEST_F(KnownClusters, KeepAClusterAsLongAsItHasProjects) {
  EXPECT_TRUE(known_clusters(environment)->empty());
  remember_project(session, cluster("a"), "shop");
  remember_project(session, cluster("a"), "blog");
  remember_project(session, cluster("a"), "blog");
  remember_project(session, cluster("b"), "shop");
  auto known = known_clusters(environment);
  ASSERT_TRUE(known);
  ASSERT_EQ(known->size(), 2U);
  EXPECT_EQ((*known)[0].projects, (std::set<std::string>{"blog", "shop"}));
  EXPECT_EQ((*known)[1].options, (std::vector<std::string>{"--context", "b"}));
  forget_project(session, cluster("a"), "shop");
  forget_project(session, cluster("b"), "shop");
  known = known_clusters(environment);
  ASSERT_TRUE(known);
  ASSERT_EQ(known->size(), 1U);
  EXPECT_EQ((*known)[0].projects, std::set<std::string>{"blog"});
}

TEST_F(KnownClusters, AFileThatIsNotOursIsToldAndNotReplaced) {
  ASSERT_TRUE(ensure_directory(directory_name(file())));
  ASSERT_TRUE(write_file(file(), "not JSON"));
  auto known = known_clusters(environment);
  ASSERT_FALSE(known);
  EXPECT_NE(known.error().text().find("clusters.json"), std::string::npos) << known.error().text();
  remember_project(session, cluster("a"), "shop");
  EXPECT_EQ(read_file(file()).value(), "not JSON");
}

TEST_F(KnownClusters, OtherContentsOfTheFileAreIgnored) {
  ASSERT_TRUE(ensure_directory(directory_name(file())));
  for (const char* text :
       {"{}", "[1, null, \"x\"]", "[{\"projects\": 3, \"variables\": [], \"options\": {}}]"}) {
    ASSERT_TRUE(write_file(file(), text));
    EXPECT_TRUE(known_clusters(environment)) << text;
  }
}

}  // namespace
}  // namespace stack::cli
