#include "model/image_reference.h"

#include <gtest/gtest.h>

namespace stack::images {
namespace {

std::string full(std::string_view text) {
  Result<Reference> reference = parse_reference(text);
  return reference ? reference->full() : "error: " + reference.error().text();
}

std::string familiar(std::string_view text) {
  Result<Reference> reference = parse_reference(text);
  return reference ? reference->familiar() : "error: " + reference.error().text();
}

const std::string kHex(64, 'a');

TEST(Reference, ShortNamesMeanTheLibraryOnDockerHub) {
  EXPECT_EQ(full("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(full("debian:bookworm-slim"), "docker.io/library/debian:bookworm-slim");
  EXPECT_EQ(full("me/app"), "docker.io/me/app:latest");
  EXPECT_EQ(full("index.docker.io/nginx"), "docker.io/library/nginx:latest");
  EXPECT_EQ(full("docker.io/library/nginx:1"), "docker.io/library/nginx:1");
}

TEST(Reference, FirstComponentIsADomainOnlyIfItLooksLikeOne) {
  EXPECT_EQ(full("localhost/app"), "localhost/app:latest");
  EXPECT_EQ(full("localhost:5000/app:x"), "localhost:5000/app:x");
  EXPECT_EQ(full("ghcr.io/a/b/c"), "ghcr.io/a/b/c:latest");
  EXPECT_EQ(full("[2001:db8::1]:5000/a"), "[2001:db8::1]:5000/a:latest");
  EXPECT_EQ(full("Host/app"), "Host/app:latest");
  EXPECT_EQ(full("a_b/c"), "docker.io/a_b/c:latest");
}

TEST(Reference, DigestMayBeAloneOrWithATag) {
  EXPECT_EQ(full("a@sha256:" + kHex), "docker.io/library/a@sha256:" + kHex);
  EXPECT_EQ(full("a:1@sha256:" + kHex), "docker.io/library/a:1@sha256:" + kHex);
  EXPECT_EQ(familiar("a:1@sha256:" + kHex), "a:1@sha256:" + kHex);
}

TEST(Reference, FamiliarFormOmitsTheDefaultRegistry) {
  EXPECT_EQ(familiar("docker.io/library/debian"), "debian:latest");
  EXPECT_EQ(familiar("docker.io/me/app:2"), "me/app:2");
  EXPECT_EQ(familiar("quay.io/library/x"), "quay.io/library/x:latest");
}

TEST(Reference, InvalidNamesAreRejected) {
  for (std::string bad :
       {"", "Debian", "a//b", "a/", "-a", "a-", "a..b", "a___b", "a:", "a:-x", "a@sha256:12", "a b", "a:b:c",
        "a@", "../a", "a/../b", "http://a/b", "a@sha256:../../x"})
    EXPECT_TRUE(full(bad).starts_with("error: ")) << bad << " -> " << full(bad);
  EXPECT_EQ(full("Debian"),
            "error: invalid reference format: repository name (library/Debian) must be lowercase");
  EXPECT_TRUE(full(kHex).starts_with("error: ")) << "64 hexadecimal digits are an image id";
  EXPECT_TRUE(full(std::string(256, 'a')).starts_with("error: "));
  EXPECT_FALSE(full(std::string(247, 'a')).starts_with("error: "));
}

TEST(Reference, SeparatorsInsideComponents) {
  for (std::string good : {"a.b", "a_b", "a__b", "a-b", "a---b", "a0/b1"})
    EXPECT_FALSE(full(good).starts_with("error"));
  EXPECT_EQ(full("a:" + std::string(128, 'x')), "docker.io/library/a:" + std::string(128, 'x'));
  EXPECT_TRUE(full("a:" + std::string(129, 'x')).starts_with("error"));
}

TEST(Reference, Sha256DigestsAreCheckedBeforeTheyBecomePaths) {
  EXPECT_TRUE(is_sha256_digest("sha256:" + kHex));
  EXPECT_FALSE(is_sha256_digest("sha256:" + kHex + "a"));
  EXPECT_FALSE(is_sha256_digest("sha256:../" + kHex.substr(3)));
  EXPECT_FALSE(is_sha256_digest("sha256:" + std::string(64, 'A')));
}

}  // namespace
}  // namespace stack::images
