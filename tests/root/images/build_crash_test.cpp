// kill -9 at random moments of builds, cache exports, packing for a registry, saving, loading, and pruning.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "base/directory.h"
#include "fixture.h"
#include "images/layer/layer_tar.h"

namespace stack::builder {
namespace {

class BuildCrash : public BuildTest {
 protected:
  static std::string dockerfile(int number) {
    std::string text =
        "FROM scratch AS parts\nCOPY tree /tree\nCOPY <<EOF /number\n" + std::to_string(number % 4) +
        "\nEOF\nFROM scratch\nCOPY --from=parts /number /number\nCOPY --link tree /linked\nWORKDIR /w\n";
    return text;
  }
  Result<BuildResult> build_number(int number) {
    BuildRequest request;
    request.context_directory = context;
    request.dockerfile_inline = dockerfile(number);
    request.tags = {*parse_reference("made:" + std::to_string(number % 3))};
    request.cache_to = {*parse_cache_location("type=local,mode=max,dest=" + top.path() + "/cache", true)};
    if (number % 2 == 0)
      request.cache_from = {*parse_cache_location("type=local,src=" + top.path() + "/cache", false)};
    return builder->build(request, {}, {});
  }
  Result<> save_and_load(const std::string& name) {
    std::string path = top.path() + "/archive.tar";
    TRY_ASSIGN(Fd file, open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    TRY(images::save_images(*store, {name},
                            [&](std::string_view bytes) { return write_all(file.get(), bytes); }));
    TRY(store->remove(name, true, {}));
    ::lseek(file.get(), 0, SEEK_SET);
    TRY(images::load_images(*store, images::source_of(file.get())));
    return {};
  }

  // Runs in the process that is killed.
  [[noreturn]] void work(int round) {
    Result<std::unique_ptr<images::ImageStore>> mine = images::ImageStore::open(root);
    if (!mine) ::_exit(3);
    store = std::move(*mine);
    make_builder();
    for (int number = round;; ++number) {
      if (!build_number(number)) ::_exit(4);
      std::string name = "made:" + std::to_string(number % 3);
      if (number % 2 == 0 && !store->pack(name, images::Compression::Gzip)) ::_exit(5);
      if (!save_and_load(name)) ::_exit(6);
      if (number % 3 == 0 && !builder->prune_cache({.all = true, .unused_since = {}, .keep = {}})) ::_exit(7);
      if (number % 4 == 0 && !store->prune({}, {})) ::_exit(8);
    }
  }

  void check() {
    EXPECT_TRUE(store->damaged().empty());
    EXPECT_TRUE(names_in(root + "/staging")->empty());
    for (const images::Image& image : store->list()) {
      EXPECT_TRUE(store->manifest_of(image.id));
      EXPECT_TRUE(store->ensure_blobs(image));
      for (size_t i = 0; i < image.layer_dirs.size(); ++i) {
        Result<images::LayerDigest> found = images::digest_layer(image.layer_dirs[i]);
        ASSERT_TRUE(found) << found.error().text();
        EXPECT_EQ(found->diff_id, image.document.diff_ids[image.layer_dirs.size() - 1 - i]);
      }
    }
  }
};

TEST_F(BuildCrash, StoreOpensAndBuildsWorkAfterAKillAtAnyMoment) {
  for (int i = 0; i < 30; ++i)
    file("tree/d" + std::to_string(i % 3) + "/f" + std::to_string(i),
         std::string(3000, 'a') + std::to_string(i));
  std::mt19937 random(20261130);  // NOLINT: the same moments in each run
  for (int round = 0; round < 30; ++round) {
    builder.reset();
    store.reset();
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(round);
    ::usleep(std::uniform_int_distribution<useconds_t>(1000, 200000)(random));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
    open();
    make_builder();
    check();
    Result<BuildResult> again = build_number(round);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(content(*store->resolve(again->image_id), "number"), std::to_string(round % 4) + "\n");
    EXPECT_EQ(content(*store->resolve(again->image_id), "linked/d0/f0"), std::string(3000, 'a') + "0");
    check();
  }
  ASSERT_TRUE(builder->prune_cache({.all = true, .unused_since = {}, .keep = {}}));
  ASSERT_TRUE(store->prune({true, {}}, {}));
  EXPECT_TRUE(names_in(root + "/layers")->empty());
  EXPECT_TRUE(names_in(root + "/blobs/sha256")->empty());
}

}  // namespace
}  // namespace stack::builder
