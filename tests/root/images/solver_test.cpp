// Caches of other machines, checks without a build, SOURCE_DATE_EPOCH, and entitlements.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <thread>

#include "base/directory.h"
#include "fixture.h"
#include "images/builder/worker/agent_proxy.h"

namespace stack::builder {
namespace {

class Solver : public BuildTest {
 protected:
  // A second machine: a store and a builder with only the base image.
  struct Machine {
    std::unique_ptr<images::ImageStore> store;
    ChrootDriver driver;
    std::unique_ptr<Builder> builder;
  };
  std::unique_ptr<Machine> other_machine() {
    auto out = std::make_unique<Machine>();
    out->store = *images::ImageStore::open(top.path() + "/other");
    BuilderOptions options;
    options.secret_directory = top.path() + "/other-secrets";
    out->builder = *Builder::create(*out->store, out->driver, options);
    images::ImageConfig config;
    config.env = {"PATH=/usr/bin:/bin", "FROM_BASE=yes"};
    config.cmd = {"sh"};
    EXPECT_TRUE(images::import_path(*out->store, base_root(), {config, "test"}, {ref("base")}));
    return out;
  }
  Result<BuildResult> build_on(Machine& machine, const std::string& text, std::vector<CacheLocation> from) {
    BuildRequest request;
    request.context_directory = context;
    request.dockerfile_inline = text;
    request.cache_from = std::move(from);
    return machine.builder->build(request, {}, {});
  }
  CacheLocation local(bool all, const std::string& name = "cache") const {
    return *parse_cache_location("type=local,dest=" + top.path() + "/" + name + (all ? ",mode=max" : ""),
                                 true);
  }
  CacheLocation from_local(const std::string& name = "cache") const {
    return *parse_cache_location("type=local,src=" + top.path() + "/" + name, false);
  }
};

const char* const kTwoStages =
    "FROM base AS one\nRUN echo built > /made\nFROM base\nCOPY f /f\nCOPY --from=one /made /made\nRUN echo x "
    "> /y\n";

TEST_F(Solver, FolderCacheIsUsedByAnotherMachine) {
  import_base();
  file("f", "content");
  build(kTwoStages, [&](BuildRequest& r) { r.cache_to = {local(true)}; });
  auto machine = other_machine();
  Result<BuildResult> made = build_on(*machine, kTwoStages, {from_local()});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(machine->driver.runs, 0);
  EXPECT_TRUE(made->fully_cached);
  EXPECT_EQ(content(*machine->store->resolve(made->image_id), "made"), "built\n");
  // The cache image is not listed on either machine.
  EXPECT_EQ(machine->store->list().size(), 2u);
  EXPECT_EQ(store->list().size(), 2u);
}

TEST_F(Solver, MinimalCacheHasOnlyTheImagesLayers) {
  import_base();
  file("f", "content");
  build(kTwoStages, [&](BuildRequest& r) { r.cache_to = {local(false)}; });
  auto machine = other_machine();
  Result<BuildResult> made = build_on(*machine, kTwoStages, {from_local()});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(machine->driver.runs, 1);  // the first stage; its result is then found by content
}

TEST_F(Solver, ChangedStepRunsDespiteTheCache) {
  import_base();
  file("f", "content");
  build(kTwoStages, [&](BuildRequest& r) { r.cache_to = {local(true)}; });
  file("f", "other");
  auto machine = other_machine();
  Result<BuildResult> made = build_on(*machine, kTwoStages, {from_local()});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(machine->driver.runs, 1);  // the last one, which depends on the changed file
  EXPECT_EQ(content(*machine->store->resolve(made->image_id), "f"), "other");
}

TEST_F(Solver, OnlyTheLayersOfHitStepsAreImported) {
  import_base();
  file("f", "content");
  std::string text =
      "FROM base AS one\nRUN echo built > /made\nFROM base AS two\nRUN echo other > /other\n"
      "FROM base\nCOPY f /f\nCOPY --from=one /made /made\nCOPY --from=two /other /other\n";
  build(text, [&](BuildRequest& r) { r.cache_to = {local(true)}; });
  auto machine = other_machine();
  auto layers = [&] {
    size_t count = 0;
    for (const std::string& name : *names_in(top.path() + "/other/layers"))
      count += name.size() == 64 ? 1 : 0;
    return count;
  };
  size_t before = layers();
  // A build of one stage takes one layer; a step that is nowhere takes none.
  BuildRequest request;
  request.context_directory = context;
  request.dockerfile_inline = text;
  request.cache_from = {from_local()};
  request.target = "two";
  ASSERT_TRUE(machine->builder->build(request, {}, {}));
  EXPECT_EQ(layers(), before + 1);
  EXPECT_EQ(machine->driver.runs, 0);
  ASSERT_TRUE(build_on(*machine, "FROM base\nRUN echo new > /new\n", {from_local()}));
  EXPECT_EQ(layers(), before + 2);
  EXPECT_EQ(machine->driver.runs, 1);
  ASSERT_TRUE(build_on(*machine, text, {from_local()}));
  EXPECT_EQ(machine->driver.runs, 1);
}

TEST_F(Solver, UnreadableCacheLayerIsAWarningAndTheStepRuns) {
  import_base();
  std::string text = "FROM base\nRUN echo a > /a\n";
  images::Image image = build(text, [&](BuildRequest& r) { r.cache_to = {local(true)}; });
  std::string digest = store->manifest_of(image.id)->manifest.layers.back().digest;
  ASSERT_TRUE(write_file(top.path() + "/cache/blobs/sha256/" + digest.substr(7), "garbage"));
  auto machine = other_machine();
  Result<BuildResult> made = build_on(*machine, text, {from_local()});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(machine->driver.runs, 1);
  EXPECT_EQ(content(*machine->store->resolve(made->image_id), "a"), "a\n");
}

TEST_F(Solver, InlineCacheIsPartOfTheImage) {
  import_base();
  std::string text = "FROM base\nRUN echo a > /a\nRUN echo b > /b\n";
  images::Image image =
      build(text, [](BuildRequest& r) { r.cache_to = {*parse_cache_location("inline", true)}; });
  EXPECT_NE(image.config_json.find("stack.buildcache.v0"), std::string::npos);
  ASSERT_TRUE(store->tag(image.id, ref("made:1")));
  std::string archive = top.path() + "/a.tar";
  Fd out = *open_file(archive, O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(images::save_images(*store, {"made:1"}, [&](std::string_view bytes) -> Result<> {
    EXPECT_EQ(::write(out.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    return {};
  }));
  SpawnRequest untar;
  untar.program = "tar";
  untar.args = {"-xf", archive, "-C", top.path() + "/layout"};
  ASSERT_TRUE(ensure_directory(top.path() + "/layout"));
  ASSERT_EQ(run_captured(untar)->exit_code, 0);
  auto machine = other_machine();
  Result<BuildResult> made = build_on(*machine, text, {from_local("layout")});
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(machine->driver.runs, 0);
}

TEST_F(Solver, MissingCacheIsAWarning) {
  import_base();
  build("FROM base\nRUN true\n", [&](BuildRequest& r) { r.cache_from = {from_local("nothing")}; });
  EXPECT_NE(warnings().find("importing cache"), std::string::npos) << warnings();
}

TEST_F(Solver, CacheLocationsAreParsedLikeInBuildx) {
  EXPECT_EQ(parse_cache_location("type=registry,ref=host:5/a:b,mode=max", true)->reference.full(),
            "host:5/a:b");
  EXPECT_TRUE(parse_cache_location("type=registry,ref=a,mode=max", true)->all_stages);
  EXPECT_EQ(parse_cache_location("app:1", false)->reference.full(), "docker.io/library/app:1");
  for (const char* bad : {"type=nfs", "type=registry", "type=local,dest=relative", "type=inline,mode=max",
                          "type=registry,ref=a,color=red", "type=registry,ref=a,mode=some"})
    EXPECT_FALSE(parse_cache_location(bad, true)) << bad;
}

TEST_F(Solver, CheckRunsNothingAndReportsProbableMistakes) {
  import_base();
  Result<BuildResult> result = try_build(
      "FROM base AS Build\nENV KNOWN=1\nRUN exit 1\nLABEL a=$KNWON b=$FROM_BASE\nCOPY --from=nothere /a "
      "/b\nCMD x\n",
      [](BuildRequest& r) { r.check_only = true; });
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(driver.runs, 0);
  EXPECT_EQ(result->image_id, "");
  std::vector<std::string> rules;
  for (const BuildWarning& warning : result->warnings)
    rules.push_back(std::to_string(warning.line) + " " + warning.rule);
  EXPECT_EQ(join(rules, ", "), "1 StageNameCasing, 4 UndefinedVar, 6 JSONArgsRecommended");
  // A missing base image: its variables are unknown.
  result = try_build("FROM nothere\nLABEL a=$WHATEVER\n", [](BuildRequest& r) { r.check_only = true; });
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_TRUE(result->warnings.empty());
  EXPECT_FALSE(
      try_build("FROM base\nRUN --mount=type=nonsense x\n", [](BuildRequest& r) { r.check_only = true; }));
}

TEST_F(Solver, WarningsFailTheBuildIfTheFileRequestsIt) {
  import_base();
  std::string error = build_error("# check=error=true\nFROM base\nRUN true\nCMD x\n");
  EXPECT_NE(error.find("lint violation found for rules: JSONArgsRecommended"), std::string::npos) << error;
  EXPECT_EQ(driver.runs, 0);
  build("FROM base\nCMD x\n",
        [](BuildRequest& r) { r.args["BUILDKIT_DOCKERFILE_CHECK"] = "skip=all;error=true"; });
}

TEST_F(Solver, SourceDateEpochGivesTheSameBytesAtAnyTime) {
  import_base();
  auto epoch = [](BuildRequest& r) {
    r.args["SOURCE_DATE_EPOCH"] = "1000000000";
    r.no_cache = true;
  };
  std::string text = "FROM base\nARG SOURCE_DATE_EPOCH\nRUN mkdir /d && echo x > /d/f\nWORKDIR /w\n";
  images::Image first = build(text, epoch);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  images::Image second = build(text, epoch);
  EXPECT_EQ(first.id, second.id);
  EXPECT_TRUE(first.created.starts_with("2001-09-09T01:46:40"));
  EXPECT_EQ(entry(first, "d/f")->info.st_mtim.tv_sec, 1000000000);
  EXPECT_NE(build_error("FROM base\n", [](BuildRequest& r) { r.args["SOURCE_DATE_EPOCH"] = "x"; })
                .find("number of seconds"),
            std::string::npos);
}

TEST_F(Solver, FilesAreCopiedForAnyPlatformAndProgramsRunOnlyOnOurs) {
  import_base();
  file("f", "content");
  auto foreign = [](BuildRequest& r) { r.platform = "linux/s390x"; };
  std::string text =
      "FROM --platform=$BUILDPLATFORM base AS tools\nARG TARGETPLATFORM\nRUN echo $TARGETPLATFORM > /made\n"
      "FROM scratch\nCOPY f /f\nCOPY --from=tools /made /made\n";
  images::Image image = build(text, foreign);
  EXPECT_EQ(image.document.architecture, "s390x");
  EXPECT_EQ(content(image, "made"), "linux/s390x\n");
  EXPECT_EQ(build(text).document.architecture, images::host_architecture());
  std::string refusal = build_error("FROM scratch\nCOPY f /f\nRUN [\"/f\"]\n",
                                    [](BuildRequest& r) { r.platform = "linux/pdp11"; });
  EXPECT_NE(refusal.find(":3:"), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("cannot run programs for linux/pdp11"), std::string::npos) << refusal;
  EXPECT_NE(build_error("FROM base\n", foreign).find("No such image: base:latest for linux/s390x"),
            std::string::npos);
  EXPECT_NE(build_error("FROM scratch\nCOPY f /f\n", [](BuildRequest& r) { r.platform = "windows/amd64"; })
                .find("only images for linux"),
            std::string::npos);
}

TEST_F(Solver, HostNetworkRequiresAnEntitlement) {
  import_base();
  std::string text = "FROM base\nRUN --network=host true\n";
  EXPECT_NE(build_error(text).find(":2:5: RUN --network=host requires the entitlement network.host"),
            std::string::npos)
      << build_error(text);
  build(text, [](BuildRequest& r) { r.allow_host_network = true; });
  build(text, [](BuildRequest& r) { r.network = RunNetwork::Host; });
}

TEST_F(Solver, ParallelStepsUseDifferentPrivateCaches) {
  import_base();
  auto step = [](const std::string& name) {
    return "FROM base AS " + name +
           "\nRUN --mount=type=cache,target=/c,sharing=private ls /c > /seen; echo " + name +
           " > /c/mark; i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.05; done; cat /c/mark > /mark\n";
  };
  images::Image image =
      build(step("a") + step("b") + "FROM scratch\nCOPY --from=a /mark /a\nCOPY --from=b /mark /b\n");
  EXPECT_EQ(content(image, "a"), "a\n");
  EXPECT_EQ(content(image, "b"), "b\n");
}

TEST_F(Solver, MountOptionsDependOnTheType) {
  import_base();
  for (const char* mount : {"type=bind,target=/x,sharing=locked", "type=tmpfs,target=/x,mode=755",
                            "type=secret,size=1", "type=cache,target=/x,env=A"}) {
    std::string error = build_error("FROM base\nRUN --mount=" + std::string(mount) + " true\n");
    EXPECT_NE(error.find("unexpected key"), std::string::npos) << mount << ": " << error;
  }
}

TEST_F(Solver, AgentIsRelayedToTheUserOfTheMount) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = top.path() + "/agent";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  std::thread agent([&] {
    Fd peer(::accept(listener.get(), nullptr, nullptr));
    char buffer[5] = {};
    EXPECT_EQ(::read(peer.get(), buffer, 4), 4);
    EXPECT_EQ(::write(peer.get(), "pong", 4), 4);
  });
  std::string own = top.path() + "/own";
  std::unique_ptr<AgentProxy> proxy = *AgentProxy::start(own, path, 0660, 1000, 1001);
  struct stat info{};
  ASSERT_EQ(::stat(own.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 1000u);
  EXPECT_EQ(info.st_gid, 1001u);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  own.copy(target.sun_path, sizeof target.sun_path - 1);
  Fd client(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof target), 0);
  ASSERT_EQ(::write(client.get(), "ping", 4), 4);
  char answer[5] = {};
  EXPECT_EQ(::read(client.get(), answer, 4), 4);
  EXPECT_STREQ(answer, "pong");
  agent.join();
}

}  // namespace
}  // namespace stack::builder
