// What BuildKit's clients ask for, as builds of ours; and the files that they send.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "engine/buildkit/buildkit.pb.h"
#include "engine/buildkit/solve_build.h"
#include "engine/buildkit/tree_writer.h"

namespace stack::engine {
namespace {

constexpr uint32_t kDirectory = 1U << 31;
constexpr uint32_t kLink = 1U << 27;

TEST(BuildkitOptions, AreThoseOfTheDockerfileFrontend) {
  SolveRequest request;
  request.exporters = {{"moby", {{"name", "a:1,docker.io/library/b"}}}, {"local", {{"name", "ignored"}}}};
  request.entitlements = {"network.host"};
  request.cache_exports = {{"inline", {}}};
  Result<builder::BuildRequest> read =
      read_options(request, {{"target", "last"},
                             {"build-arg:A", "b"},
                             {"label:l", "v"},
                             {"no-cache", ""},
                             {"image-resolve-mode", "pull"},
                             {"add-hosts", "x=1.2.3.4,y=5.6.7.8"},
                             {"force-network-mode", "none"},
                             {"shm-size", "1048576"},
                             {"ulimit", "nofile=10:20,nproc=3"},
                             {"cache-imports", R"([{"Type":"registry","Attrs":{"ref":"r/cache"}}])"}});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->target, "last");
  EXPECT_EQ(read->args.at("A"), "b");
  EXPECT_EQ(read->labels.at("l"), "v");
  EXPECT_TRUE(read->no_cache && read->pull && read->allow_host_network && !read->allow_insecure);
  EXPECT_EQ(read->extra_hosts, (std::vector<std::string>{"x:1.2.3.4", "y:5.6.7.8"}));
  EXPECT_EQ(read->network, builder::RunNetwork::None);
  EXPECT_EQ(read->shm_size.bytes, 1048576);
  ASSERT_EQ(read->ulimits.size(), 2U);
  EXPECT_EQ(read->ulimits[1].hard, 3);
  EXPECT_EQ(read->cache_from.at(0).reference.full(), "docker.io/r/cache:latest");
  EXPECT_EQ(read->cache_to.at(0).kind, builder::CacheLocation::Kind::Inline);
  EXPECT_EQ(read->tags, (std::vector<Reference>{*parse_reference("a:1"), *parse_reference("b:latest")}));
}

TEST(BuildkitOptions, WhatCannotBeDoneIsRefused) {
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"platform", "linux/amd64,linux/arm64"},
                                          {"requestid", "frontend.outline"},
                                          {"shm-size", "x"},
                                          {"ulimit", "nofile"},
                                          {"cache-imports", R"([{"Type":"gha"}])"}})
    EXPECT_FALSE(read_options({}, {{name, value}})) << name;
}

TEST(BuildkitResults, ADefinitionStandsForAnImageAndOthersForNone) {
  std::string id = "sha256:" + std::string(64, 'a');
  buildkit::Definition definition = definition_of_image(id);
  // What clients require: a last operation that names the output, and metadata.
  ASSERT_EQ(definition.operations_size(), 2);
  buildkit::Operation last;
  ASSERT_TRUE(last.ParseFromString(definition.operations(1)));
  EXPECT_EQ(last.inputs_size(), 1);
  EXPECT_EQ(definition.metadata_size(), 1);
  EXPECT_EQ(image_of_definition(definition), id);
  buildkit::Operation foreign;
  foreign.mutable_source()->set_identifier("docker-image://docker.io/library/busybox:latest");
  buildkit::Definition other;
  other.add_operations(foreign.SerializeAsString());
  other.add_operations("\xff\xff not a message");
  EXPECT_EQ(image_of_definition(other), std::nullopt);
}

TEST(BuildkitResults, ChecksReportTheirWarningsAsTheFrontendDoes) {
  buildkit::GatewayResult result =
      lint_result({{"StageNameCasing", "Dockerfile", 3, "text"}}, "Dockerfile", "FROM a");
  auto json = parse_json(result.metadata().at("result.json"));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["warnings"][0]["ruleName"], "StageNameCasing");
  EXPECT_EQ((*json)["warnings"][0]["location"]["ranges"][0]["start"]["line"], 3);
  EXPECT_EQ((*json)["sources"][0]["data"], "RlJPTSBh");
  EXPECT_EQ(result.metadata().at("result.statuscode"), "1");
  EXPECT_EQ(lint_result({}, "Dockerfile", "").metadata().at("result.statuscode"), "0");
}

TEST(BuildkitPrune, FiltersCompareTheFieldsOfAnEntry) {
  builder::CacheEntry entry;
  entry.id = "sha256:abc";
  entry.shared = true;
  for (const char* filter :
       {"", "type==regular", "id~=abc,shared", "type!=internal,immutable", "id==\"sha256:abc\""})
    EXPECT_EQ(matches_prune_filter(entry, filter).value_or(false), true) << filter;
  for (const char* filter : {"inuse", "type==exec.cachemount", "shared,private"})
    EXPECT_EQ(matches_prune_filter(entry, filter).value_or(true), false) << filter;
  EXPECT_FALSE(matches_prune_filter(entry, "nonsense==1"));
  EXPECT_FALSE(matches_prune_filter(entry, "id=1"));
}

TEST(BuildkitIgnore, PatternsAreRelativeToTheContext) {
  EXPECT_EQ(ignore_patterns("# a comment\n\n/build\n./src/*.o \n!src/keep.o\n  \n*\n"),
            (std::vector<std::string>{"build", "src/*.o", "!src/keep.o", "*"}));
}

TEST(BuildkitNeeds, SecretsAgentsAndImagesOfADockerfile) {
  DockerfileNeeds needs = needs_of(
      "FROM base AS one\nRUN --mount=type=secret,id=key --mount=type=secret,target=/run/other cat\n"
      "COPY --from=registry.example/x:1 /a /b\nRUN --mount=type=ssh --mount=type=bind,from=tools,target=/t "
      "true\n");
  EXPECT_EQ(needs.secrets, (std::vector<std::string>{"key", "other"}));
  EXPECT_EQ(needs.agents, (std::vector<std::string>{"default"}));
  EXPECT_EQ(needs.images, (std::vector<std::string>{"base", "registry.example/x:1", "tools"}));
}

TEST(BuildkitProgress, AStepIsAVertexWithItsOutput) {
  asio::io_context io;
  SolveJob job(io, {});
  builder::BuildEvent event;
  event.kind = builder::BuildEventKind::StepStarted;
  event.step = 2;
  event.number = 1;
  event.total = 3;
  event.stage = "web";
  event.text = "RUN make";
  feed_line(job, {"", "step", event});
  event.kind = builder::BuildEventKind::StepOutput;
  event.text = "oh";
  event.is_stderr = true;
  feed_line(job, {"", "output", event});
  event.kind = builder::BuildEventKind::StepFailed;
  event.text = "exit code: 1";
  feed_line(job, {"", "step", event});
  ASSERT_EQ(job.feed.size(), 3U);
  buildkit::StatusResponse started;
  buildkit::StatusResponse output;
  buildkit::StatusResponse failed;
  ASSERT_TRUE(started.ParseFromString(job.feed[0]) && output.ParseFromString(job.feed[1]) &&
              failed.ParseFromString(job.feed[2]));
  EXPECT_EQ(started.vertexes(0).name(), "[web 1/3] RUN make");
  EXPECT_FALSE(started.vertexes(0).has_completed());
  EXPECT_EQ(output.logs(0).vertex(), started.vertexes(0).digest());
  EXPECT_EQ(output.logs(0).stream(), 2);
  EXPECT_EQ(output.logs(0).message(), "oh\n");
  EXPECT_EQ(failed.vertexes(0).name(), "[web 1/3] RUN make");
  EXPECT_EQ(failed.vertexes(0).error(), "exit code: 1");
}

class SentFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = *TemporaryDirectory::create("/tmp/stack-sent-");
    Result<TreeWriter> opened = TreeWriter::open(folder->path() + "/tree");
    ASSERT_TRUE(opened);
    writer.emplace(std::move(*opened));
  }
  std::string path(const std::string& name) const { return folder->path() + "/tree/" + name; }
  // Adds an entry, and its content where that is wanted.
  bool add(const SyncedFile& file, const std::string& content = {}) {
    Result<bool> wanted = writer->add(++number, file);
    if (!wanted || !*wanted) return wanted.has_value();
    bool whole = content.size() < 2 || writer->write(number, content.substr(0, 1));
    return whole && writer->write(number, content.size() < 2 ? content : content.substr(1)) &&
           writer->end(number);
  }

  std::optional<TemporaryDirectory> folder;
  std::optional<TreeWriter> writer;
  uint32_t number = 0;
};

TEST_F(SentFiles, ArriveWithModesTimesAndLinks) {
  EXPECT_TRUE(add({"src", kDirectory | 0750, 1'500'000'000'000'000'000, ""}));
  EXPECT_TRUE(add({"src/a.c", 0640, 1'400'000'000'000'000'000, ""}, "content"));
  EXPECT_TRUE(add({"src/b.c", 0640, 0, "src/a.c"}));
  EXPECT_TRUE(add({"src/empty", 0600, 0, ""}));
  EXPECT_TRUE(add({"link", kLink | 0777, 0, "src/a.c"}));
  EXPECT_TRUE(writer->finish());
  EXPECT_EQ(read_file(path("src/b.c")).value_or(""), "content");
  EXPECT_EQ(read_file(path("link")).value_or(""), "content");
  EXPECT_TRUE(path_exists(path("src/empty")));
  struct stat info{};
  ASSERT_EQ(::stat(path("src").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750U);
  EXPECT_EQ(info.st_mtime, 1'500'000'000);
  ASSERT_EQ(::stat(path("src/a.c").c_str(), &info), 0);
  EXPECT_EQ(info.st_mtime, 1'400'000'000);
}

TEST_F(SentFiles, CannotLeaveTheFolder) {
  ASSERT_TRUE(write_file(folder->path() + "/outside", "untouched"));
  EXPECT_FALSE(add({"../new", 0644, 0, ""}, "x"));
  EXPECT_FALSE(add({"/tmp/new", 0644, 0, ""}, "x"));
  EXPECT_FALSE(add({"a/../../outside", 0644, 0, ""}, "x"));
  EXPECT_FALSE(add({"", 0644, 0, ""}, "x"));
  EXPECT_TRUE(add({"out", kLink | 0777, 0, ".."}));
  EXPECT_FALSE(add({"out/outside", 0644, 0, ""}, "x"));
  EXPECT_TRUE(add({"file", kLink | 0777, 0, "../outside"}));
  EXPECT_FALSE(add({"file", 0644, 0, ""}, "x"));
  EXPECT_FALSE(add({"hard", 0644, 0, "../outside"}));
  EXPECT_FALSE(add({"hard", 0644, 0, "out/outside"}));
  EXPECT_EQ(read_file(folder->path() + "/outside").value_or(""), "untouched");
  EXPECT_FALSE(path_exists("/tmp/new"));
}

TEST_F(SentFiles, ContentThatWasNotAskedForIsRefused) {
  EXPECT_FALSE(writer->write(7, "x"));
  EXPECT_FALSE(writer->end(7));
  Result<bool> wanted = writer->add(1, {"late", 0644, 0, ""});
  EXPECT_TRUE(wanted && *wanted);
  EXPECT_FALSE(writer->finish()) << "its content has not come";
}

}  // namespace
}  // namespace stack::engine
