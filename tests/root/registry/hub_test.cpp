// A registry that behaves as Docker Hub does, on a bad day: a token service and storage on other hosts, limits, faults.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"
#include "base/process.h"
#include "fake_registry.h"

namespace stack::images::registry {
namespace {

std::string compressed(const std::string& program, const std::string& bytes) {
  TemporaryDirectory folder = *TemporaryDirectory::create("/tmp/stack-hub-");
  EXPECT_TRUE(write_file(folder.path() + "/plain", bytes));
  std::string command = program + " < " + folder.path() + "/plain > " + folder.path() + "/packed";
  EXPECT_EQ(::system(command.c_str()), 0) << command;
  return read_file(folder.path() + "/packed").value_or("");
}

class Hub : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "layers are unpacked as root";
    store_ = std::move(*ImageStore::open(folder_.path() + "/images"));
    client_ = Client::open(*store_, folder_.path() + "/no-host-settings");
    make_image();
  }

  // An index with an attestation and an image of one gzip and one zstd layer.
  void make_image() {
    std::string first = tar_of("a", std::string(300'000, 'x'));
    std::string second = tar_of("b", "two");
    gzip_ = compressed("gzip -c", first);
    zstd_ = compressed("zstd -q -c", second);
    std::string config =
        to_text(Json{{"architecture", host_platform().architecture},
                     {"os", "linux"},
                     {"config", Json::object()},
                     {"rootfs", {{"type", "layers"}, {"diff_ids", {digest_of(first), digest_of(second)}}}}});
    const std::string type = kOciLayerType;
    std::string manifest =
        to_text(Json{{"schemaVersion", 2},
                     {"mediaType", kOciManifestType},
                     {"config", descriptor(kOciConfigType, config)},
                     {"layers", {descriptor(type + "+gzip", gzip_), descriptor(type + "+zstd", zstd_)}}});
    std::string statement = to_text(Json{{"schemaVersion", 2},
                                         {"mediaType", kOciManifestType},
                                         {"config", descriptor(kOciConfigType, "{}")},
                                         {"layers", Json::array()}});
    Json mine = descriptor(kOciManifestType, manifest);
    mine["platform"] = {{"os", "linux"}, {"architecture", host_platform().architecture}};
    Json attestation = descriptor(kOciManifestType, statement);
    attestation["platform"] = {{"os", "unknown"}, {"architecture", "unknown"}};
    attestation["annotations"] = {{"vnd.docker.reference.type", "attestation-manifest"}};
    index_ =
        to_text(Json{{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", {mine, attestation}}});
    for (const std::string& text : {manifest, index_, config, gzip_, zstd_}) content_[digest_of(text)] = text;
    content_["latest"] = index_;
  }

  Reply manifest(const ServedRequest& request, const std::string& name) {
    if (!request.header("authorization").starts_with("Bearer right"))
      return test::challenge("Bearer realm=\"" + tokens_.origin() +
                             "/token\",service=\"registry.docker.io\",scope=\"repository:library/app:pull\"");
    if (faults_["unavailable"]++ == 0) return {503, {}, "<html>Bad Gateway</html>", {}};
    if (faults_["limited"]++ == 0)
      return {
          429,
          {{"Retry-After", "1"}, {"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "0;w=21600"}},
          R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})",
          {}};
    if (faults_["moved"]++ == 0) return {307, {{"Location", request.target + "?again"}}, "", {}};
    // No Docker-Content-Digest.
    return {200, {{"Content-Type", string_or(*parse_json(content_[name]), "mediaType")}}, content_[name], {}};
  }

  Reply registry(const ServedRequest& request) {
    std::lock_guard guard(mutex_);
    std::string name = request.target.substr(0, request.target.find('?'));
    name = name.substr(name.rfind('/') + 1);
    if (request.target.find("/manifests/") != std::string::npos) return manifest(request, name);
    return {302, {{"Location", storage_.origin() + "/data/" + name + "?signature=x"}}, "", {}};
  }

  // Storage refuses requests with a second kind of authorization, is slow, and breaks off once.
  Reply storage(const ServedRequest& request) {
    if (!request.header("authorization").empty()) return {400, {}, "only one auth mechanism allowed", {}};
    std::string name = request.target.substr(6, request.target.find('?') - 6);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    std::lock_guard guard(mutex_);
    Reply reply = test::ranged(request, content_[name]);
    if (name == digest_of(gzip_) && faults_["cut"]++ == 0) reply.cut_after = gzip_.size() / 2;
    return reply;
  }

  Reply tokens(const ServedRequest& request) {
    if (request.method != "GET") return {404, {}, "", {}};
    return {200, {}, R"({"token":"right","expires_in":300})", {}};
  }

  Answer<PullResult> pull() {
    PullRequest request;
    request.reference = *parse_reference(registry_.host() + "/library/app:latest");
    return client_->pull(request, [this](const TransferEvent& event) {
      if (event.layer.empty()) texts_.push_back(event.text);
    });
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create("/tmp/stack-hub-");
  std::unique_ptr<ImageStore> store_;
  std::unique_ptr<Client> client_;
  std::string gzip_;
  std::string zstd_;
  std::string index_;
  std::mutex mutex_;
  std::map<std::string, std::string> content_;
  std::map<std::string, int> faults_;
  std::vector<std::string> texts_;
  HttpServer tokens_{[this](const ServedRequest& request) { return tokens(request); }};
  HttpServer storage_{[this](const ServedRequest& request) { return storage(request); }};
  HttpServer registry_{[this](const ServedRequest& request) { return registry(request); }};
};

TEST_F(Hub, APullSurvivesABadDay) {
  Answer<PullResult> pulled = pull();
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  EXPECT_EQ(pulled->digest, digest_of(index_));
  ASSERT_EQ(pulled->image.layer_dirs.size(), 2U);
  EXPECT_EQ(read_file(pulled->image.layer_dirs[0] + "/b").value_or(""), "two");
  EXPECT_EQ(read_file(pulled->image.layer_dirs[1] + "/a").value_or("").size(), 300'000U);
  for (const char* fault : {"unavailable", "limited", "moved", "cut"}) EXPECT_GT(faults_[fault], 1) << fault;
  // The rest of the broken transfer only.
  std::string range;
  for (const ServedRequest& request : storage_.requests())
    if (!request.header("range").empty()) range = request.header("range");
  EXPECT_TRUE(range.starts_with("bytes=")) << range;
  for (const ServedRequest& request : tokens_.requests())
    EXPECT_EQ(request.header("authorization"), "") << "an anonymous caller has no credentials";
  EXPECT_TRUE(std::any_of(texts_.begin(), texts_.end(), [](const std::string& text) {
    return text.find("again in 1s") != std::string::npos;
  })) << (texts_.empty() ? "nothing told" : texts_.front());
}

// Servers compress what is labeled as text, even if they are asked not to.
TEST_F(Hub, ACompressedManifestIsRead) {
  FakeRegistry plain;
  std::string manifest = plain.add_image("1", {tar_of("a", "one")});
  std::string packed = compressed("gzip -c", manifest);
  plain.fault = [&](const ServedRequest& request) -> std::optional<Reply> {
    if (request.target.find("/manifests/") == std::string::npos) return std::nullopt;
    return Reply{200, {{"Content-Type", kOciManifestType}, {"Content-Encoding", "gzip"}}, packed, {}};
  };
  PullRequest request;
  request.reference = *parse_reference(plain.reference("1"));
  Answer<PullResult> pulled = client_->pull(request, [](const TransferEvent&) {});
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  EXPECT_EQ(pulled->digest, digest_of(manifest));
}

// The blob is what its digest says, whatever the header claims of it.
TEST_F(Hub, ALayerThatIsLabeledAsCompressedIsTakenAsItIs) {
  FakeRegistry plain;
  std::string layer = tar_of("a", "one");
  plain.add_image("1", {layer});
  plain.fault = [&](const ServedRequest& request) -> std::optional<Reply> {
    if (!request.target.ends_with(digest_of(layer))) return std::nullopt;
    return Reply{200, {{"Content-Encoding", "gzip"}}, layer, {}};
  };
  PullRequest request;
  request.reference = *parse_reference(plain.reference("1"));
  Answer<PullResult> pulled = client_->pull(request, [](const TransferEvent&) {});
  ASSERT_TRUE(pulled) << pulled.error().error.text();
  EXPECT_EQ(read_file(pulled->image.layer_dirs[0] + "/a").value_or(""), "one");
}

}  // namespace
}  // namespace stack::images::registry
