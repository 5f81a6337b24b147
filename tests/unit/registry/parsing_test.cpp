// Texts of registries, administrators, and users: addresses, challenges, platforms, manifests, configuration files.
#include <gtest/gtest.h>

#include "base/files.h"
#include "images/source/registry/auth.h"
#include "images/source/registry/challenge.h"
#include "images/source/registry/endpoint.h"
#include "images/source/registry/manifest.h"
#include "images/source/registry/pull.h"
#include "images/source/registry/repository.h"
#include "images/source/registry/url.h"

namespace stack::images::registry {
namespace {

TEST(Url, ReadsOriginsAndTargets) {
  std::optional<Url> url = parse_url("HTTPS://Registry.Example.com:443/v2/?a=b#c");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->text(), "https://registry.example.com/v2/?a=b");
  EXPECT_EQ(parse_url("http://[::1]:5000")->text(), "http://[::1]:5000/");
  for (const char* bad : {"ftp://a/", "https://", "https://user:pw@a/", "https://a:99999/", "https://a:x/",
                          "a/b", "https://a /b"})
    EXPECT_FALSE(parse_url(bad)) << bad;
}

TEST(Url, ResolvesLocations) {
  Url base = *parse_url("https://a.test:8443/v2/app/blobs/uploads/?x=1");
  EXPECT_EQ(resolve_location(base, "/v2/next?state=a/b")->text(), "https://a.test:8443/v2/next?state=a/b");
  EXPECT_EQ(resolve_location(base, "uuid?s=1")->text(), "https://a.test:8443/v2/app/blobs/uploads/uuid?s=1");
  EXPECT_EQ(resolve_location(base, "?s=1")->text(), "https://a.test:8443/v2/app/blobs/uploads/?s=1");
  EXPECT_EQ(resolve_location(base, "//b.test/x")->text(), "https://b.test/x");
  EXPECT_EQ(resolve_location(base, "http://b.test/x?u=http://c/")->text(), "http://b.test/x?u=http://c/");
  EXPECT_EQ(resolve_location(base, "/x?u=http://c/")->text(), "https://a.test:8443/x?u=http://c/");
  EXPECT_FALSE(resolve_location(base, ""));
  EXPECT_FALSE(resolve_location(base, "ftp://b/x"));
}

TEST(Url, KnowsLoopback) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.8.7", "::1", "app.localhost"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"128.0.0.1", "example.com", "localhost.example.com", "1270.0.0.1"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Challenges, QuotedStringsAndSeveralSchemesInOneField) {
  auto all = parse_challenges(
      R"(Basic realm="a \"quoted\", part", bearer Realm="https://t/x?a=b,c" , scope="repository:a:pull,push",service=plain)");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].scheme, "basic");
  EXPECT_EQ(all[0].parameter("realm"), "a \"quoted\", part");
  EXPECT_EQ(all[1].scheme, "bearer");
  EXPECT_EQ(all[1].parameter("realm"), "https://t/x?a=b,c");
  EXPECT_EQ(all[1].parameter("scope"), "repository:a:pull,push");
  EXPECT_EQ(all[1].parameter("service"), "plain");
}

TEST(Challenges, BearerIsPreferredAndRequiresARealm) {
  EXPECT_EQ(choose_challenge({"Basic realm=x", "Bearer realm=\"https://t\""})->scheme, "bearer");
  EXPECT_EQ(choose_challenge({"Bearer service=x", "Basic realm=x"})->scheme, "basic");
  EXPECT_FALSE(choose_challenge({"Negotiate", "Digest realm=x"}));
  EXPECT_FALSE(choose_challenge({"", "Bearer realm=\"unterminated"}));
  EXPECT_EQ(choose_challenge({"Bearer realm=https://t/token,service=s"})->parameter("realm"),
            "https://t/token");
}

TEST(Tokens, EitherNameAndAtLeastAMinute) {
  EXPECT_EQ(parse_token(R"({"token":"a"})")->value, "a");
  EXPECT_EQ(parse_token(R"({"access_token":"b","expires_in":1})")->lifetime, std::chrono::seconds(60));
  EXPECT_EQ(parse_token(R"({"token":"b","expires_in":900})")->lifetime, std::chrono::seconds(900));
  for (const char* bad : {"", "[]", "{}", R"({"token":5})", R"({"token":"a\nb"})"})
    EXPECT_FALSE(parse_token(bad)) << bad;
}

TEST(Platforms, AreNormalized) {
  EXPECT_EQ(platform_text(*parse_platform("linux/x86_64")), "linux/amd64");
  EXPECT_EQ(platform_text(*parse_platform("linux/arm64/v8")), "linux/arm64");
  EXPECT_EQ(platform_text(*parse_platform("aarch64")), "linux/arm64");
  EXPECT_EQ(platform_text(*parse_platform("Linux/ARMHF")), "linux/arm/v7");
  EXPECT_EQ(platform_text(*parse_platform("linux/arm")), "linux/arm/v7");
  EXPECT_FALSE(parse_platform("linux//x"));
  EXPECT_FALSE(parse_platform("a/b/c/d"));
}

TEST(Platforms, AMachineRunsLowerVariants) {
  Platform armv7{"linux", "arm", "v7"};
  EXPECT_EQ(platform_distance(armv7, {"linux", "arm", "v7"}), 0);
  EXPECT_EQ(platform_distance(armv7, {"linux", "arm", "v5"}), 2);
  EXPECT_FALSE(platform_distance({"linux", "arm", "v6"}, armv7));
  EXPECT_EQ(platform_distance({"linux", "amd64", ""}, {"linux", "386", ""}), 100);
  EXPECT_FALSE(platform_distance({"linux", "amd64", ""}, {"linux", "amd64", "v3"}));
  EXPECT_EQ(platform_distance({"linux", "amd64", "v3"}, {"linux", "amd64", ""}), 2);
  EXPECT_FALSE(platform_distance({"linux", "amd64", ""}, {"windows", "amd64", ""}));
}

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string index_of(const std::string& entries) {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
         entries + "]}";
}

std::string entry(char c, const std::string& rest) {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":10,"digest":")" + digest(c) +
         "\"" + rest + "}";
}

std::string for_platform(char c, const std::string& os, const std::string& architecture,
                         const std::string& variant = "") {
  return entry(c, R"(,"platform":{"os":")" + os + R"(","architecture":")" + architecture +
                      R"(","variant":")" + variant + "\"}");
}

TEST(Manifests, BestImageOfAnIndexIsChosenButNotAttestations) {
  auto document = parse_manifest(
      index_of(
          for_platform('1', "unknown", "unknown") + "," + for_platform('2', "linux", "386") + "," +
          for_platform('3', "linux", "amd64") + "," + for_platform('4', "linux", "arm", "v6") + "," +
          for_platform('5', "windows", "amd64") + "," +
          entry('6', R"(,"artifactType":"application/x","platform":{"os":"linux","architecture":"arm64"})")),
      kOciIndexType);
  ASSERT_TRUE(document);
  const auto& index = std::get<Index>(*document);
  EXPECT_EQ(choose_image(index, {"linux", "amd64", ""})->digest, digest('3'));
  EXPECT_EQ(choose_image(index, {"linux", "arm", "v7"})->digest, digest('4'));
  EXPECT_EQ(choose_image(index, {"linux", "386", ""})->digest, digest('2'));
  EXPECT_EQ(choose_image(index, {"linux", "arm64", ""}), nullptr);
  EXPECT_EQ(platforms_text(index), "linux/386, linux/amd64, linux/arm/v6, windows/amd64");
}

TEST(Manifests, TypesMustAgree) {
  std::string text = index_of(for_platform('1', "linux", "amd64"));
  EXPECT_TRUE(parse_manifest(text, "application/vnd.oci.image.index.v1+json; charset=utf-8"));
  EXPECT_TRUE(parse_manifest(text, ""));
  EXPECT_FALSE(parse_manifest(text, kOciManifestType));
  EXPECT_FALSE(parse_manifest(R"({"manifests":[],"layers":[]})", ""));
  EXPECT_FALSE(parse_manifest("[]", ""));
  EXPECT_FALSE(parse_manifest("{", ""));
}

TEST(Manifests, ObsoleteAndForeignKindsAreRefusedWithTheReason) {
  auto schema1 = parse_manifest(R"({"schemaVersion":1,"fsLayers":[]})",
                                "application/vnd.docker.distribution.manifest.v1+prettyjws");
  ASSERT_FALSE(schema1);
  EXPECT_NE(schema1.error().text().find("schema 1"), std::string::npos);
  auto chart = parse_manifest(
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","size":2,"digest":")" +
          digest('1') + R"("},"layers":[]})",
      kOciManifestType);
  ASSERT_FALSE(chart);
  EXPECT_NE(chart.error().text().find("not a container image"), std::string::npos);
  EXPECT_FALSE(parse_manifest(
      R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":-1,"digest":")" +
          digest('1') + R"("},"layers":[]})",
      kOciManifestType));
}

TEST(RegistriesConf, RulesMirrorsAndTheLongestPrefix) {
  auto rules = parse_registries_conf(R"(
unqualified-search-registries = ["docker.io", 'quay.io',]  # a comment
short-name-mode = "enforcing"
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.test:5000/hub"
insecure = true
[[registry.mirror]]
location = "second.test"
pull-from-mirror = "digest-only"

[[registry]]
location = "docker.io/private"
blocked = true
[[registry]]
prefix = "*.internal.test"
location = "gate.test/in"
[aliases]
"fedora" = "registry.fedoraproject.org/fedora"
)");
  ASSERT_TRUE(rules) << rules.error().text();
  ASSERT_EQ(rules->size(), 3U);
  const RegistryRule* hub = find_rule(*rules, "docker.io/library/nginx:1");
  ASSERT_NE(hub, nullptr);
  ASSERT_EQ(hub->mirrors.size(), 2U);
  EXPECT_TRUE(hub->mirrors[0].insecure);
  EXPECT_EQ(hub->mirrors[1].use, MirrorUse::DigestOnly);
  EXPECT_EQ(relocate("docker.io/library/nginx", *hub, hub->mirrors[0].location),
            "mirror.test:5000/hub/library/nginx");
  EXPECT_TRUE(find_rule(*rules, "docker.io/private/app:1")->blocked);
  EXPECT_EQ(find_rule(*rules, "docker.io/privateer/app:1"), hub);
  const RegistryRule* internal = find_rule(*rules, "a.internal.test/app:1");
  ASSERT_NE(internal, nullptr);
  EXPECT_EQ(relocate("a.internal.test/app", *internal, internal->location), "gate.test/in/app");
  EXPECT_EQ(find_rule(*rules, "docker.iox/app"), nullptr);
}

TEST(RegistriesConf, ErrorsNameTheLine) {
  for (const char* bad : {"a = [1", "\n[x", "\na = \"b", "\na b", "\n= 1",
                          "\n[[registry]]\nlocation = \"\\q\"", "x = [[[[[[[[[[[[[[[[[[[["})
    EXPECT_FALSE(parse_registries_conf(bad)) << bad;
  EXPECT_EQ(parse_registries_conf("\na b").error().text(), "line 2: expected =");
}

class Endpoints : public ::testing::Test {
 protected:
  std::string places(const std::string& reference, Purpose purpose = Purpose::Pull) {
    Result<std::vector<Endpoint>> found = endpoints_of(*parse_reference(reference), settings_, purpose);
    if (!found) return found.error().text();
    std::string out;
    for (const Endpoint& one : *found) out += (out.empty() ? "" : " ") + one.origin + "/" + one.repository;
    return out;
  }
  HostSettings settings_;
};

TEST_F(Endpoints, DockerHubHasAnotherHostAndPlainHttpIsForLoopback) {
  EXPECT_EQ(places("nginx"), "https://registry-1.docker.io/library/nginx");
  EXPECT_EQ(places("ghcr.io/a/b"), "https://ghcr.io/a/b");
  EXPECT_EQ(places("localhost:5000/a"), "https://localhost:5000/a http://localhost:5000/a");
  EXPECT_EQ(places("127.0.0.1:5000/a"), "https://127.0.0.1:5000/a http://127.0.0.1:5000/a");
  settings_.insecure = {"10.0.0.0/8", "lan.test:5000"};
  EXPECT_EQ(places("10.1.2.3:80/a"), "https://10.1.2.3:80/a http://10.1.2.3:80/a");
  EXPECT_EQ(places("lan.test:5000/a"), "https://lan.test:5000/a http://lan.test:5000/a");
  EXPECT_EQ(places("lan.test:5001/a"), "https://lan.test:5001/a");
}

TEST_F(Endpoints, MirrorsServeOnlyPulls) {
  settings_.docker_mirrors = {"https://mirror.test/hub/"};
  EXPECT_EQ(places("nginx"),
            "https://mirror.test/hub/library/nginx https://registry-1.docker.io/library/nginx");
  EXPECT_EQ(places("nginx", Purpose::Push), "https://registry-1.docker.io/library/nginx");
  EXPECT_EQ(places("quay.io/x/y"), "https://quay.io/x/y");
  settings_.rules = *parse_registries_conf(
      "[[registry]]\nprefix=\"quay.io\"\n[[registry.mirror]]\nlocation=\"m.test\"\n"
      "pull-from-mirror=\"digest-only\"\n[[registry]]\nprefix=\"bad.test\"\nblocked=true\n");
  EXPECT_EQ(places("quay.io/x/y"), "https://quay.io/x/y");
  EXPECT_EQ(places("quay.io/x/y@" + digest('1')), "https://m.test/x/y https://quay.io/x/y");
  EXPECT_NE(places("bad.test/x").find("blocked"), std::string::npos);
}

TEST_F(Endpoints, HostFilesAreRead) {
  TemporaryDirectory root = *TemporaryDirectory::create("/tmp/stack-host-");
  ASSERT_TRUE(ensure_directory(root.path() + "/etc/docker/certs.d/r.test:5000"));
  ASSERT_TRUE(ensure_directory(root.path() + "/etc/containers/registries.conf.d"));
  std::string certs = root.path() + "/etc/docker/certs.d/r.test:5000/";
  for (const char* name : {"ca.crt", "client.cert", "client.key", "lonely.cert"})
    ASSERT_TRUE(write_file(certs + name, "x"));
  ASSERT_TRUE(write_file(root.path() + "/etc/docker/daemon.json",
                         R"({"insecure-registries":["i.test"],"registry-mirrors":["https://m.test"]})"));
  ASSERT_TRUE(write_file(root.path() + "/etc/containers/registries.conf", "broken"));
  ASSERT_TRUE(write_file(root.path() + "/etc/containers/registries.conf.d/a.conf",
                         "[[registry]]\nlocation=\"b.test\"\nblocked=true\n"));
  settings_ = read_host_settings(root.path());
  EXPECT_EQ(settings_.warnings.size(), 1U);
  EXPECT_EQ(settings_.insecure, std::vector<std::string>{"i.test"});
  EXPECT_EQ(settings_.rules.size(), 1U);
  Endpoint one = endpoints_of(*parse_reference("r.test:5000/app"), settings_, Purpose::Pull)->front();
  EXPECT_EQ(one.tls.ca_files, std::vector<std::string>{certs + "ca.crt"});
  EXPECT_EQ(one.tls.client_certificate, certs + "client.cert");
}

TEST(Proxies, FollowTheUsualVariables) {
  ProxySettings settings{{"HTTPS_PROXY", "http://p:1"},
                         {"https_proxy", "http://q:2"},
                         {"NO_PROXY", "local.test, .corp.test,10.0.0.1"}};
  EXPECT_EQ(proxy_for(settings, "https://a.test/"), "http://q:2");
  EXPECT_EQ(proxy_for(settings, "http://a.test/"), "");
  EXPECT_EQ(proxy_for(settings, "https://local.test/"), "");
  EXPECT_EQ(proxy_for(settings, "https://x.corp.test/"), "");
  EXPECT_EQ(proxy_for(settings, "https://notlocal.test/"), "http://q:2");
  EXPECT_EQ(proxy_for({{"ALL_PROXY", "http://p:1"}}, "http://a.test/"), "http://p:1");
  EXPECT_EQ(proxy_for({{"ALL_PROXY", "http://p:1"}, {"NO_PROXY", "*"}}, "http://a.test/"), "");
}

TEST(RateLimits, TimesAreReadInBothForms) {
  EXPECT_EQ(parse_retry_after("120", 0), std::chrono::seconds(120));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412470), std::chrono::seconds(10));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412490), std::chrono::seconds(0));
  EXPECT_FALSE(parse_retry_after("soon", 0));
  EXPECT_FALSE(parse_retry_after("", 0));
}

TEST(Errors, BodiesAreReportedInOneLine) {
  EXPECT_EQ(error_body_text(
                R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"},{"code":"DENIED"}]})"),
            "manifest unknown; denied");
  EXPECT_EQ(error_body_text("<html><body>502</body></html>"), "");
  EXPECT_EQ(error_body_text("plain\x1b[31m\nreason"), "plain [31m reason");
  EXPECT_EQ(error_body_text(""), "");
}

TEST(Errors, NameARemedy) {
  Error error = explain({Failure::NotFound, not_found("it answered 404 (manifest unknown)")}, "docker.io");
  EXPECT_EQ(error.kind(), ErrorKind::NotFound);
  EXPECT_EQ(error.text(),
            "registry docker.io has no such image: it answered 404 (manifest unknown); check its name and "
            "tag, or log in with "
            "`stack login` if it is private");
}

}  // namespace
}  // namespace stack::images::registry
