#include "cli/flags/build_options.h"

#include <gtest/gtest.h>

#include <set>

#include "base/files.h"
#include "cli/commands/docker/build_output.h"
#include "cli/flags/docker_proxies.h"
#include "cli/flags/up_options.h"
#include "cli/session/engine_start.h"

namespace stack::cli {
namespace {

HostFiles host(std::set<std::string> files, bool local_certificates = false) {
  return {[files](const std::string& path) { return files.contains(path); },
          [local_certificates](const std::string&) { return local_certificates; }};
}
constexpr const char* kHostBundle = "/etc/ssl/certs/ca-certificates.crt";

TEST(BuildOptions, ProxiesAreReadInBothCases) {
  Environment environment{
      {"HTTP_PROXY", "http://a"}, {"https_proxy", "http://b"}, {"NO_PROXY", ""}, {"PATH", "/bin"}};
  EXPECT_EQ(proxy_variables(environment), (Json{{"HTTP_PROXY", "http://a"}, {"https_proxy", "http://b"}}));
}

TEST(CaBundle, OrdinaryHostHasNoBundle) { EXPECT_EQ(ca_bundle({}, host({kHostBundle}), "/"), ""); }

TEST(CaBundle, HostWithOwnCertificatesProvidesItsBundle) {
  EXPECT_EQ(ca_bundle({}, host({kHostBundle}, true), "/"), kHostBundle);
  EXPECT_EQ(ca_bundle({}, host({}, true), "/"), "");
}

TEST(CaBundle, BundleFromTheEnvironmentIsUsed) {
  EXPECT_EQ(ca_bundle({{"REQUESTS_CA_BUNDLE", "proxy.pem"}}, host({"/home/proxy.pem"}), "/home"),
            "/home/proxy.pem");
  EXPECT_EQ(ca_bundle({{"SSL_CERT_FILE", "/gone.pem"}}, host({kHostBundle}), "/"), "");
}

TEST(CaBundle, ExtraCertificatesSelectTheHostsBundle) {
  EXPECT_EQ(ca_bundle({{"NODE_EXTRA_CA_CERTS", "/extra.pem"}}, host({"/extra.pem", kHostBundle}), "/"),
            kHostBundle);
}

TEST(CaBundle, TheUsersChoiceWins) {
  EXPECT_EQ(ca_bundle({{"STACK_CA_BUNDLE", "/mine.pem"}, {"SSL_CERT_FILE", "/x.pem"}}, host({"/x.pem"}), "/"),
            "/mine.pem");
  EXPECT_EQ(ca_bundle({{"STACK_CA_BUNDLE", ""}}, host({kHostBundle}, true), "/"), "");
}

TEST(BuildOptions, ArgumentsWithoutAValueUseTheEnvironment) {
  EXPECT_EQ(build_arguments({"A=1", "B", "C", "D=x=y"}, {{"B", "2"}}),
            (Json{{"A", "1"}, {"B", "2"}, {"D", "x=y"}}));
}

TEST(Scale, ConsistsOfServiceAndNumber) {
  EXPECT_EQ(parse_scale({"web=3", "db=0"}).value(), (Json{{"web", 3}, {"db", 0}}));
  EXPECT_FALSE(parse_scale({"web"}));
  EXPECT_FALSE(parse_scale({"web=-1"}));
  EXPECT_FALSE(parse_scale({"=1"}));
  EXPECT_FALSE(parse_scale({"web=9999999999"}));
}

TEST(EngineStart, LastLinesReturnsTheEnd) {
  EXPECT_EQ(last_lines("a\nb\nc\n", 2), (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(last_lines("", 2), std::vector<std::string>{});
  EXPECT_EQ(last_lines("a", 0), std::vector<std::string>{});
}

TEST(EngineStart, OnlyBrokenConnectionsAreRetried) {
  EXPECT_TRUE(is_broken_connection(Error::from_errno("x", ECONNRESET)));
  EXPECT_TRUE(is_broken_connection(Error::from_errno("x", EPIPE)));
  EXPECT_FALSE(is_broken_connection(conflict("in use")));
}

TEST(DockerProxies, OwnSocketThenDefaultInBothCases) {
  TemporaryDirectory folder = *TemporaryDirectory::create("/tmp/stack-proxies-");
  Environment environment{{"DOCKER_CONFIG", folder.path()}};
  EXPECT_TRUE(docker_proxies(environment, "").empty());
  ASSERT_TRUE(write_file(
      folder.path() + "/config.json",
      R"({"proxies":{"default":{"httpProxy":"http://a","noProxy":"x"},"unix:///s":{"httpsProxy":"http://b"}}})"));
  EXPECT_EQ(
      docker_proxies(environment, ""),
      (std::map<std::string, std::string>{
          {"HTTP_PROXY", "http://a"}, {"http_proxy", "http://a"}, {"NO_PROXY", "x"}, {"no_proxy", "x"}}));
  EXPECT_EQ(docker_proxies(environment, "unix:///s"),
            (std::map<std::string, std::string>{{"HTTPS_PROXY", "http://b"}, {"https_proxy", "http://b"}}));
  for (const char* bad : {"[", "[]", R"({"proxies":[]})", R"({"proxies":{"default":{"httpProxy":1}}})"}) {
    ASSERT_TRUE(write_file(folder.path() + "/config.json", bad));
    EXPECT_TRUE(docker_proxies(environment, "").empty()) << bad;
  }
}

TEST(BuildOutputNames, AreReadFromTheOptions) {
  EXPECT_EQ(docker_cli::output_name("type=image,name=app:1,push=true"), "app:1");
  EXPECT_EQ(docker_cli::output_name("type=local,dest=x"), "");
  EXPECT_EQ(docker_cli::output_name("out"), "");
}

}  // namespace
}  // namespace stack::cli
