// The client against scripted registries.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/files.h"
#include "base/identity.h"
#include "http_server.h"
#include "images/source/registry/blob_fetch.h"
#include "images/source/registry/blob_turns.h"
#include "images/source/registry/manifest.h"
#include "images/source/registry/push.h"
#include "images/source/registry/repository.h"

namespace stack::images::registry {
namespace {

using test::HttpServer;
using test::Reply;
using test::ServedRequest;

constexpr const char* kManifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{}})";

RetryPolicy quick() {
  return {5, std::chrono::milliseconds(1), std::chrono::milliseconds(2), std::chrono::seconds(2)};
}

class Client : public ::testing::Test {
 protected:
  Repository repository(const HttpServer& server, const std::string& name = "team/app") {
    Endpoint endpoint;
    endpoint.origin = server.origin();
    endpoint.repository = name;
    endpoint.name = server.host();
    endpoint.credentials_for = server.host() + "/" + name;
    Repository out(transport_, authenticator_, endpoint, caller_, stop_.get_token());
    out.set_retry(quick(), [this](const std::string& text) { notices_.push_back(text); });
    return out;
  }
  void log_in(const HttpServer& server, RegistryCredentials credentials) {
    caller_.keyring[server.host()] = std::move(credentials);
  }

  Transport transport_;
  Authenticator authenticator_{transport_};
  Caller caller_;
  std::stop_source stop_;
  std::vector<std::string> notices_;
};

Reply token(const std::string& value) {
  return {200, {}, R"({"token":")" + value + R"(","expires_in":300})", {}};
}

TEST_F(Client, AnonymousTokenOfAnotherHostIsFetchedOnceAndNeverSentThere) {
  HttpServer service([](const ServedRequest&) { return token("T1"); });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.header("authorization") != "Bearer T1")
      return test::challenge("Bearer realm=\"" + service.origin() +
                             "/token\",service=\"registry.test\",scope=\"repository:team/app:pull\"");
    return {
        200, {{"Content-Type", "application/vnd.oci.image.manifest.v1+json; charset=utf-8"}}, kManifest, {}};
  });
  Repository one = repository(server);
  Answer<FetchedManifest> first = one.manifest("latest");
  ASSERT_TRUE(first) << first.error().error.text();
  EXPECT_EQ(first->digest, "sha256:" + sha256_hex(kManifest));
  Repository again = repository(server);
  ASSERT_TRUE(again.manifest("1.0"));
  ASSERT_EQ(service.requests().size(), 1U);
  EXPECT_EQ(service.requests()[0].target,
            "/token?service=registry.test&scope=repository%3Ateam%2Fapp%3Apull");
  EXPECT_EQ(service.requests()[0].header("authorization"), "");
  EXPECT_EQ(server.requests().size(), 3U) << "the second request begins with the token";
}

TEST_F(Client, CredentialsUseOAuthFirstAndBasicAsFallback) {
  HttpServer service([](const ServedRequest& request) -> Reply {
    if (request.method == "POST") return {404, {}, "", {}};
    return token("T2");
  });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.header("authorization") != "Bearer T2")
      return test::challenge("Bearer realm=\"" + service.origin() + "/token\",service=\"s\"");
    return {200, {}, kManifest, {}};
  });
  log_in(server, {"me", "se cret", "", ""});
  ASSERT_TRUE(repository(server).manifest("latest"));
  std::vector<ServedRequest> asked = service.requests();
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_NE(asked[0].body.find("grant_type=password&username=me&password=se%20cret"), std::string::npos);
  EXPECT_EQ(asked[1].header("authorization"), "Basic " + encode_base64("me:se cret"));
  EXPECT_NE(asked[1].target.find("account=me"), std::string::npos);
}

TEST_F(Client, AnIdentityTokenIsARefreshToken) {
  HttpServer service([](const ServedRequest&) { return Reply{200, {}, R"({"access_token":"T3"})", {}}; });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.header("authorization") != "Bearer T3")
      return test::challenge("Bearer realm=\"" + service.origin() + "/token\"");
    return {200, {}, kManifest, {}};
  });
  log_in(server, {"", "", "refresh-me", ""});
  ASSERT_TRUE(repository(server).manifest("latest"));
  EXPECT_NE(service.requests()[0].body.find("grant_type=refresh_token&refresh_token=refresh-me"),
            std::string::npos);
}

TEST_F(Client, BasicIsSupportedAndWrongCredentialsFailImmediately) {
  HttpServer server([](const ServedRequest& request) -> Reply {
    if (request.header("authorization") != "Basic " + encode_base64("me:right"))
      return test::challenge("Basic realm=\"registry\"");
    return {200, {}, kManifest, {}};
  });
  log_in(server, {"me", "right", "", ""});
  EXPECT_TRUE(repository(server).manifest("latest"));
  log_in(server, {"me", "wrong", "", ""});
  Answer<FetchedManifest> denied = repository(server).manifest("latest");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().failure, Failure::Denied);
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(Client, TokensAreNotSharedBetweenCallers) {
  HttpServer service([](const ServedRequest& request) {
    return token(request.header("authorization").empty() && request.body.empty() ? "anonymous" : "member");
  });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    std::string authorization = request.header("authorization");
    if (authorization.empty()) return test::challenge("Bearer realm=\"" + service.origin() + "/token\"");
    return authorization == "Bearer member" ? Reply{200, {}, kManifest, {}} : Reply{403, {}, "", {}};
  });
  log_in(server, {"me", "secret", "", ""});
  ASSERT_TRUE(repository(server).manifest("latest"));
  caller_.keyring.clear();
  EXPECT_FALSE(repository(server).manifest("latest"));
}

TEST_F(Client, AnExpiredTokenIsRefreshedWhenTheRegistryRefusesIt) {
  std::atomic<int> tokens = 0;
  HttpServer service([&](const ServedRequest&) { return token("T" + std::to_string(++tokens)); });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.header("authorization") != "Bearer T2")
      return test::challenge("Bearer realm=\"" + service.origin() + "/token\",error=\"invalid_token\"");
    return {200, {}, kManifest, {}};
  });
  EXPECT_FALSE(repository(server).manifest("latest")) << "one new token a request";
  EXPECT_TRUE(repository(server).manifest("latest"));
}

TEST_F(Client, RedirectsToAnotherHostDropTheAuthorization) {
  HttpServer storage([](const ServedRequest&) { return Reply{200, {}, "blob", {}}; });
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.header("authorization").empty()) return test::challenge("Basic realm=\"r\"");
    return {307, {{"Location", storage.origin() + "/signed?x=1"}}, "", {}};
  });
  log_in(server, {"me", "secret", "", ""});
  std::string got;
  Answer<> fetched =
      repository(server).blob("sha256:" + std::string(64, 'a'), 0, [&](bool, std::string_view bytes) {
        got += bytes;
        return Result<>();
      });
  ASSERT_TRUE(fetched) << fetched.error().error.text();
  EXPECT_EQ(got, "blob");
  EXPECT_EQ(storage.requests()[0].header("authorization"), "");
}

TEST_F(Client, RedirectLoopsEnd) {
  HttpServer server([](const ServedRequest&) { return Reply{302, {{"Location", "/v2/again"}}, "", {}}; });
  Answer<FetchedManifest> answer = repository(server).manifest("latest");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.text(), "redirected in a loop");
}

TEST_F(Client, ServerErrorsAndRateLimitsAreRetried) {
  std::atomic<int> count = 0;
  HttpServer server([&](const ServedRequest&) -> Reply {
    switch (count++) {
      case 0:
        return {503, {}, "", {}};
      case 1:
        return {429, {{"Retry-After", "0"}}, "", {}};
      default:
        return {200, {}, kManifest, {}};
    }
  });
  EXPECT_TRUE(repository(server).manifest("latest"));
  EXPECT_EQ(count, 3);
}

TEST_F(Client, LongRetryAfterIsReportedWithTheLimit) {
  HttpServer server([](const ServedRequest&) -> Reply {
    return {
        429,
        {{"Retry-After", "7200"}, {"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "0;w=21600"}},
        R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]})",
        {}};
  });
  Answer<FetchedManifest> answer = repository(server).manifest("latest");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::RateLimited);
  EXPECT_EQ(answer.error().error.text(),
            "it answered 429 (You have reached your pull rate limit.): 100 pulls per 6 hours, 0 left: try "
            "again in 2 hours");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Client, ManifestMustMatchItsDigestAndHaveAReasonableSize) {
  std::string other = "sha256:" + std::string(64, 'b');
  std::string big(kLargestDocument + 1, ' ');
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.target.ends_with("big")) return {200, {}, big, {}};
    return {200, {{"Docker-Content-Digest", request.target.ends_with("lies") ? other : ""}}, kManifest, {}};
  });
  EXPECT_FALSE(repository(server).manifest(other));
  EXPECT_FALSE(repository(server).manifest("lies"));
  EXPECT_FALSE(repository(server).manifest("big"));
  EXPECT_TRUE(repository(server).manifest("sha256:" + sha256_hex(kManifest)));
}

TEST_F(Client, StopEndsAWaitForTheNextAttempt) {
  HttpServer server([](const ServedRequest&) { return Reply{503, {{"Retry-After", "2"}}, "", {}}; });
  std::thread stopper([&] {
    while (server.requests().empty()) std::this_thread::yield();
    stop_.request_stop();
  });
  Answer<FetchedManifest> answer = repository(server).manifest("latest");
  stopper.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::Canceled);
}

// --- blobs ---

// Stores the bytes in memory; accepts at most `most` bytes.
class MemoryTarget : public BlobTarget {
 public:
  int64_t offset() const override { return static_cast<int64_t>(bytes.size()); }
  Result<> restart() override {
    bytes.clear();
    return {};
  }
  Result<> write(std::string_view more) override {
    if (bytes.size() + more.size() > most) return Error("no space left on device");
    bytes.append(more);
    return {};
  }
  std::string bytes;
  size_t most = size_t{1} << 30;
};

class Blobs : public Client {
 protected:
  void SetUp() override {
    for (int i = 0; i < 300'000; ++i) content_ += static_cast<char>(i * 7 + i / 251);
    blob_.digest = "sha256:" + sha256_hex(content_);
    blob_.size = static_cast<int64_t>(content_.size());
  }

  Answer<> fetch(const HttpServer& server) {
    Repository from = repository(server);
    BlobFetch one{from, blob_, stop_.get_token(), [](int64_t) {}, [](const std::string&) {}};
    return fetch_blob(one, target_);
  }

  MemoryTarget target_;
  std::string content_;
  Descriptor blob_;
};

TEST_F(Blobs, InterruptedTransferIsResumed) {
  std::atomic<int> count = 0;
  HttpServer server([&](const ServedRequest& request) {
    Reply reply = test::ranged(request, content_);
    if (++count < 3) reply.cut_after = 100'000;
    return reply;
  });
  Answer<> fetched = fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().error.text();
  EXPECT_EQ(target_.bytes, content_);
  EXPECT_EQ(server.requests()[1].header("range"), "bytes=100000-");
  EXPECT_EQ(server.requests()[2].header("range"), "bytes=200000-");
}

TEST_F(Blobs, ExistingBytesAreNotRequested) {
  target_.bytes = content_.substr(0, 250'000);
  HttpServer server([&](const ServedRequest& request) { return test::ranged(request, content_); });
  ASSERT_TRUE(fetch(server));
  EXPECT_EQ(target_.bytes, content_);
  EXPECT_EQ(server.requests()[0].header("range"), "bytes=250000-");
}

TEST_F(Blobs, ServerWithoutRangesRestarts) {
  target_.bytes = content_.substr(0, 250'000);
  HttpServer server([&](const ServedRequest&) { return Reply{200, {}, content_, {}}; });
  ASSERT_TRUE(fetch(server));
  EXPECT_EQ(target_.bytes, content_);
}

TEST_F(Blobs, PartUnknownToTheServerIsDropped) {
  target_.bytes = content_.substr(0, 250'000);
  std::atomic<int> count = 0;
  HttpServer server([&](const ServedRequest& request) {
    return count++ == 0 ? Reply{416, {}, "", {}} : test::ranged(request, content_);
  });
  ASSERT_TRUE(fetch(server));
  EXPECT_EQ(target_.bytes, content_);
}

TEST_F(Blobs, MoreBytesThanPromisedEndTheTransfer) {
  HttpServer server([&](const ServedRequest&) { return Reply{200, {}, content_ + "more", {}}; });
  Answer<> fetched = fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().failure, Failure::Local);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Blobs, FullDiskEndsTheTransferImmediately) {
  target_.most = 100'000;
  HttpServer server([&](const ServedRequest& request) { return test::ranged(request, content_); });
  Answer<> fetched = fetch(server);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().error.text(), "no space left on device");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Blobs, AnEmptyBlobNeedsNoRequest) {
  blob_.digest = "sha256:" + sha256_hex("");
  blob_.size = 0;
  HttpServer server([&](const ServedRequest&) { return Reply{500, {}, "", {}}; });
  EXPECT_TRUE(fetch(server));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(Blobs, ForeignLayersComeFromTheirOwnAddressWithoutCredentials) {
  HttpServer elsewhere([&](const ServedRequest& request) { return test::ranged(request, content_); });
  HttpServer server([](const ServedRequest& request) -> Reply {
    if (request.header("authorization").empty()) return test::challenge("Basic realm=\"r\"");
    return {404, {}, "", {}};
  });
  log_in(server, {"me", "secret", "", ""});
  blob_.urls = {elsewhere.origin() + "/layer"};
  Answer<> fetched = fetch(server);
  ASSERT_TRUE(fetched) << fetched.error().error.text();
  EXPECT_EQ(elsewhere.requests()[0].header("authorization"), "");
}

TEST(Turns, ASecondCallerWaitsAndCanGiveUp) {
  BlobTurns turns;
  std::stop_source none;
  Result<BlobTurns::Turn> first = turns.take("sha256:a", none.get_token(), [] {});
  ASSERT_TRUE(first);
  bool waited = false;
  std::stop_source stopped;
  Result<BlobTurns::Turn> second = turns.take("sha256:a", stopped.get_token(), [&] {
    waited = true;
    stopped.request_stop();
  });
  EXPECT_FALSE(second);
  EXPECT_TRUE(waited);
  EXPECT_TRUE(turns.take("sha256:b", none.get_token(), [] {}));
}

// --- uploads ---

TEST_F(Client, ExistingBlobIsNotSent) {
  HttpServer server([](const ServedRequest&) { return Reply{200, {}, "", {}}; });
  Repository to = repository(server);
  Answer<UploadEnd> end = upload_blob({to, "sha256:" + std::string(64, 'a'), {}, {}, {}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, UploadEnd::Present);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Client, BlobOfAnotherRepositoryIsMounted) {
  HttpServer server(
      [](const ServedRequest& request) { return Reply{request.method == "POST" ? 201 : 404, {}, "", {}}; });
  Repository to = repository(server);
  std::string digest = "sha256:" + std::string(64, 'a');
  Answer<UploadEnd> end = upload_blob({to, digest, {}, {"team/base"}, {}});
  ASSERT_TRUE(end);
  EXPECT_EQ(*end, UploadEnd::Mounted);
  EXPECT_EQ(server.requests()[1].target,
            "/v2/team/app/blobs/uploads/?mount=sha256%3A" + std::string(64, 'a') + "&from=team%2Fbase");
}

TEST_F(Client, UploadKeepsTheQueryOfItsLocationAndRestartsAfterAFailure) {
  TemporaryDirectory folder = *TemporaryDirectory::create("/tmp/stack-upload-");
  ASSERT_TRUE(write_file(folder.path() + "/blob", "content"));
  Fd file = *open_file(folder.path() + "/blob", O_RDONLY);
  std::atomic<int> puts = 0;
  HttpServer server([&](const ServedRequest& request) -> Reply {
    if (request.method == "POST") return {202, {{"Location", "/upload/1?state=abc"}}, "", {}};
    if (request.method == "PUT") return {puts++ == 0 ? 502 : 201, {}, "", {}};
    return {404, {}, "", {}};
  });
  Repository to = repository(server);
  std::string digest = "sha256:" + std::string(64, 'a');
  Answer<UploadEnd> end = upload_blob({to, digest, {file.get(), 0, 7}, {}, [](int64_t) {}});
  ASSERT_TRUE(end) << end.error().error.text();
  ServedRequest put = server.requests().back();
  EXPECT_EQ(put.target, "/upload/1?state=abc&digest=sha256%3A" + std::string(64, 'a'));
  EXPECT_EQ(put.body, "content");
}

TEST(RetryPolicies, OnlyTheLastPlaceIsTriedForLong) {
  Endpoint registry;
  Endpoint mirror;
  mirror.mirror = true;
  EXPECT_TRUE(retry_policy(registry, true).retry_unreachable);
  EXPECT_GT(retry_policy(registry, true).attempts, 1);
  // Plain HTTP is tried next.
  EXPECT_FALSE(retry_policy(registry, false).retry_unreachable);
  EXPECT_GT(retry_policy(registry, false).attempts, 1);
  EXPECT_EQ(retry_policy(mirror, false).attempts, 1);
}

}  // namespace
}  // namespace stack::images::registry
