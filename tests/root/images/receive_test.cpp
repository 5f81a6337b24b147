// Received images: a registry's blobs, and archives of other tools.
#include <fcntl.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/identity.h"
#include "base/json.h"
#include "fixture.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_stream.h"

namespace stack::images {
namespace {

std::string shell(const std::string& command) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", command};
  Result<CapturedRun> run = run_captured(std::move(request));
  EXPECT_TRUE(run && run->exit_code == 0) << command << "\n" << (run ? run->output : run.error().text());
  return run ? run->output : "";
}

bool has_program(const std::string& name) {
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"-c", "command -v " + name};
  Result<CapturedRun> run = run_captured(std::move(request));
  return run && run->exit_code == 0;
}

std::string digest_of(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

// An image in a registry: a layer compressed elsewhere, configuration, manifest, index.
struct RemoteImage {
  std::string blob;
  std::string diff_id;
  std::string config;
  std::string manifest;
  std::string index;
  BlobDescriptor layer() const {
    return {"application/vnd.oci.image.layer.v1.tar+gzip", digest_of(blob),
            static_cast<int64_t>(blob.size())};
  }
};

class Receive : public builder::StoreTest {
 protected:
  // Packs the tree at `dir` with GNU tar and `compress`.
  RemoteImage pack(const std::string& compress, const std::string& tar_options = ".") {
    RemoteImage image;
    shell("cd " + dir + " && tar -cf ../layer.tar " + tar_options + " && " + compress +
          " < ../layer.tar > ../layer.z");
    image.diff_id = digest_of(*read_file(top.path() + "/layer.tar"));
    image.blob = *read_file(top.path() + "/layer.z");
    ImageDocument document;
    document.architecture = host_architecture();
    document.diff_ids = {image.diff_id};
    image.config = to_json_text(document);
    image.manifest = to_text(Json{{"schemaVersion", 2},
                                  {"mediaType", kOciManifestType},
                                  {"config", to_json(BlobDescriptor{kOciConfigType, digest_of(image.config),
                                                                    int64_t(image.config.size())})},
                                  {"layers", {to_json(image.layer())}}});
    Json entry =
        to_json(BlobDescriptor{kOciManifestType, digest_of(image.manifest), int64_t(image.manifest.size())});
    Json other = entry;
    other["digest"] = "sha256:" + std::string(64, '7');
    other["platform"] = {{"architecture", "s390x"}, {"os", "linux"}};
    image.index =
        to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", {entry, other}}});
    return image;
  }

  Result<Image> receive(const RemoteImage& image, const std::string& name, size_t piece = 1000) {
    std::vector<BlobPin> pins;
    for (const std::string* text : {&image.config, &image.manifest, &image.index}) {
      TRY_ASSIGN(BlobPin pin, store->put_blob(digest_of(*text), *text));
      pins.push_back(std::move(pin));
    }
    std::optional<IngestedLayer> layer = store->find_layer(image.layer(), image.diff_id);
    if (!layer) {
      TRY_ASSIGN(std::unique_ptr<LayerIngest> ingest, store->begin_layer(image.layer(), image.diff_id));
      resumed_from = ingest->offset();
      for (size_t at = static_cast<size_t>(ingest->offset()); at < image.blob.size(); at += piece)
        TRY(ingest->write(std::string_view(image.blob).substr(at, piece)));
      TRY_ASSIGN(IngestedLayer made, ingest->commit());
      layer = std::move(made);
    }
    return store->add_image({digest_of(image.manifest), digest_of(image.index)}, {ref(name)});
  }

  void SetUp() override {
    StoreTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(ensure_directory(dir + "/a/b"));
    ASSERT_TRUE(write_file(dir + "/a/b/file", std::string(300000, 'x') + "end"));
    ASSERT_TRUE(write_file(dir + "/script", "#!/bin/sh\n"));
    ASSERT_EQ(::chmod((dir + "/script").c_str(), 04755), 0);
    ASSERT_EQ(::chown((dir + "/a/b").c_str(), 7, 8), 0);
  }

  std::string dir = top.path() + "/tree";
  int64_t resumed_from = 0;
};

TEST_F(Receive, ImageKeepsItsRegistryDigests) {
  for (const char* compress : {"gzip -c", "zstd -q -c", "cat"}) {
    RemoteImage image = pack(compress);
    std::string name = std::string("app:") + (compress[0] == 'g'   ? "gz"
                                              : compress[0] == 'z' ? "zst"
                                                                   : "plain");
    Result<Image> got = receive(image, name);
    ASSERT_TRUE(got) << compress << ": " << got.error().text();
    EXPECT_EQ(got->id, digest_of(image.config));
    EXPECT_EQ(*read_file(got->layer_dirs[0] + "/a/b/file"), *read_file(dir + "/a/b/file"));
    EXPECT_EQ(store->manifest_of(name)->text, image.manifest);
    EXPECT_EQ(store->manifest_of(name)->index, digest_of(image.index));
    std::string sent;
    Result<> written = store->write_layer_blob(image.layer(), **store->pin_layers(*got)->begin(),
                                               [&](std::string_view bytes) {
                                                 sent += bytes;
                                                 return Result<>();
                                               });
    ASSERT_TRUE(written) << written.error().text();
    EXPECT_EQ(sent, image.blob);
  }
  open();
  EXPECT_TRUE(store->damaged().empty());
  std::vector<std::string> digests = store->resolve("app:gz")->repo_digests;
  EXPECT_EQ(digests.size(), 3u);
  EXPECT_NE(std::find(digests.begin(), digests.end(), "app@" + store->manifest_of("app:gz")->index),
            digests.end());
}

TEST_F(Receive, ModesOwnersAndSetIdBitsArePreserved) {
  Result<Image> got = receive(pack("gzip -c"), "app");
  ASSERT_TRUE(got) << got.error().text();
  struct stat info{};
  ASSERT_EQ(::stat((got->layer_dirs[0] + "/script").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 04755u);
  ASSERT_EQ(::stat((got->layer_dirs[0] + "/a/b").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 7u);
  EXPECT_EQ(info.st_gid, 8u);
}

TEST_F(Receive, FilesInADirectoryOfAnotherGroupWithSetgidKeepTheirGroup) {
  ASSERT_EQ(::chown((dir + "/a").c_str(), 0, 50), 0);
  ASSERT_EQ(::chmod((dir + "/a").c_str(), 02775), 0);
  ASSERT_TRUE(write_file(dir + "/a/mine", "x"));
  ASSERT_EQ(::chown((dir + "/a/mine").c_str(), 0, 0), 0);
  Result<Image> got = receive(pack("gzip -c"), "app");
  ASSERT_TRUE(got) << got.error().text();
  struct stat info{};
  ASSERT_EQ(::stat((got->layer_dirs[0] + "/a/mine").c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, 0u);
}

TEST_F(Receive, InterruptedTransferIsResumedEvenByANewProcess) {
  RemoteImage image = pack("gzip -c");
  {
    auto ingest = store->begin_layer(image.layer(), image.diff_id);
    ASSERT_TRUE(ingest) << ingest.error().text();
    ASSERT_TRUE((*ingest)->write(std::string_view(image.blob).substr(0, 300)));
  }
  open();
  Result<Image> got = receive(image, "app");
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(resumed_from, 300);
  EXPECT_EQ(*read_file(got->layer_dirs[0] + "/a/b/file"), *read_file(dir + "/a/b/file"));
  EXPECT_TRUE(names_in(root + "/partial")->empty());
}

TEST_F(Receive, InvalidPartialBlobIsDropped) {
  RemoteImage image = pack("gzip -c");
  ASSERT_TRUE(
      write_file(root + "/partial/" + image.layer().digest.substr(7), image.blob.substr(0, 60) + "garbage"));
  Result<Image> got = receive(image, "app");
  if (!got) got = receive(image, "app");
  ASSERT_TRUE(got) << got.error().text();
}

TEST_F(Receive, ContentWithAWrongDigestIsNeverStored) {
  RemoteImage image = pack("gzip -c");
  RemoteImage wrong_bytes = image;
  wrong_bytes.blob.back() = static_cast<char>(wrong_bytes.blob.back() ^ 1);
  auto ingest = store->begin_layer(image.layer(), image.diff_id);
  (void)(*ingest)->write(wrong_bytes.blob);
  EXPECT_FALSE((*ingest)->commit());
  ingest = tl::unexpected(Error(""));
  RemoteImage wrong_diff = image;
  wrong_diff.diff_id = "sha256:" + std::string(64, 'a');
  EXPECT_FALSE(receive(wrong_diff, "app"));
  EXPECT_FALSE(store->put_blob("sha256:" + std::string(64, 'a'), "x"));
  EXPECT_FALSE(store->pin_layer(image.diff_id));
  EXPECT_FALSE(store->open_blob(image.layer().digest));
  EXPECT_TRUE(names_in(root + "/partial")->empty());
  EXPECT_TRUE(names_in(root + "/layers")->empty());
  EXPECT_TRUE(names_in(root + "/staging")->empty());
}

TEST_F(Receive, BlobWithAWrongSizeIsRejected) {
  RemoteImage image = pack("gzip -c");
  {
    auto ingest = store->begin_layer(image.layer(), image.diff_id);
    EXPECT_FALSE((*ingest)->write(image.blob + "x"));
  }
  auto ingest = store->begin_layer(image.layer(), image.diff_id);
  ASSERT_TRUE((*ingest)->write(image.blob.substr(0, image.blob.size() - 1)));
  Result<IngestedLayer> made = (*ingest)->commit();
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text().find("ends early"), std::string::npos);
}

TEST_F(Receive, OneBlobIsReceivedOnceAtATime) {
  RemoteImage image = pack("gzip -c");
  auto first = store->begin_layer(image.layer(), image.diff_id);
  ASSERT_TRUE(first);
  auto second = store->begin_layer(image.layer(), image.diff_id);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::Conflict);
}

TEST_F(Receive, LayersOfAnInterruptedPullSurviveCollectionsButNotAPrune) {
  RemoteImage image = pack("gzip -c");
  {
    auto ingest = store->begin_layer(image.layer(), image.diff_id);
    ASSERT_TRUE((*ingest)->write(image.blob));
    ASSERT_TRUE((*ingest)->commit());
  }
  ASSERT_TRUE(store->collect_garbage());
  EXPECT_TRUE(store->find_layer(image.layer(), image.diff_id));
  Result<RemovedImages> pruned = store->prune({}, {});
  ASSERT_TRUE(pruned);
  EXPECT_GT(pruned->freed, 300000);
  EXPECT_FALSE(store->find_layer(image.layer(), image.diff_id));
}

TEST_F(Receive, LayerLostInAPowerCutIsUnpackedAgain) {
  RemoteImage image = pack("gzip -c");
  Result<Image> got = receive(image, "app");
  ASSERT_TRUE(got);
  store.reset();
  ASSERT_TRUE(write_file(root + "/unsynced", "00000000-0000-0000-0000-000000000000\nblob " +
                                                 image.layer().digest + "\n" + image.diff_id + "\n"));
  ASSERT_TRUE(write_file(got->layer_dirs[0] + "/a/b/file", ""));
  open();
  EXPECT_EQ(*read_file(got->layer_dirs[0] + "/a/b/file"), *read_file(dir + "/a/b/file"));
  EXPECT_TRUE(store->find("app"));
}

// The power can also take what the list of unsynced layers says: it then stands for everything newer than it.
TEST_F(Receive, LayerLostTogetherWithTheListOfUnsyncedLayersIsUnpackedAgain) {
  RemoteImage image = pack("gzip -c");
  Result<Image> got = receive(image, "app");
  ASSERT_TRUE(got);
  store.reset();
  ::unlink((root + "/unsynced").c_str());
  ASSERT_TRUE(write_file(root + "/unsynced", ""));
  std::string description = got->layer_dirs[0] + ".json";
  ASSERT_TRUE(write_file(description, *read_file(description)));
  ASSERT_TRUE(write_file(got->layer_dirs[0] + "/a/b/file", ""));
  open();
  EXPECT_EQ(*read_file(got->layer_dirs[0] + "/a/b/file"), *read_file(dir + "/a/b/file"));
  EXPECT_TRUE(store->find("app"));
}

TEST_F(Receive, DirectoriesWithoutAnEntryKeepTheAttributesBelow) {
  ASSERT_TRUE(ensure_directory(dir + "/tmp"));
  ASSERT_EQ(::chmod((dir + "/tmp").c_str(), 01777), 0);
  RemoteImage below = pack("gzip -c");
  ASSERT_TRUE(receive(below, "below"));
  ASSERT_TRUE(write_file(dir + "/tmp/new", "x"));
  ASSERT_TRUE(write_file(dir + "/a/b/new", "x"));
  RemoteImage above = pack("gzip -c", "tmp/new a/b/new");
  ASSERT_TRUE(receive(above, "alone"));
  // The same layer, once as the base and once on the other layer.
  ImageDocument document;
  document.architecture = host_architecture();
  document.diff_ids = {below.diff_id, above.diff_id};
  Result<Image> both = store->create_image(document, {ref("both")});
  ASSERT_TRUE(both) << both.error().text();
  auto check = [&](const Image& image, mode_t tmp, uid_t owner) {
    Result<LayerView> view = LayerView::open(image.layer_dirs);
    EXPECT_EQ((*view->find("tmp", false))->info.st_mode & 07777, tmp);
    EXPECT_EQ((*view->find("a/b", false))->info.st_uid, owner);
    EXPECT_TRUE(*view->find("tmp/new", false));
  };
  check(*both, 01777, 7);
  check(*store->find("alone"), 0755, 0);
  open();
  check(*store->find("both"), 01777, 7);
  EXPECT_EQ((*store->pin_layers(*store->find("both")))[1]->directory, store->find("both")->layer_dirs[0]);
  ASSERT_TRUE(store->prune({true, {}}, {}));
  EXPECT_TRUE(names_in(root + "/layers")->empty());
}

TEST_F(Receive, TruncatedPaddedAndChainedGzip) {
  RemoteImage image = pack("gzip -c");
  auto check = [&](const std::string& blob) {
    RemoteImage changed = image;
    changed.blob = blob;
    auto ingest = store->begin_layer(changed.layer(), changed.diff_id);
    EXPECT_TRUE(ingest);
    Result<> written = (*ingest)->write(blob);
    Result<IngestedLayer> made = written ? (*ingest)->commit() : Result<IngestedLayer>(written.error());
    std::string error = made ? "" : made.error().text();
    if (made) {
      made = tl::unexpected(Error(""));
      ingest = tl::unexpected(Error(""));
      EXPECT_TRUE(store->prune({}, {}));
    }
    return error;
  };
  EXPECT_EQ(check(image.blob + std::string(512, '\0')), "");
  EXPECT_NE(check(image.blob + "garbage"), "");
  EXPECT_NE(check(image.blob.substr(0, image.blob.size() - 4)), "");
  EXPECT_NE(check(""), "");
  std::string tar = *read_file(top.path() + "/layer.tar");
  ASSERT_TRUE(write_file(top.path() + "/one", tar.substr(0, 5000)));
  ASSERT_TRUE(write_file(top.path() + "/two", tar.substr(5000)));
  shell("cd " + top.path() + " && (gzip -c one; gzip -c two) > both");
  EXPECT_EQ(check(*read_file(top.path() + "/both")), "");
}

TEST(Bomb, DecompressionBombIsStopped) {
  TemporaryDirectory top = *TemporaryDirectory::create("/tmp/stack-images-bomb");
  for (const char* compress : {"gzip -1", "zstd -q -1"}) {
    shell("head -c 50000000 /dev/zero | " + std::string(compress) + " -c > " + top.path() + "/bomb");
    std::string bytes = *read_file(top.path() + "/bomb");
    auto stopped = LayerStream::start("", {20 << 20, 100});
    ASSERT_TRUE(stopped);
    Result<> written = (*stopped)->write(bytes);
    ASSERT_FALSE(written) << compress;
    EXPECT_NE(written.error().text().find("more than 100 times"), std::string::npos);
    auto allowed = LayerStream::start("", {60 << 20, 100});
    EXPECT_TRUE((*allowed)->write(bytes));
    EXPECT_EQ((*allowed)->finish()->tar_size, 50000000);
  }
}

TEST_F(Receive, SkopeoAndUmociReadTheLayout) {
  if (!has_program("skopeo") || !has_program("umoci")) GTEST_SKIP() << "needs skopeo and umoci";
  RemoteImage image = pack("gzip -c");
  ASSERT_TRUE(receive(image, "app:1"));
  std::string out = top.path() + "/out";
  shell("skopeo inspect --raw oci:" + root + ":app:1 | sha256sum > " + out);
  EXPECT_EQ("sha256:" + read_file(out)->substr(0, 64), digest_of(image.manifest));
  shell("skopeo copy -q oci:" + root + ":app:1 dir:" + top.path() + "/copied");
  shell("umoci unpack --image " + root + ":app:1 " + top.path() + "/bundle");
  EXPECT_EQ(*read_file(top.path() + "/bundle/rootfs/a/b/file"), *read_file(dir + "/a/b/file"));
}

TEST_F(Receive, ArchivesAreExchangedWithSkopeo) {
  if (!has_program("skopeo")) GTEST_SKIP() << "needs skopeo";
  RemoteImage image = pack("gzip -c");
  ASSERT_TRUE(receive(image, "app:1"));
  std::string saved = top.path() + "/saved.tar";
  {
    Fd file = *open_file(saved, O_WRONLY | O_CREAT);
    ASSERT_TRUE(
        save_images(*store, {"app:1"}, [&](std::string_view bytes) { return write_all(file.get(), bytes); }));
  }
  std::string there = top.path();
  for (const char* kind : {"docker-archive", "oci-archive"}) {
    shell("rm -rf " + there + "/x && skopeo copy -q " + kind + ":" + saved + " dir:" + there + "/x");
    std::string config = digest_of(image.config).substr(7);
    EXPECT_TRUE(path_exists(there + "/x/" + config)) << kind;
    shell("skopeo copy -q dir:" + there + "/x " + kind + ":" + there + "/" + kind + ".tar:app:2");
  }
  root = top.path() + "/elsewhere";
  for (const char* archive : {"saved.tar", "docker-archive.tar", "oci-archive.tar"}) {
    ASSERT_TRUE(remove_tree(root));
    open();
    Fd file = *open_file(there + "/" + archive, O_RDONLY);
    Result<std::vector<Image>> loaded = load_images(*store, source_of(file.get()));
    ASSERT_TRUE(loaded) << archive << ": " << loaded.error().text();
    ASSERT_EQ(loaded->size(), 1u);
    EXPECT_EQ((*loaded)[0].id, digest_of(image.config)) << archive;
    EXPECT_EQ((*loaded)[0].repo_tags[0], std::string(archive) == "saved.tar" ? "app:1" : "app:2") << archive;
    EXPECT_EQ(*read_file((*loaded)[0].layer_dirs[0] + "/a/b/file"), *read_file(dir + "/a/b/file"));
  }
}

TEST_F(Receive, CompressedArchivesLoad) {
  ASSERT_TRUE(receive(pack("gzip -c"), "app:1"));
  Fd file = *open_file(top.path() + "/saved.tar", O_WRONLY | O_CREAT);
  ASSERT_TRUE(
      save_images(*store, {"app:1"}, [&](std::string_view bytes) { return write_all(file.get(), bytes); }));
  shell("cd " + top.path() + " && gzip -k saved.tar && zstd -q saved.tar");
  for (const char* name : {"saved.tar.gz", "saved.tar.zst"}) {
    root = top.path() + "/" + name + "-store";
    open();
    Fd in = *open_file(top.path() + "/" + name, O_RDONLY);
    Result<std::vector<Image>> loaded = load_images(*store, source_of(in.get()));
    EXPECT_TRUE(loaded) << name << ": " << loaded.error().text();
  }
}

}  // namespace
}  // namespace stack::images
