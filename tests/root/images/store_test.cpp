#include "images/store/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/identity.h"
#include "base/json.h"
#include "fixture.h"
#include "images/archive/image_archive.h"

namespace stack::builder {
namespace {

using images::Image;

class Store : public StoreTest {
 protected:
  Image make(const std::string& content, const std::vector<std::string>& tags) {
    std::string dir = top.path() + "/rootfs";
    EXPECT_TRUE(remove_tree(dir));
    EXPECT_TRUE(ensure_directory(dir));
    EXPECT_TRUE(write_file(dir + "/f", content));
    std::vector<Reference> references;
    for (const std::string& tag : tags) references.push_back(ref(tag));
    Result<Image> image = images::import_path(*store, dir, {}, references);
    EXPECT_TRUE(image) << image.error().text();
    return image ? *image : Image{};
  }
  static images::ByteSink sink_of(int fd) {
    return [fd](std::string_view bytes) { return write_all(fd, bytes); };
  }
  std::string error(Result<images::RemovedImages> result) {
    return result ? "no error" : result.error().text();
  }
};

TEST_F(Store, ImagesAreFoundByNameIdAndPrefix) {
  Image image = make("1", {"app:1", "localhost:5000/x/app:2"});
  std::string hex = image.id.substr(7);
  for (std::string name : {"app:1", "docker.io/library/app:1", "localhost:5000/x/app:2"})
    EXPECT_EQ(store->resolve(name)->id, image.id) << name;
  for (std::string name : {image.id, hex, hex.substr(0, 12), "sha256:" + hex.substr(0, 6)})
    EXPECT_EQ(store->resolve(name)->id, image.id) << name;
  EXPECT_EQ(store->resolve("app@" + image.manifest_digest)->id, image.id);
  EXPECT_EQ(store->resolve("app").error().text(), "No such image: app:latest");
  EXPECT_EQ(store->resolve("app").error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(join(store->resolve(hex)->repo_tags, " "), "app:1 localhost:5000/x/app:2");
}

TEST_F(Store, ReopenedStoreHasEverything) {
  Image image = make("1", {"app"});
  open();
  std::optional<Image> again = store->find("app");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, image.id);
  EXPECT_EQ(*read_file(again->layer_dirs[0] + "/f"), "1");
  EXPECT_TRUE(store->notes().empty());
}

TEST_F(Store, OneProcessAtATime) {
  Result<std::unique_ptr<images::ImageStore>> second = images::ImageStore::open(root);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::Conflict);
}

TEST_F(Store, LayersAreInaccessibleToOtherUsers) {
  Image image = make("1", {"app"});
  struct stat info{};
  ASSERT_EQ(::stat(directory_name(image.layer_dirs[0]).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(Store, LeftoversOfACrashAreSweptAtOpen) {
  Image image = make("1", {"app"});
  ASSERT_TRUE(ensure_directory(root + "/staging/layer-x/fs/deep"));
  std::string half = root + "/layers/" + std::string(64, 'b');
  ASSERT_TRUE(ensure_directory(half));  // directory without its description
  ASSERT_TRUE(write_file(root + "/layers/" + std::string(64, 'c') + ".json", "{}"));  // and vice versa
  open();
  EXPECT_FALSE(path_exists(root + "/staging/layer-x"));
  EXPECT_FALSE(path_exists(half));
  EXPECT_FALSE(path_exists(root + "/layers/" + std::string(64, 'c') + ".json"));
  EXPECT_TRUE(store->find("app"));
}

TEST_F(Store, HalfWrittenFilesOfAKilledProcessAreSweptAtOpen) {
  Image image = make("1", {"app"});
  std::string hex(64, 'd');
  std::vector<std::string> swept = {"/index.json.aB3x9Z",
                                    "/index.backup.json.aB3x9Z",
                                    "/oci-layout.aB3x9Z",
                                    "/blobs/sha256/" + hex + ".aB3x9Z",
                                    "/layers/" + hex + ".json.aB3x9Z",
                                    "/layers/" + hex + ".packed.aB3x9Z"};
  std::vector<std::string> kept = {"/index.json.saved", "/notes.aB3x9Z", "/index.json.old"};
  for (const auto* names : {&swept, &kept})
    for (const std::string& name : *names) ASSERT_TRUE(write_file(root + name, "{"));
  // While the store is open, these files may belong to its process.
  EXPECT_FALSE(images::ImageStore::open(root));
  for (const std::string& name : swept) EXPECT_TRUE(path_exists(root + name)) << name;
  open();
  for (const std::string& name : swept) EXPECT_FALSE(path_exists(root + name)) << name;
  for (const std::string& name : kept) EXPECT_TRUE(path_exists(root + name)) << name;
  EXPECT_TRUE(store->find("app"));
}

TEST_F(Store, ImageWithoutItsLayerIsReported) {
  Image image = make("1", {"app"});
  make("2", {"other"});
  store.reset();
  ASSERT_TRUE(remove_tree(image.layer_dirs[0]));
  open();
  EXPECT_FALSE(store->find("app"));
  EXPECT_TRUE(store->find("other"));
  ASSERT_EQ(store->notes().size(), 1u);
  EXPECT_NE(store->notes()[0].find("is missing"), std::string::npos);
}

TEST_F(Store, LayerLostInAPowerCutIsDetected) {
  Image image = make("1", {"app"});
  store.reset();
  // Simulates a reboot: another boot ID, and a file that lost its content.
  ASSERT_TRUE(write_file(root + "/unsynced",
                         "00000000-0000-0000-0000-000000000000\n" + image.document.diff_ids[0] + "\n"));
  ASSERT_TRUE(write_file(image.layer_dirs[0] + "/f", ""));
  open();
  EXPECT_FALSE(store->find("app"));
  EXPECT_FALSE(path_exists(image.layer_dirs[0]));
}

TEST_F(Store, NewImageIsSyncedAutomatically) {
  Image image = make("1", {"app"});
  for (int i = 0; i < 500 && path_exists(root + "/unsynced"); ++i) ::usleep(20000);
  EXPECT_FALSE(path_exists(root + "/unsynced"));
}

TEST_F(Store, LocalLayersAreCompressedDeterministically) {
  Image image = make(std::string(3 << 20, 'x') + "end", {"app", "other"});
  images::StoredManifest plain = *store->manifest_of("app");
  EXPECT_EQ(plain.manifest.layers[0].media_type, images::kOciLayerType);
  images::StoredManifest packed = *store->pack("app", images::Compression::Gzip);
  const images::BlobDescriptor& blob = packed.manifest.layers[0];
  EXPECT_EQ(blob.media_type, std::string(images::kOciLayerType) + "+gzip");
  EXPECT_LT(blob.size, 100000);
  EXPECT_EQ(packed.manifest.config.digest, image.id);
  // The name refers to the pushed manifest, immediately and after a restart; the other name is unchanged.
  EXPECT_EQ(store->resolve("app")->repo_digests[0], "app@" + packed.descriptor.digest);
  EXPECT_EQ(store->manifest_of("other")->descriptor.digest, plain.descriptor.digest);
  EXPECT_EQ(store->pack("app", images::Compression::Gzip)->descriptor.digest, packed.descriptor.digest);
  std::string path = root + "/blobs/sha256/" + blob.digest.substr(7);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  open();
  EXPECT_EQ(store->pack("app", images::Compression::Gzip)->descriptor.digest, packed.descriptor.digest);
  EXPECT_TRUE(path_exists(path));
  EXPECT_EQ(store->pack("other", images::Compression::Gzip)->descriptor.digest, packed.descriptor.digest);
  // An independent reader confirms its digests.
  SpawnRequest unzip;
  unzip.program = "/bin/sh";
  unzip.args = {"-c", "gzip -dc " + path + " | sha256sum | cut -c1-64"};
  EXPECT_EQ(trim(run_captured(unzip)->output), image.document.diff_ids[0].substr(7));
  images::StoredManifest by_zstd = *store->pack(image.id, images::Compression::Zstd);
  EXPECT_EQ(by_zstd.manifest.layers[0].media_type,
            std::string(images::kOciLayerType) +
                (by_zstd.manifest.layers[0].digest == blob.digest ? "+gzip" : "+zstd"));
}

TEST_F(Store, PackedLayersAreRemovedWithTheirImage) {
  make("1", {"app"});
  images::StoredManifest packed = *store->pack("app", images::Compression::Zstd);
  std::string path = root + "/blobs/sha256/" + packed.manifest.layers[0].digest.substr(7);
  ASSERT_TRUE(store->collect_garbage());
  EXPECT_TRUE(path_exists(path));
  ASSERT_TRUE(store->remove("app", false, {}));
  ASSERT_TRUE(store->prune({}, {}));
  EXPECT_FALSE(path_exists(path));
  EXPECT_TRUE(store->list().empty());
}

TEST_F(Store, TagMovesAndTheFormerImageDangles) {
  Image first = make("1", {"app"});
  Image second = make("2", {"app"});
  EXPECT_EQ(store->resolve("app")->id, second.id);
  EXPECT_TRUE(store->resolve(first.id)->repo_tags.empty());
  Result<images::RemovedImages> pruned = store->prune({}, {});
  ASSERT_TRUE(pruned);
  EXPECT_EQ(pruned->deleted[0], first.id);
  EXPECT_FALSE(path_exists(first.layer_dirs[0]));
}

TEST_F(Store, RemovalIsRejectedLikeInDocker) {
  Image image = make("1", {"app:1"});
  std::string id = image.id.substr(7, 12);
  std::vector<images::ImageUser> stopped = {{image.id, std::string(64, 'c'), false}};
  std::vector<images::ImageUser> running = {{image.id, std::string(64, 'c'), true}};
  EXPECT_EQ(error(store->remove("app:1", false, stopped)),
            "conflict: unable to remove repository reference \"app:1\" (must force) - container cccccccccccc "
            "is using its "
            "referenced image " +
                id);
  EXPECT_EQ(error(store->remove(id, true, running)),
            "conflict: unable to delete " + id +
                " (cannot be forced) - image is being used by running container cccccccccccc");
  EXPECT_EQ(error(store->remove(id, false, stopped)),
            "conflict: unable to delete " + id +
                " (must be forced) - image is being used by stopped container cccccccccccc");
  ASSERT_TRUE(store->tag(image.id, ref("other:1")));
  EXPECT_EQ(error(store->remove(id, false, {})),
            "conflict: unable to delete " + id +
                " (must be forced) - image is referenced in multiple repositories");
  EXPECT_EQ(error(store->remove("nothing", false, {})), "No such image: nothing:latest");
  EXPECT_TRUE(store->find("app:1"));
}

TEST_F(Store, UntaggingOneOfTwoNamesKeepsTheImage) {
  Image image = make("1", {"app:1", "app:2"});
  Result<images::RemovedImages> removed = store->remove("app:1", false, {{image.id, "c", true}});
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_EQ(removed->untagged, std::vector<std::string>{"app:1"});
  EXPECT_TRUE(removed->deleted.empty());
  removed = store->remove(image.id, false, {});
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->untagged, std::vector<std::string>{"app:2"});
  EXPECT_FALSE(path_exists(image.layer_dirs[0]));
}

TEST_F(Store, PinnedLayersSurviveRemovals) {
  Image image = make("1", {"app"});
  std::vector<images::LayerPin> pins = *store->pin_layers(image);
  ASSERT_TRUE(store->remove("app", false, {}));
  EXPECT_TRUE(path_exists(image.layer_dirs[0]));
  pins.clear();
  ASSERT_TRUE(store->collect_garbage());
  EXPECT_FALSE(path_exists(image.layer_dirs[0]));
}

TEST_F(Store, EqualContentIsStoredOnce) {
  Image first = make("1", {"a"});
  images::ImageDocument document = first.document;
  document.config.cmd = {"x"};
  Result<Image> second = store->create_image(document, {ref("b")});
  ASSERT_TRUE(second);
  EXPECT_NE(second->id, first.id);
  EXPECT_EQ(second->layer_dirs, first.layer_dirs);
  ASSERT_TRUE(store->remove("a", false, {}));
  EXPECT_TRUE(path_exists(second->layer_dirs[0]));
}

TEST_F(Store, LayoutIsValidOci) {
  Image image = make("1", {"app:1"});
  ASSERT_TRUE(store->ensure_blobs(image));
  EXPECT_EQ((*parse_json(*read_file(root + "/oci-layout")))["imageLayoutVersion"], "1.0.0");
  Json index = *parse_json(*read_file(root + "/index.json"));
  ASSERT_EQ(index["manifests"].size(), 1u);
  Json descriptor = index["manifests"][0];
  EXPECT_EQ(descriptor["annotations"]["org.opencontainers.image.ref.name"], "app:1");
  auto blob = [&](const Json& item) {
    std::string digest = item["digest"];
    std::string bytes = *read_file(root + "/blobs/sha256/" + digest.substr(7));
    EXPECT_EQ("sha256:" + sha256_hex(bytes), digest);
    EXPECT_EQ(static_cast<int64_t>(bytes.size()), item["size"].get<int64_t>());
    return bytes;
  };
  Json manifest = *parse_json(blob(descriptor));
  EXPECT_EQ(blob(manifest["config"]), image.config_json);
  blob(manifest["layers"][0]);
}

TEST_F(Store, SavedImagesLoadElsewhereWithTheSameId) {
  Image image = make("1", {"app:1"});
  images::ImageDocument document = image.document;
  document.config.cmd = {"run"};
  Image other = *store->create_image(document, {ref("other:2")});
  std::string archive = top.path() + "/saved.tar";
  Fd out = *open_file(archive, O_RDWR | O_CREAT);
  Result<> saved = images::save_images(*store, {"app:1", "other:2"}, sink_of(out.get()));
  ASSERT_TRUE(saved) << saved.error().text();
  root = top.path() + "/elsewhere";
  open();
  ASSERT_EQ(::lseek(out.get(), 0, SEEK_SET), 0);
  Result<std::vector<Image>> loaded = images::load_images(*store, images::source_of(out.get()));
  ASSERT_TRUE(loaded) << loaded.error().text();
  ASSERT_EQ(loaded->size(), 2u);
  EXPECT_EQ(store->resolve("app:1")->id, image.id);
  EXPECT_EQ(store->resolve("other:2")->id, other.id);
  EXPECT_EQ(*read_file(store->resolve("app:1")->layer_dirs[0] + "/f"), "1");
}

TEST_F(Store, ArchiveWithAWrongLayerDigestIsRejected) {
  Image image = make("1", {"app:1"});
  std::string archive = top.path() + "/saved.tar";
  Fd out = *open_file(archive, O_RDWR | O_CREAT);
  ASSERT_TRUE(images::save_images(*store, {"app:1"}, sink_of(out.get())));
  std::string bytes = *read_file(archive);
  size_t content = bytes.find("1", 1024);
  ASSERT_NE(content, std::string::npos);
  // The file's one byte of content: first block of data after the inner header.
  size_t inner = bytes.find(std::string("f\0\0\0", 4), 512);
  ASSERT_NE(inner, std::string::npos);
  bytes[inner + 512] = '2';
  ASSERT_TRUE(write_file(archive, bytes));
  root = top.path() + "/elsewhere";
  open();
  Fd in = *open_file(archive, O_RDONLY);
  Result<std::vector<Image>> loaded = images::load_images(*store, images::source_of(in.get()));
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text().find("does not match its digest"), std::string::npos)
      << loaded.error().text();
  EXPECT_TRUE(store->list().empty());
}

TEST_F(Store, InspectHasDockersFormat) {
  Image image = make("1", {"app:1"});
  Json json = store->inspect_json(*store->resolve("app:1"));
  EXPECT_EQ(json["Id"], image.id);
  EXPECT_EQ(json["RepoTags"][0], "app:1");
  EXPECT_EQ(json["RepoDigests"][0], "app@" + image.manifest_digest);
  EXPECT_EQ(json["Os"], "linux");
  EXPECT_EQ(json["RootFS"]["Layers"][0], image.document.diff_ids[0]);
  EXPECT_EQ(json["Size"], 1);
  EXPECT_TRUE(json["Config"].contains("Entrypoint"));
  EXPECT_EQ(store->summary_json(image)["Containers"], -1);
  EXPECT_EQ(store->history_json(image)[0]["Id"], image.id);
}

TEST_F(Store, FailedWritesKeepTheOldState) {
  Image image = make("1", {"app"});
  // A directory at the target makes the rename of the temporary file fail, even for root.
  ASSERT_EQ(::rename((root + "/index.json").c_str(), (root + "/index.old").c_str()), 0);
  ASSERT_TRUE(ensure_directory(root + "/index.json/x"));
  EXPECT_FALSE(store->tag(image.id, ref("new")));
  EXPECT_FALSE(store->remove("app", false, {}));
  EXPECT_TRUE(store->find("app"));
  EXPECT_FALSE(store->find("new"));
  EXPECT_TRUE(path_exists(image.layer_dirs[0]));
  ASSERT_TRUE(remove_tree(root + "/index.json"));
  ASSERT_EQ(::rename((root + "/index.old").c_str(), (root + "/index.json").c_str()), 0);
}

}  // namespace
}  // namespace stack::builder
