#include "images/source/apt_sources.h"

#include <gtest/gtest.h>

#include "images/source/bootstrap.h"

namespace stack::images {
namespace {

TEST(AptSources, OneLineFormat) {
  std::vector<AptSource> sources = parse_one_line_sources(
      "# deb http://no/debian bookworm main\n"
      "deb-src http://a/debian bookworm main\n"
      "deb [arch=amd64 signed-by=/k.gpg] http://a/debian/ bookworm main contrib # x\n"
      "deb http://b/debian\n");
  ASSERT_EQ(sources.size(), 1u);
  EXPECT_EQ(sources[0].uri, "http://a/debian");
  EXPECT_EQ(sources[0].suite, "bookworm");
  EXPECT_EQ(sources[0].signed_by, "/k.gpg");
  EXPECT_EQ(sources[0].components, (std::vector<std::string>{"main", "contrib"}));
}

TEST(AptSources, Deb822Format) {
  std::vector<AptSource> sources = parse_deb822_sources(
      "Types: deb deb-src\n# comment\nURIs: http://a/debian\nSuites: bookworm bookworm-updates\nComponents: "
      "main\n"
      "Signed-By:\n -----BEGIN PGP\n abc\n\n"
      "Types: deb-src\nURIs: http://b/\nSuites: x\nComponents: main\n\n"
      "Enabled: no\nTypes: deb\nURIs: http://c/\nSuites: y\nComponents: main\n");
  ASSERT_EQ(sources.size(), 2u);
  EXPECT_EQ(sources[1].suite, "bookworm-updates");
  EXPECT_EQ(sources[0].signed_by, "") << "a key inside the stanza is no path";
}

TEST(AptSources, OnlyDebianArchivesOverHttpServeASuite) {
  std::vector<AptSource> sources = {{"https://vendor.example/apt", "bookworm", {"main"}, ""},
                                    {"file:/srv/debian", "bookworm", {"main"}, ""},
                                    {"http://m/debian", "bookworm", {"contrib"}, ""},
                                    {"http://m/debian", "bookworm", {"main"}, ""}};
  EXPECT_EQ(find_apt_source(sources, "bookworm")->uri, "http://m/debian");
  EXPECT_FALSE(find_apt_source(sources, "trixie"));
}

std::string suite(std::string_view name) {
  std::optional<BootstrapSuite> found = bootstrap_suite(*parse_reference(name));
  return found ? found->suite + " " + found->canonical : "none";
}

TEST(BootstrapSuite, NumbersNamesAndSlimMeanTheSameBase) {
  for (std::string_view name :
       {"debian:bookworm-slim", "debian:12", "debian:bookworm", "debian:12-slim", "debian:12.11"})
    EXPECT_EQ(suite(name), "bookworm debian:bookworm-slim") << name;
  EXPECT_EQ(suite("debian:13"), "trixie debian:trixie-slim");
  EXPECT_EQ(suite("debian:unstable"), "sid debian:sid-slim");
  EXPECT_NE(suite("debian"), "none");
  EXPECT_NE(suite("debian:stable-slim"), "none");
}

TEST(BootstrapSuite, UbuntuHasItsOwnReleases) {
  for (std::string_view name : {"ubuntu", "ubuntu:24.04", "ubuntu:noble"})
    EXPECT_EQ(suite(name), "noble ubuntu:noble") << name;
  EXPECT_EQ(suite("ubuntu:22.04"), "jammy ubuntu:jammy");
}

TEST(BootstrapSuite, OtherImagesAreNotBootstrapped) {
  for (std::string_view name :
       {"ubuntu:9.04", "me/ubuntu:24.04", "me/debian:12", "localhost:5000/library/debian:12",
        "debian:nonsense", "debian:14.9", "alpine"})
    EXPECT_EQ(suite(name), "none") << name;
}

}  // namespace
}  // namespace stack::images
