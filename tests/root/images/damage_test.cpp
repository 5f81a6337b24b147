// A damaged store opens, reports and keeps damaged objects, and is repaired when the image is created again.
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <new>
#include <vector>

#include "base/identity.h"
#include "base/json.h"
#include "fixture.h"
#include "images/archive/image_archive.h"

namespace stack::images {
namespace {

class Damage : public builder::StoreTest {
 protected:
  Image make(const std::string& content, const std::string& tag) {
    std::string dir = top.path() + "/rootfs";
    EXPECT_TRUE(remove_tree(dir));
    EXPECT_TRUE(ensure_directory(dir));
    EXPECT_TRUE(write_file(dir + "/f", content));
    Result<Image> image = import_path(*store, dir, {}, {ref(tag)});
    EXPECT_TRUE(image) << image.error().text();
    return image ? *image : Image{};
  }
  std::string blob(const std::string& digest) const { return root + "/blobs/sha256/" + digest.substr(7); }
  void flip_byte(const std::string& path) {
    std::string bytes = *read_file(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(write_file(path, bytes));
  }
  std::string damage_text() const {
    std::string out;
    for (const DamagedItem& item : store->damaged()) out += item.name + ": " + item.reason + "\n";
    return out;
  }
};

TEST_F(Damage, FlippedByteInAConfigurationIsReportedAndNothingIsLost) {
  Image image = make("1", "app:1");
  Image other = make("2", "other:1");
  store.reset();
  flip_byte(blob(image.id));
  open();
  EXPECT_TRUE(store->find("other:1"));
  EXPECT_FALSE(store->find("app:1"));
  EXPECT_EQ(damage_text(), "image app:1: configuration: blob " + image.id + " does not match its digest\n");
  std::string error = store->resolve("app:1").error().text();
  EXPECT_NE(error.find("app:1 is damaged"), std::string::npos) << error;
  // Neither the removal of another image nor a restart deletes its objects.
  ASSERT_TRUE(store->remove("other:1", false, {}));
  ASSERT_TRUE(store->collect_garbage());
  ASSERT_TRUE(store->prune({true, {}}, {}));
  open();
  EXPECT_TRUE(path_exists(image.layer_dirs[0]));
  EXPECT_EQ(store->damaged().size(), 1u);
}

TEST_F(Damage, RecreatingTheImageRepairsIt) {
  Image image = make("1", "app:1");
  store.reset();
  flip_byte(blob(image.id));
  open();
  Result<Image> again = store->create_image_from(image.config_json, {ref("app:1")});
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(damage_text(), "");
  open();
  EXPECT_EQ(damage_text(), "");
  EXPECT_EQ(store->resolve("app:1")->id, image.id);
}

TEST_F(Damage, NewImageUnderTheNameRepairsTheName) {
  Image image = make("1", "app:1");
  store.reset();
  flip_byte(blob(image.manifest_digest));
  open();
  EXPECT_NE(damage_text(), "");
  Image next = make("2", "app:1");
  EXPECT_EQ(damage_text(), "");
  EXPECT_EQ(store->resolve("app:1")->id, next.id);
}

TEST_F(Damage, DamagedImageCanBeRemoved) {
  Image image = make("1", "app:1");
  store.reset();
  flip_byte(blob(image.id));
  open();
  Result<RemovedImages> removed = store->remove("app:1", false, {});
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_EQ(removed->untagged, std::vector<std::string>{"app:1"});
  EXPECT_EQ(damage_text(), "");
  EXPECT_FALSE(path_exists(image.layer_dirs[0]));
}

TEST_F(Damage, TruncatedIndexIsRestoredFromItsCopy) {
  Image image = make("1", "app:1");
  store.reset();
  std::string index = *read_file(root + "/index.json");
  ASSERT_TRUE(write_file(root + "/index.json", index.substr(0, index.size() / 2)));
  open();
  EXPECT_EQ(store->resolve("app:1")->id, image.id);
  ASSERT_EQ(store->damaged().size(), 1u);
  EXPECT_NE(damage_text().find("/quarantine/index.json-"), std::string::npos) << damage_text();
  ASSERT_TRUE(store->prune({}, {}));
  EXPECT_EQ(damage_text(), "");
}

// A power loss leaves a file empty whose contents have no place on the disk yet.
TEST_F(Damage, FirstIndexIsOnTheDiskBeforeTheStoreIsUsed) {
  Result<Fd> file = open_file(root + "/index.json", O_RDONLY);
  ASSERT_TRUE(file) << file.error().text();
  std::vector<uint64_t> buffer((sizeof(fiemap) + sizeof(fiemap_extent)) / sizeof(uint64_t));
  auto* places = new (buffer.data()) fiemap{};
  places->fm_length = FIEMAP_MAX_OFFSET;
  places->fm_extent_count = 1;
  if (::ioctl(file->get(), FS_IOC_FIEMAP, places) != 0)
    GTEST_SKIP() << "the file system does not show where files are";
  ASSERT_EQ(places->fm_mapped_extents, 1u);
  EXPECT_EQ(places->fm_extents[0].fe_flags & FIEMAP_EXTENT_DELALLOC, 0u);
}

TEST_F(Damage, ImagesAreFoundByTheirManifestsIfBothIndexesAreLost) {
  Image image = make("1", "app:1");
  store.reset();
  ASSERT_TRUE(write_file(root + "/index.json", ""));
  ASSERT_TRUE(write_file(root + "/index.backup.json", "[1"));
  open();
  Result<Image> found = store->resolve(image.id);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_TRUE(found->repo_tags.empty());
}

TEST_F(Damage, UnknownEntriesAreKeptUnchanged) {
  Image image = make("1", "app:1");
  store.reset();
  Json index = *parse_json(*read_file(root + "/index.json"));
  for (Json entry :
       {Json(1), Json::array(), Json{{"digest", "md5:1"}}, Json{{"digest", 5}, {"annotations", 7}}})
    index["manifests"].push_back(entry);
  ASSERT_TRUE(write_file(root + "/index.json", to_text(index)));
  open();
  EXPECT_TRUE(store->find("app:1"));
  EXPECT_EQ(store->damaged().size(), 4u);
  make("2", "other:1");
  open();
  EXPECT_EQ(store->damaged().size(), 4u);
}

TEST_F(Damage, LostLayerDescriptionIsRecreated) {
  Image image = make("1", "app:1");
  store.reset();
  ASSERT_TRUE(write_file(image.layer_dirs[0] + ".json", "{"));
  open();
  EXPECT_EQ(store->resolve("app:1")->size, 1);
  EXPECT_EQ(damage_text(), "");
}

TEST_F(Damage, LayerWithAWrongDigestIsQuarantined) {
  Image image = make("1", "app:1");
  store.reset();
  ASSERT_TRUE(write_file(image.layer_dirs[0] + ".json", "{"));
  ASSERT_TRUE(write_file(image.layer_dirs[0] + "/f", "changed"));
  open();
  EXPECT_FALSE(store->find("app:1"));
  EXPECT_NE(damage_text().find("layer " + image.document.diff_ids[0] + " is missing"), std::string::npos);
  EXPECT_NE(damage_text().find("/quarantine/" + image.document.diff_ids[0].substr(7)), std::string::npos);
}

}  // namespace
}  // namespace stack::images
