// Builds and the store: parallel steps, full disks, what removal and pruning leave.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>

#include <chrono>
#include <thread>

#include "base/json.h"
#include "fixture.h"

namespace stack::builder {
namespace {

TEST_F(BuildTest, CancellationEndsARunningStep) {
  import_base();
  std::thread canceler([this] {
    for (int i = 0; i < 200 && driver.runs == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stop.request_stop();
  });
  auto start = std::chrono::steady_clock::now();
  Result<BuildResult> result = try_build("FROM base\nRUN sleep 60\n");
  canceler.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::Canceled) << result.error().text();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(BuildTest, SameStepInParallelBuildsRunsOnce) {
  import_base();
  std::vector<std::thread> threads;
  std::vector<std::string> ids(4);
  for (size_t i = 0; i < ids.size(); ++i)
    threads.emplace_back([this, i, &ids] {
      BuildRequest request;
      request.context_directory = context;
      request.dockerfile_inline = "FROM base\nRUN sleep 0.2; echo x > /x\n";
      request.tags = {*parse_reference("parallel" + std::to_string(i))};
      Result<BuildResult> result = builder->build(request, {}, {});
      ids[i] = result ? result->image_id : result.error().text();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(driver.runs, 1);
  for (const std::string& id : ids) EXPECT_EQ(id, ids[0]);
}

TEST_F(BuildTest, FullDiskIsAClearErrorAndLeavesTheStoreUnchanged) {
  std::string small = top.path() + "/small";
  ASSERT_TRUE(ensure_directory(small));
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=4m") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs here";
  file("big", std::string(8 << 20, 'x'));
  {
    builder.reset();
    store = std::move(*images::ImageStore::open(small + "/images"));
    make_builder();
    std::string error = build_error("FROM scratch\nCOPY big /big\n");
    EXPECT_NE(error.find("no space left on device"), std::string::npos) << error;
    EXPECT_TRUE(store->list().empty());
    file("little", "x");
    EXPECT_TRUE(try_build("FROM scratch\nCOPY little /x\n")) << "what was half-written is gone";
    builder.reset();
    store.reset();
  }
  EXPECT_EQ(::umount(small.c_str()), 0);
}

TEST_F(BuildTest, RemovingAnImageFreesItsLayersAndForgetsItsCache) {
  import_base();
  images::Image image =
      build("FROM base\nRUN echo x > /x\n", [](BuildRequest& r) { r.tags = {*parse_reference("gone")}; });
  std::string layer = image.layer_dirs[0];
  ASSERT_TRUE(store->remove("gone", false, {}));
  EXPECT_FALSE(path_exists(layer));
  EXPECT_TRUE(store->find("base")) << "shared layers stay";
  build("FROM base\nRUN echo x > /x\n");
  EXPECT_EQ(driver.runs, 2);
}

TEST_F(BuildTest, RemovingAnImageKeepsTheCacheOfSharedLayers) {
  import_base();
  std::string shared = "FROM base\nRUN echo x > /x\n";
  build(shared + "RUN echo 1 > /y\n", [](BuildRequest& r) { r.tags = {*parse_reference("one")}; });
  build(shared + "RUN echo 2 > /y\n", [](BuildRequest& r) { r.tags = {*parse_reference("two")}; });
  ASSERT_TRUE(store->remove("one", false, {}));
  build(shared + "RUN echo 2 > /y\n");
  EXPECT_TRUE(last.fully_cached);
}

TEST_F(BuildTest, LockedCacheMountsOfParallelStepsDoNotDeadlock) {
  import_base();
  auto text = [](const std::string& first, const std::string& second, const std::string& out) {
    return "FROM base\nRUN --mount=type=cache,sharing=locked,target=" + first +
           " --mount=type=cache,sharing=locked,target=" + second + " sleep 0.1; echo > " + out + "\n";
  };
  std::vector<std::string> files = {text("/a", "/b", "/1"), text("/b", "/a", "/2"), text("/a", "/a", "/3")};
  std::vector<std::thread> threads;
  std::vector<std::string> errors(files.size());
  for (size_t i = 0; i < files.size(); ++i)
    threads.emplace_back([this, i, &files, &errors] {
      BuildRequest request;
      request.context_directory = context;
      request.dockerfile_inline = files[i];
      Result<BuildResult> result = builder->build(request, {}, {});
      if (!result) errors[i] = result.error().text();
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) EXPECT_EQ(error, "");
}

TEST_F(BuildTest, LayersOfIntermediateStagesStayUntilPruned) {
  import_base();
  std::string text = "FROM base AS build\nRUN echo x > /x\nFROM scratch\nCOPY --from=build /x /x\n";
  build(text, [](BuildRequest& r) { r.tags = {*parse_reference("final")}; });
  ASSERT_TRUE(store->collect_garbage());
  build(text);
  EXPECT_TRUE(last.fully_cached);
  ASSERT_TRUE(builder->prune_cache({true, {}, {}, {}}));
  build(text);
  EXPECT_FALSE(last.fully_cached);
}

TEST_F(BuildTest, StageInheritsTheArgsOfItsBaseStage) {
  import_base();
  images::Image image = build(
      "FROM base AS one\nARG V=1\nARG W\nFROM one AS two\nRUN echo $V$W > /x\nENV Y=$V\nFROM two\nARG V\nRUN "
      "echo $V > /y\n",
      [](BuildRequest& r) { r.args["W"] = "w"; });
  EXPECT_EQ(content(image, "/x"), "1w\n");
  EXPECT_EQ(content(image, "/y"), "1\n");
  EXPECT_EQ(warnings(), "");
}

TEST_F(BuildTest, FromANamedContext) {
  import_base();
  images::Image other = build("FROM base\nRUN echo other > /who\n",
                              [](BuildRequest& r) { r.tags = {*parse_reference("real:1")}; });
  std::string tree = top.path() + "/tree";
  ASSERT_TRUE(ensure_directory(tree));
  ASSERT_TRUE(write_file(tree + "/who", "directory\n"));
  auto with = [&](const std::string& name, const std::string& value) {
    return [=](BuildRequest& r) { r.named_contexts[name] = value; };
  };
  EXPECT_EQ(content(build("FROM base2\n", with("base2", "docker-image://real:1")), "/who"), "other\n");
  EXPECT_EQ(content(build("FROM tree\nCOPY --from=tree who /copy\n", with("tree", tree)), "/who"),
            "directory\n");
  // The name takes precedence over an image, in any notation, and over a stage.
  EXPECT_EQ(
      content(build("FROM base:latest\n", with("docker.io/library/base", "docker-image://real:1")), "/who"),
      "other\n");
  EXPECT_EQ(content(build("FROM base AS mid\nRUN false\nFROM base\nCOPY --from=mid /who /x\n",
                          with("mid", "docker-image://real:1")),
                    "/x"),
            "other\n");
  EXPECT_NE(build_error("FROM x\n", with("x", "service:y")).find("service:y"), std::string::npos);
}

TEST_F(BuildTest, LinkedCopyIsASeparateLayer) {
  import_base();
  file("f", "content\n");
  // A file over a directory: a plain copy would be placed inside it.
  images::Image image = build("FROM base\nRUN mkdir -p /d/sub\nCOPY --link f /d\n");
  EXPECT_EQ(content(image, "/d"), "content\n");
  // The layer does not depend on the layers below.
  images::Image other = build("FROM base\nRUN echo 2 > /other\nCOPY --link f /d\n");
  EXPECT_EQ(image.document.diff_ids.back(), other.document.diff_ids.back());
  EXPECT_EQ(cached_steps(), 1);
  // Links of the image are not followed.
  image = build("FROM base\nCOPY --link f /bin/f\n");
  EXPECT_EQ(content(image, "/usr/bin/f"), "(missing)");
  EXPECT_EQ(content(image, "/bin/f"), "content\n");
}

TEST_F(BuildTest, PruneCountsCacheMountsAndKeepsThoseInUse) {
  import_base();
  std::string text = "FROM base\nRUN --mount=type=cache,target=/c cat /etc/group > /c/f; ls /c > /out\n";
  build(text);
  int64_t size = 0;
  for (const CacheEntry& entry : builder->cache_entries()) size += entry.is_mount ? entry.size : 0;
  EXPECT_EQ(size, static_cast<int64_t>(std::string("root:x:0:\nstaff:x:50:\n").size()));
  Result<CachePruned> pruned = builder->prune_cache({true, {}, {}, {}});
  ASSERT_TRUE(pruned);
  EXPECT_GE(pruned->freed, size);
  EXPECT_TRUE(builder->cache_entries().empty());
  // A step that runs during a prune keeps its mounts.
  std::thread meanwhile;
  Result<BuildResult> result = builder->build(
      [&] {
        BuildRequest request;
        request.context_directory = context;
        request.dockerfile_inline =
            "FROM base\nRUN --mount=type=cache,target=/c echo ready; sleep 2; echo kept > /c/f; cat /c/f > "
            "/out\n";
        request.tags = {*parse_reference("kept")};
        return request;
      }(),
      [&](const BuildEvent& event) {
        if (event.kind == BuildEventKind::StepOutput && !meanwhile.joinable())
          meanwhile = std::thread([&] { (void)builder->prune_cache({true, {}, {}, {}}); });
      },
      {});
  ASSERT_TRUE(meanwhile.joinable());
  meanwhile.join();
  ASSERT_TRUE(result) << result.error().text();
  bool there = false;
  for (const CacheEntry& entry : builder->cache_entries())
    there = there || (entry.is_mount && entry.size > 0);
  EXPECT_TRUE(there);
}

}  // namespace
}  // namespace stack::builder
