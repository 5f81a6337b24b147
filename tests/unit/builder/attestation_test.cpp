#include <gtest/gtest.h>

#include "images/builder/attest/attestation.h"
#include "images/builder/attest/package_list.h"
#include "images/builder/attest/provenance.h"

namespace stack::builder {
namespace {

using Kind = AttestationRequest::Kind;

TEST(Attestation, FlagsAreReadLikeInBuildx) {
  EXPECT_TRUE((*parse_attestation(Kind::Provenance, "true")).has_value());
  EXPECT_TRUE((*parse_attestation(Kind::Provenance, "mode=max"))->maximal);
  EXPECT_TRUE((*parse_attestation(Kind::Provenance, "mode=max,version=v0.2"))->old_version);
  EXPECT_EQ((*parse_attestation("type=provenance,builder-id=https://ci.test/1"))->builder_id,
            "https://ci.test/1");
  EXPECT_EQ((*parse_attestation("type=sbom"))->kind, Kind::Sbom);
  for (const char* none : {"", "false", "0", "disabled=true", "mode=min,disabled=true"})
    EXPECT_FALSE((*parse_attestation(Kind::Provenance, none)).has_value()) << none;
}

TEST(Attestation, UnknownOptionsAreRejected) {
  for (const char* bad :
       {"type=signature", "mode=max", "type=provenance,mode=most", "type=provenance,color=red",
        "type=provenance,version=v3", "type=sbom,mode=max", "type=sbom,disabled=perhaps"})
    EXPECT_FALSE(parse_attestation(bad)) << bad;
  Result<std::optional<AttestationRequest>> generator = parse_attestation("type=sbom,generator=scanner:1");
  ASSERT_FALSE(generator);
  EXPECT_EQ(generator.error().kind(), ErrorKind::Unsupported);
}

TEST(Attestation, LaterRequestsReplaceEarlierOnes) {
  std::vector<AttestationRequest> list;
  ASSERT_TRUE(add_attestations(list, {"type=provenance", "type=sbom", "type=provenance,mode=max"}));
  ASSERT_EQ(list.size(), 2u);
  ASSERT_TRUE(add_attestations(list, {"type=provenance,disabled=true"}));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].kind, Kind::Sbom);
}

TEST(Attestation, MinimalProvenanceHasNoArgumentsAndNoSecretEverHasItsValue) {
  BuildFacts facts;
  facts.file_name = "Dockerfile";
  facts.options = {{"build-arg:TOKEN", "argument-value"}, {"label:a", "label-value"}, {"target", "web"}};
  facts.secrets = {"npm"};
  facts.dockerfile = "FROM base";
  facts.materials = {{"pkg:docker/base@1", "sha256", std::string(64, 'a')},
                     {"pkg:docker/base@1", "sha256", std::string(64, 'a')}};
  for (bool old : {false, true}) {
    AttestationRequest request;
    request.old_version = old;
    std::string minimal = to_text(provenance(facts, request));
    for (const char* hidden : {"argument-value", "label-value", "npm", "FROM base"})
      EXPECT_EQ(minimal.find(hidden), std::string::npos) << minimal;
    EXPECT_NE(minimal.find("\"target\":\"web\""), std::string::npos) << minimal;
    EXPECT_EQ(minimal.find("pkg:docker/base"), minimal.rfind("pkg:docker/base")) << minimal;
    request.maximal = true;
    std::string maximal = to_text(provenance(facts, request));
    for (const char* shown : {"argument-value", "label-value", "npm", "FROM base"})
      EXPECT_NE(maximal.find(shown), std::string::npos) << maximal;
  }
}

TEST(Attestation, AddressesLoseTheirCredentials) {
  EXPECT_EQ(without_credentials("https://me:secret@host/a.git#main"), "https://host/a.git#main");
  EXPECT_EQ(without_credentials("https://token@host"), "https://host");
  EXPECT_EQ(without_credentials("https://host/x@y"), "https://host/x@y");
  EXPECT_EQ(without_credentials("git@host:a/b"), "git@host:a/b");
}

TEST(PackageList, DpkgStatusListsInstalledPackages) {
  std::vector<InstalledPackage> found = parse_dpkg_status(
      "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nSource: bash-src (5.2)\nVersion: "
      "5.2-1+b1\n"
      "Description: a shell\n Package: fake\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: half\nStatus: install ok half-installed\nVersion: 1\n\n"
      "Package: tzdata\nVersion: 2024a-0\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "bash");
  EXPECT_EQ(package_purl(found[0], {"debian", "12"}),
            "pkg:deb/debian/bash@5.2-1%2Bb1?arch=amd64&distro=debian-12&upstream=bash-src");
  EXPECT_EQ(found[1].name, "tzdata");  // a distroless image states no status
}

TEST(PackageList, ApkDatabaseListsPackages) {
  std::vector<InstalledPackage> found = parse_apk_installed(
      "C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld-musl.so\nP:fake\n\nP:zlib\nV:1.3\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].license, "MIT");
  EXPECT_EQ(package_purl(found[0], parse_os_release("ID=alpine\nVERSION_ID=\"3.19\"\n")),
            "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19");
  EXPECT_EQ(found[1].version, "1.3");
}

TEST(PackageList, DamagedDatabasesGiveWhatIsReadable) {
  for (const char* text :
       {"", "\n\n\n", ":", "Package:", "Package: \n", " continuation\n", "P:\n", "P", "no colon\n\n"}) {
    EXPECT_TRUE(parse_dpkg_status(text).empty()) << text;
    EXPECT_TRUE(parse_apk_installed(text).empty()) << text;
  }
}

}  // namespace
}  // namespace stack::builder
