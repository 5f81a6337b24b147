// kill -9 at random moments of receiving, tagging, removing, and pruning: the reopened store is correct and has no
// leftovers.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>

#include "base/directory.h"
#include "base/identity.h"
#include "base/json.h"
#include "fixture.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_tar.h"

namespace stack::images {
namespace {

struct Packed {
  std::string blob;
  std::string diff_id;
  std::string config;
  std::string manifest;
};

class Crash : public builder::StoreTest {
 protected:
  Packed pack(int number) {
    std::string dir = top.path() + "/tree";
    EXPECT_TRUE(remove_tree(dir));
    for (int i = 0; i < 40; ++i) {
      std::string folder = dir + "/d" + std::to_string(i % 5);
      EXPECT_TRUE(ensure_directory(folder));
      EXPECT_TRUE(write_file(folder + "/f" + std::to_string(i), random_hex(2000) + std::to_string(number)));
    }
    SpawnRequest request;
    request.program = "/bin/sh";
    request.args = {"-c", "cd " + dir + " && tar -cf ../t . && gzip -c ../t > ../t.gz"};
    EXPECT_TRUE(run_captured(std::move(request)));
    Packed out;
    out.blob = *read_file(top.path() + "/t.gz");
    out.diff_id = "sha256:" + sha256_hex(*read_file(top.path() + "/t"));
    ImageDocument document;
    document.architecture = host_architecture();
    document.diff_ids = {out.diff_id};
    out.config = to_json_text(document);
    out.manifest = to_text(Json{{"schemaVersion", 2},
                                {"config", to_json(BlobDescriptor{kOciConfigType, digest(out.config),
                                                                  static_cast<int64_t>(out.config.size())})},
                                {"layers", {to_json(descriptor(out))}}});
    return out;
  }
  static std::string digest(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }
  static BlobDescriptor descriptor(const Packed& image) {
    return {"application/vnd.oci.image.layer.v1.tar+gzip", digest(image.blob),
            static_cast<int64_t>(image.blob.size())};
  }

  static Result<> receive(ImageStore& into, const Packed& image, const Reference& name) {
    TRY_ASSIGN(BlobPin config, into.put_blob(digest(image.config), image.config));
    TRY_ASSIGN(BlobPin manifest, into.put_blob(digest(image.manifest), image.manifest));
    std::optional<IngestedLayer> layer = into.find_layer(descriptor(image), image.diff_id);
    if (!layer) {
      TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, into.begin_layer(descriptor(image), image.diff_id));
      for (auto at = static_cast<size_t>(ingest->offset()); at < image.blob.size(); at += 5000)
        TRY(ingest->write(std::string_view(image.blob).substr(at, 5000)));
      TRY_ASSIGN(layer, ingest->commit());
    }
    TRY_ASSIGN(Image made, into.add_image({digest(image.manifest), ""}, {name}));
    return {};
  }

  // Runs in the process that is killed.
  [[noreturn]] void work(const std::vector<Packed>& images) {
    Result<std::unique_ptr<ImageStore>> mine = ImageStore::open(root);
    if (!mine) ::_exit(3);
    for (int round = 0;; ++round) {
      const Packed& image = images[static_cast<size_t>(round) % images.size()];
      if (!receive(**mine, image, ref("app:" + std::to_string(round % 2)))) ::_exit(4);
      (void)(*mine)->tag(digest(image.config), ref("other"));
      if (round % 3 == 0) (void)(*mine)->remove("app:0", true, {});
      if (round % 4 == 0) (void)(*mine)->prune({}, {});
    }
  }

  // Every layer of an image matches its diff id.
  void check(const std::map<std::string, std::string>& own_digests) {
    EXPECT_TRUE(store->damaged().empty());
    EXPECT_TRUE(names_in(root + "/staging")->empty());
    for (const Image& image : store->list()) {
      Result<LayerDigest> found = digest_layer(image.layer_dirs.at(0));
      ASSERT_TRUE(found) << found.error().text();
      EXPECT_EQ(found->diff_id, own_digests.at(image.document.diff_ids[0]));
      EXPECT_TRUE(store->manifest_of(image.id));
    }
  }
};

TEST_F(Crash, StoreIsConsistentAfterAKillAtAnyMoment) {
  std::vector<Packed> images = {pack(1), pack(2), pack(3)};
  std::map<std::string, std::string> own_digests;
  for (const Packed& image : images) {
    ASSERT_TRUE(receive(*store, image, ref("reference")));
    own_digests[image.diff_id] = digest_layer(store->resolve("reference")->layer_dirs[0])->diff_id;
  }
  std::mt19937 random(20261130);  // NOLINT: the same moments in each run
  for (int round = 0; round < 25; ++round) {
    store.reset();
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(images);
    ::usleep(std::uniform_int_distribution<useconds_t>(1000, 120000)(random));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    open();
    check(own_digests);
    for (const Packed& image : images) {
      Result<> again = receive(*store, image, ref("again"));
      ASSERT_TRUE(again) << again.error().text();
    }
    check(own_digests);
  }
  ASSERT_TRUE(store->prune({true, {}}, {}));
  EXPECT_TRUE(names_in(root + "/layers")->empty());
  EXPECT_TRUE(names_in(root + "/blobs/sha256")->empty());
  EXPECT_TRUE(names_in(root + "/partial")->empty());
}

// A file system of a few megabytes: any write may fail.
TEST_F(Crash, FullDiskFailsTheRequestAndDamagesNothing) {
  std::string small = top.path() + "/small";
  ASSERT_TRUE(ensure_directory(small));
  Packed first = pack(1);
  for (int megabytes : {1, 2, 3}) {
    std::string options = "size=" + std::to_string(megabytes * 300) + "k";
    SpawnRequest request;
    request.program = "/bin/sh";
    request.args = {"-c", "mount -t tmpfs -o " + options + " tmpfs " + small};
    Result<CapturedRun> mounted = run_captured(std::move(request));
    if (!mounted || mounted->exit_code != 0) GTEST_SKIP() << "no mount possible here";
    store.reset();
    root = small + "/images";
    open();
    int stored = 0;
    for (int i = 0; i < 4; ++i) {
      Result<> done = receive(*store, i == 0 ? first : pack(i + 1), ref("app:" + std::to_string(i)));
      if (done) ++stored;
    }
    EXPECT_LT(stored, 4);
    EXPECT_EQ(static_cast<int>(store->list().size()), stored);
    open();
    EXPECT_EQ(static_cast<int>(store->list().size()), stored);
    // Operations that free space work on a full disk.
    Result<RemovedImages> pruned = store->prune({true, {}}, {});
    EXPECT_TRUE(pruned) << pruned.error().text();
    EXPECT_TRUE(receive(*store, first, ref("app:again")) || megabytes == 1);
    store.reset();
    request.program = "/bin/sh";
    request.args = {"-c", "umount " + small};
    EXPECT_TRUE(run_captured(std::move(request)));
  }
}

}  // namespace
}  // namespace stack::images
