// Files with the services at the top level, as docker-compose 1.x read them.
#include "tests/unit/compose/fixture.h"

namespace stack::compose {
namespace {

class VersionOneTest : public ComposeTest {
 protected:
  VersionOneTest() { options.version_one = true; }
};

TEST_F(VersionOneTest, ServicesAtTheTopLevelAreReadWithAWarning) {
  Project read = project("web:\n  image: a\n  links: [db]\ndb:\n  image: b\nx-note: c\n");
  ASSERT_EQ(read.services.size(), 2U);
  EXPECT_EQ(read.services["web"].links, (StringList{"db"}));
  EXPECT_TRUE(read.services["web"].depends_on.contains("db"));
  EXPECT_EQ(
      warnings,
      "compose.yaml:1: warning: the file has Compose's version 1 format, with the services at the top level\n"
      "  put the services under a top-level key services\n");
}

TEST_F(VersionOneTest, IsAnErrorUnlessAskedFor) {
  options.version_one = false;
  EXPECT_EQ(errors("web:\n  image: a\n"), "compose.yaml:1:1: unknown key \"web\" at the top level\n");
}

TEST_F(VersionOneTest, FormerSpellingsBecomeThePresentOnes) {
  Project read = project(
      "web:\n  build: .\n  dockerfile: Other\n  net: host\n  log_driver: none\n"
      "db:\n  image: b\n  log_driver: json-file\n  log_opt: {max-size: 10m}\n  volume_driver: local\n");
  ASSERT_TRUE(read.services["web"].build);
  EXPECT_EQ(read.services["web"].build->dockerfile, "Other");
  EXPECT_EQ(read.services["web"].network_mode, "host");
  EXPECT_EQ(read.services["web"].logging->driver, "none");
  EXPECT_EQ(read.services["db"].logging->options.at("max-size"), "10m");
}

TEST_F(VersionOneTest, NamesMeanServicesFirstAndOtherContainersOtherwise) {
  Project read = project(
      "web:\n  image: a\n  net: \"container:db\"\n  volumes_from: [db, \"other:ro\"]\n"
      "db:\n  image: b\n  net: \"container:elsewhere\"\n");
  EXPECT_EQ(read.services["web"].network_mode, "service:db");
  EXPECT_EQ(read.services["db"].network_mode, "container:elsewhere");
  EXPECT_EQ(read.services["web"].volumes_from, (StringList{"db", "container:other:ro"}));
}

TEST_F(VersionOneTest, NamedVolumesBelongToNoProject) {
  Project read = project("web:\n  image: a\n  volumes: [\"data:/d\", \"./x:/x\", /anonymous]\n");
  ASSERT_EQ(read.volumes.size(), 1U);
  EXPECT_EQ(read.volumes["data"].name, "data");
}

TEST_F(VersionOneTest, OverridesAndExtendedFilesMayBeOfVersionOneToo) {
  options.files = {"compose.yaml", "over.yaml"};
  write("base.yaml", "base:\n  image: a\n  net: host\n");
  write("over.yaml", "web:\n  command: \"true\"\n");
  Project read = project("web:\n  extends: {file: base.yaml, service: base}\n");
  EXPECT_EQ(read.services["web"].image, "a");
  EXPECT_EQ(read.services["web"].network_mode, "host");
  EXPECT_EQ(read.services["web"].command, (StringList{"true"}));
}

TEST_F(VersionOneTest, DefaultNamesHaveUnderscores) {
  Project read = project("web:\n  build: .\n");
  EXPECT_EQ(image_name(read, read.services["web"]), "p_web");
  EXPECT_EQ(project_from_json(project_to_json(read))->separator, "_");
  EXPECT_EQ(project("services: {web: {build: .}}\n").separator, "-");
  options.compatibility = true;
  EXPECT_EQ(project("services: {web: {build: .}}\n").separator, "_");
}

TEST_F(VersionOneTest, MistakesAreReportedAtTheirPlace) {
  EXPECT_EQ(errors("web: oops\n"), "compose.yaml:1:6: services.web: expected a mapping, found \"oops\"\n");
  EXPECT_EQ(errors("web:\n  image: a\n  volume_driver: nfs\n"),
            "compose.yaml:3:18: volume_driver is not supported\n"
            "  declare the volume and its driver under the top-level key volumes\n");
  EXPECT_EQ(errors("web:\n  image: a\n  imge: b\n").substr(0, 16), "compose.yaml:3:3");
}

}  // namespace
}  // namespace stack::compose
