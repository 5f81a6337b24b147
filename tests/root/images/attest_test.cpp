// Attestations of builds, as they are stored beside images.
#include <fcntl.h>

#include "base/directory.h"
#include "fixture.h"

namespace stack::builder {
namespace {

class Attest : public BuildTest {
 protected:
  Json document(const std::string& digest) {
    Result<std::string> text = store->read_blob(digest);
    EXPECT_TRUE(text) << digest;
    return text ? *parse_json(*text) : Json();
  }
  images::StoredManifest stored(const std::string& name = "app:1") { return *store->manifest_of(name); }
  // The statement of this type beside the image.
  Json statement(const std::string& type, const std::string& name = "app:1") {
    Json attestation = document(document(stored(name).index)["manifests"][1]["digest"].get<std::string>());
    for (const Json& layer : attestation["layers"])
      if (layer["annotations"]["in-toto.io/predicate-type"] == type)
        return document(layer["digest"].get<std::string>());
    return nullptr;
  }
  images::Image build_attested(const std::string& text, std::vector<std::string> attest,
                               const std::string& name = "app:1") {
    return build(text, [&](BuildRequest& r) {
      r.tags = {*parse_reference(name)};
      r.args["TOKEN"] = "argument-value";
      EXPECT_TRUE(add_attestations(r.attestations, attest));
    });
  }
  std::set<std::string> blobs() {
    std::vector<std::string> all = *names_in(root + "/blobs/sha256");
    return {all.begin(), all.end()};
  }
};

TEST_F(Attest, IndexHasTheImageAndAStatementAboutItsManifest) {
  import_base();
  images::Image image =
      build_attested("FROM base\nARG TOKEN\nRUN echo x > /x\n", {"type=provenance,mode=max"});
  images::StoredManifest found = stored();
  ASSERT_FALSE(found.index.empty());
  EXPECT_EQ(last.digest, found.index);
  Json index = document(found.index);
  ASSERT_EQ(index["manifests"].size(), 2u);
  EXPECT_EQ(index["manifests"][0]["digest"], found.descriptor.digest);
  EXPECT_EQ(index["manifests"][0]["platform"]["os"], "linux");
  const Json& entry = index["manifests"][1];
  EXPECT_EQ(entry["platform"]["os"], "unknown");
  EXPECT_EQ(entry["annotations"]["vnd.docker.reference.type"], "attestation-manifest");
  EXPECT_EQ(entry["annotations"]["vnd.docker.reference.digest"], found.descriptor.digest);
  Json provenance = statement("https://slsa.dev/provenance/v1");
  EXPECT_EQ(provenance["subject"][0]["digest"]["sha256"], found.descriptor.digest.substr(7));
  const Json& definition = provenance["predicate"]["buildDefinition"];
  EXPECT_EQ(definition["externalParameters"]["request"]["args"]["build-arg:TOKEN"], "argument-value");
  EXPECT_EQ(definition["resolvedDependencies"][0]["digest"]["sha256"],
            store->resolve("base")->manifest_digest.substr(7));
  EXPECT_EQ(definition["internalParameters"]["buildConfig"]["steps"][0]["instruction"], "RUN echo x > /x");
  // The layers are those that a push sends.
  EXPECT_NE(found.text.find("+gzip"), std::string::npos);
  EXPECT_EQ(store->pack("app:1", images::Compression::Gzip)->index, found.index);
  EXPECT_EQ(content(image, "x"), "x\n");
}

TEST_F(Attest, SbomListsThePackagesOrTheFiles) {
  file("status", "Package: shop\nStatus: install ok installed\nVersion: 1.2\nArchitecture: all\n");
  build_attested("FROM scratch\nCOPY status /var/lib/dpkg/status\n", {"type=sbom"});
  Json sbom = statement("https://spdx.dev/Document")["predicate"];
  EXPECT_EQ(sbom["spdxVersion"], "SPDX-2.3");
  ASSERT_EQ(sbom["packages"].size(), 2u);
  EXPECT_EQ(sbom["packages"][1]["externalRefs"][0]["referenceLocator"], "pkg:deb/debian/shop@1.2?arch=all");
  EXPECT_FALSE(sbom.contains("files"));
  file("data", "abc");
  build_attested("FROM scratch\nCOPY data /opt/data\n", {"type=sbom"}, "app:2");
  Json files = statement("https://spdx.dev/Document", "app:2")["predicate"]["files"];
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0]["fileName"], "/opt/data");
  EXPECT_EQ(files[0]["checksums"][0]["checksumValue"], "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST_F(Attest, StatementsLiveAsLongAsTheNameAndSurviveARestart) {
  import_base();
  std::set<std::string> before = blobs();
  const char* text = "FROM base\nRUN echo x > /x\n";
  build_attested(text, {"type=provenance", "type=sbom"});
  std::string first = stored().index;
  build_attested(text, {"type=provenance", "type=sbom"});
  EXPECT_NE(stored().index, first);  // another time
  EXPECT_FALSE(blobs().contains(first.substr(7))) << "the statements of the earlier build stay";
  std::string index = stored().index;
  builder.reset();
  open();
  make_builder();
  EXPECT_EQ(stored().index, index);
  ASSERT_TRUE(store->collect_garbage());
  std::optional<images::AttestedIndex> attested = store->attested_index(stored());
  ASSERT_TRUE(attested);
  ASSERT_TRUE(store->remove("app:1", false, {}));
  EXPECT_FALSE(blobs().contains(index.substr(7)));
  for (const images::AttestedIndex::Part& part : attested->attestations) {
    EXPECT_FALSE(blobs().contains(part.descriptor.digest.substr(7)));
    for (const images::BlobDescriptor& blob : part.manifest.layers)
      EXPECT_FALSE(blobs().contains(blob.digest.substr(7)));
  }
  ASSERT_TRUE(store->prune({}, {}));
  EXPECT_EQ(blobs(), before);
}

TEST_F(Attest, ArchivesCarryThem) {
  file("data", "abc");
  build_attested("FROM scratch\nCOPY data /data\n", {"type=provenance", "type=sbom"});
  std::string archive = top.path() + "/saved.tar";
  Fd out = *open_file(archive, O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(images::save_images(*store, {"app:1"},
                                  [&](std::string_view bytes) { return write_all(out.get(), bytes); }));
  std::string index = stored().index;
  builder.reset();
  root = top.path() + "/elsewhere";
  open();
  ::lseek(out.get(), 0, SEEK_SET);
  Result<std::vector<images::Image>> loaded = images::load_images(*store, images::source_of(out.get()));
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(stored().index, index);
  EXPECT_TRUE(store->attested_index(stored()));
}

TEST_F(Attest, AnImageWithoutANameCannotHaveThem) {
  Result<BuildResult> result = try_build("FROM scratch\nCOPY f /\n", [](BuildRequest& r) {
    EXPECT_TRUE(add_attestations(r.attestations, {"type=sbom"}));
  });
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().text().find("add a tag"), std::string::npos) << result.error().text();
}

}  // namespace
}  // namespace stack::builder
