// Complete pulls and pushes between a store and scripted registries.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/process.h"
#include "fake_registry.h"
#include "images/source/registry/pull.h"
#include "images/source/registry/push.h"

namespace stack::images::registry {
namespace {

class Pulls : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "layers are unpacked as root";
    open_store();
  }
  void open_store() {
    client_.reset();
    store_.reset();
    Result<std::unique_ptr<ImageStore>> store = ImageStore::open(folder_.path() + "/images");
    ASSERT_TRUE(store) << store.error().text();
    store_ = std::move(*store);
    client_ = Client::open(*store_, folder_.path() + "/no-host-settings");
  }
  Answer<PullResult> pull(const std::string& reference) {
    PullRequest request;
    request.reference = *parse_reference(reference);
    request.stop = stop_.get_token();
    return client_->pull(request, [this](const TransferEvent& event) { events_.push_back(event); });
  }
  std::string file(const Image& image, const std::string& name) {
    for (const std::string& layer : image.layer_dirs)
      if (Result<std::string> text = read_file(layer + "/" + name)) return *text;
    return "";
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create("/tmp/stack-pull-");
  std::unique_ptr<ImageStore> store_;
  std::unique_ptr<Client> client_;
  std::stop_source stop_;
  std::vector<TransferEvent> events_;
};

TEST_F(Pulls, ImageIsPulledOnce) {
  FakeRegistry registry;
  std::string manifest = registry.add_image("1", {tar_of("a", "one"), tar_of("b", "two")});
  Answer<PullResult> first = pull(registry.reference("1"));
  ASSERT_TRUE(first) << first.error().error.text();
  EXPECT_TRUE(first->changed);
  EXPECT_EQ(first->digest, digest_of(manifest));
  EXPECT_EQ(file(first->image, "a") + file(first->image, "b"), "onetwo");
  size_t asked = registry.server.requests().size();
  Answer<PullResult> again = pull(registry.reference("1"));
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
  EXPECT_EQ(registry.server.requests().size(), asked + 1) << "the manifest alone";
}

TEST_F(Pulls, ImageForThisMachineIsChosenFromAnIndex) {
  FakeRegistry registry;
  std::string own = registry.add_image("own", {tar_of("a", "mine")});
  std::string statement = registry.add_image("statement", {});
  Json mine = descriptor(kOciManifestType, own);
  mine["platform"] = {{"os", "linux"}, {"architecture", host_platform().architecture}};
  Json attestation = descriptor(kOciManifestType, statement);
  attestation["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
  std::string index =
      to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", {attestation, mine}}});
  registry.add_manifest("1", index);
  Answer<PullResult> pulled = pull(registry.reference("1"));
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  EXPECT_EQ(pulled->digest, digest_of(index));
  EXPECT_EQ(file(pulled->image, "a"), "mine");
  EXPECT_TRUE(store_->find(registry.server.host() + "/app@" + digest_of(index)));
  mine["platform"]["architecture"] = "s390x";
  registry.add_manifest(
      "2", to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", {mine}}}));
  Answer<PullResult> foreign = pull(registry.reference("2"));
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().error.text().find("available platforms: linux/s390x"), std::string::npos)
      << foreign.error().error.text();
}

TEST_F(Pulls, WrongLayerIsNeverStored) {
  FakeRegistry registry;
  std::string layer = tar_of("a", std::string(5000, 'x'));
  registry.add_image("1", {layer});
  std::string wrong = layer;
  wrong[600] = 'y';
  registry.content["blobs/" + digest_of(layer)] = wrong;
  Answer<PullResult> pulled = pull(registry.reference("1"));
  ASSERT_FALSE(pulled);
  EXPECT_FALSE(store_->find(registry.reference("1")));
  EXPECT_EQ(store_->pin_layer(digest_of(layer)), nullptr);
  EXPECT_EQ(registry.gets("blobs/" + digest_of(layer)), 2U) << "it is tried once more";
  registry.content["blobs/" + digest_of(layer)] = layer;
  EXPECT_TRUE(pull(registry.reference("1")));
}

TEST_F(Pulls, InterruptedPullResumesInAnotherProcess) {
  FakeRegistry registry;
  std::string layer = tar_of("a", std::string(3'000'000, 'x'));
  registry.add_image("1", {layer});
  std::string path = "blobs/" + digest_of(layer);
  // The connection is cut after the first part; the pull is stopped when it asks for the rest.
  int requests = 0;
  registry.fault = [&](const ServedRequest& request) -> std::optional<Reply> {
    if (!request.target.ends_with(path)) return std::nullopt;
    Reply reply = test::ranged(request, layer);
    reply.cut_after = 2'000'000;
    if (++requests == 1) return reply;
    stop_.request_stop();
    reply.cut_after = 1;
    return reply;
  };
  Answer<PullResult> stopped = pull(registry.reference("1"));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().error.kind(), ErrorKind::Canceled);
  registry.fault = nullptr;
  stop_ = std::stop_source();
  open_store();
  Answer<PullResult> pulled = pull(registry.reference("1"));
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  std::string range = registry.server.requests().back().header("range");
  EXPECT_TRUE(range.starts_with("bytes=") && range != "bytes=0-") << range;
}

TEST_F(Pulls, TwoPullsFetchASharedLayerOnce) {
  FakeRegistry registry;
  std::string shared = tar_of("a", std::string(1'000'000, 'x'));
  registry.add_image("1", {shared, tar_of("b", "one")});
  registry.add_image("2", {shared, tar_of("b", "two")});
  auto pull_quietly = [&](const char* tag) {
    PullRequest request;
    request.reference = *parse_reference(registry.reference(tag));
    return client_->pull(request, [](const TransferEvent&) {}).has_value();
  };
  bool second = false;
  std::thread other([&] { second = pull_quietly("2"); });
  EXPECT_TRUE(pull_quietly("1"));
  other.join();
  EXPECT_TRUE(second);
  EXPECT_EQ(registry.gets("blobs/" + digest_of(shared)), 1U);
}

TEST_F(Pulls, RepeatedLayerIsFetchedOnce) {
  FakeRegistry registry;
  std::string layer = tar_of("a", "same");
  registry.add_image("1", {layer, tar_of("b", "other"), layer});
  ASSERT_TRUE(pull(registry.reference("1")));
  EXPECT_EQ(registry.gets("blobs/" + digest_of(layer)), 1U);
}

TEST_F(Pulls, OtherArtifactsAreRejectedWithTheReason) {
  FakeRegistry registry;
  registry.add_manifest(
      "old", R"({"schemaVersion":1,"mediaType":"application/vnd.docker.distribution.manifest.v1+json"})");
  Answer<PullResult> old = pull(registry.reference("old"));
  ASSERT_FALSE(old);
  EXPECT_NE(old.error().error.text().find("obsolete manifest"), std::string::npos)
      << old.error().error.text();
  Answer<PullResult> none = pull(registry.reference("none"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().error.kind(), ErrorKind::NotFound);
  EXPECT_NE(none.error().error.text().find("app:none: registry 127.0.0.1:"), std::string::npos)
      << none.error().error.text();
}

TEST_F(Pulls, ContradictingManifestAndConfigurationAreRejected) {
  FakeRegistry registry;
  Json manifest = *parse_json(registry.add_image("1", {tar_of("a", "1"), tar_of("b", "2")}));
  manifest["layers"].erase(1);
  registry.add_manifest("1", to_text(manifest));
  EXPECT_FALSE(pull(registry.reference("1")));
}

TEST_F(Pulls, PushSendsTheSameBytes) {
  FakeRegistry source;
  std::string manifest = source.add_image("1", {tar_of("a", "one")});
  Answer<PullResult> pulled = pull(source.reference("1"));
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  std::mutex mutex;
  std::map<std::string, std::string> received;
  HttpServer target([&](const ServedRequest& request) -> Reply {
    std::lock_guard guard(mutex);
    if (request.method == "HEAD") return {404, {}, "", {}};
    if (request.method == "POST") return {202, {{"Location", "/v2/copy/blobs/uploads/x"}}, "", {}};
    received[request.target] = request.body;
    return {201, {}, "", {}};
  });
  Reference name = *parse_reference(target.host() + "/copy:2");
  ASSERT_TRUE(store_->tag(pulled->image.id, name));
  Answer<PushResult> pushed = client_->push({name, {}, {}, {}}, [](const TransferEvent&) {});
  ASSERT_TRUE(pushed) << pushed.error().error.text();
  EXPECT_EQ(pushed->digest, digest_of(manifest));
  EXPECT_EQ(received["/v2/copy/manifests/2"], manifest);
  EXPECT_EQ(received.size(), 3U);
}

}  // namespace
}  // namespace stack::images::registry
