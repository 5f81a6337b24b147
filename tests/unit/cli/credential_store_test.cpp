#include "cli/session/credential_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/files.h"

namespace stack::cli {
namespace {

class Credentials : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return home_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(ensure_directory(directory_name(path(name))));
    ASSERT_TRUE(write_file(path(name), text));
  }
  CredentialStore open() {
    return CredentialStore::open(environment_,
                                 [this](const std::string& helper, const std::string& action,
                                        const std::string& input) -> Result<std::string> {
                                   calls_.push_back(helper + " " + action + " " + input);
                                   return answer_;
                                 });
  }

  TemporaryDirectory home_ = *TemporaryDirectory::create("/tmp/stack-home-");
  Environment environment_{{"HOME", home_.path()}};
  std::vector<std::string> calls_;
  Result<std::string> answer_ = std::string(R"({"ServerURL":"x","Username":"helped","Secret":"s"})");
};

TEST_F(Credentials, ComeFromEveryFileAndDockersWins) {
  write(".docker/config.json",
        R"({"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"r.test":{"auth":"YTpi"}}})");
  write(".config/containers/auth.json",
        R"({"auths":{"r.test":{"auth":"eDp5"},"quay.io/team":{"auth":"eDp5"}}})");
  environment_["DOCKER_AUTH_CONFIG"] = R"({"auths":{"env.test":{"auth":"YTpi"}}})";
  RegistryKeyring keyring = open().keyring({"nginx"});
  EXPECT_EQ(keyring.size(), 4U);
  EXPECT_EQ(keyring["docker.io"].username, "a");
  EXPECT_EQ(keyring["r.test"].username, "a");
  EXPECT_EQ(keyring["quay.io/team"].username, "x");
  EXPECT_TRUE(keyring.contains("env.test"));
}

TEST_F(Credentials, HelpersAreQueriedOnlyForTheImagesRegistries) {
  write(".docker/config.json",
        R"({"credsStore":"all","credHelpers":{"gcr.test":"cloud","other.test":"cloud"}})");
  RegistryKeyring keyring = open().keyring({"nginx", "redis", "gcr.test/app"});
  EXPECT_EQ(calls_, (std::vector<std::string>{"all get https://index.docker.io/v1/", "cloud get gcr.test"}));
  EXPECT_EQ(keyring["gcr.test"].password, "s");
}

TEST_F(Credentials, BuildsUseAllCredentialsOfHelpers) {
  write(".docker/config.json", R"({"credsStore":"all","credHelpers":{"gcr.test":"cloud"}})");
  answer_ = std::string(R"({"https://r.test":"me","Username":"u","Secret":"s"})");
  (void)open().keyring({}, true);
  EXPECT_NE(std::find(calls_.begin(), calls_.end(), "all list "), calls_.end());
  EXPECT_NE(std::find(calls_.begin(), calls_.end(), "all get r.test"), calls_.end());
  EXPECT_NE(std::find(calls_.begin(), calls_.end(), "cloud get gcr.test"), calls_.end());
}

TEST_F(Credentials, HelperTokenIsAnIdentityTokenAndFailedHelperIsAnonymous) {
  write(".docker/config.json", R"({"credsStore":"all"})");
  answer_ = std::string(R"({"Username":"<token>","Secret":"refresh"})");
  EXPECT_EQ(open().keyring({"nginx"})["docker.io"].identity_token, "refresh");
  answer_ = not_found("none");
  EXPECT_TRUE(open().keyring({"nginx"}).empty());
  answer_ = std::string("not json");
  EXPECT_TRUE(open().keyring({"nginx"}).empty());
}

TEST_F(Credentials, LoginWritesAPrivateFileAndKeepsUnknownMembers) {
  write(".docker/config.json", R"({"psFormat":"table","auths":{"other.test":{"auth":"YTpi"}}})");
  ASSERT_TRUE(open().save("r.test", {"me", "secret", "", ""}));
  Json config = *parse_json(*read_file(path(".docker/config.json")));
  EXPECT_EQ(config["psFormat"], "table");
  EXPECT_EQ(config["auths"]["r.test"]["auth"], "bWU6c2VjcmV0");
  EXPECT_TRUE(config["auths"].contains("other.test"));
  struct stat info{};
  ASSERT_EQ(::stat(path(".docker/config.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_TRUE(*open().erase("r.test"));
  EXPECT_FALSE(*open().erase("r.test"));
  EXPECT_EQ(open().keyring({}).size(), 1U);
}

TEST_F(Credentials, LoginGoesToTheHelperAndNotIntoTheFile) {
  write(".docker/config.json", R"({"credsStore":"pass"})");
  EXPECT_EQ(*open().save("docker.io", {"me", "secret", "", ""}), "the credential helper pass");
  EXPECT_EQ(calls_[0],
            R"(pass store {"Secret":"secret","ServerURL":"https://index.docker.io/v1/","Username":"me"})");
  EXPECT_EQ(read_file(path(".docker/config.json"))->find("bWU6"), std::string::npos);
  ASSERT_TRUE(open().erase("docker.io"));
  EXPECT_EQ(calls_[1], "pass erase https://index.docker.io/v1/");
}

TEST_F(Credentials, DamagedFileIsReportedAndNotOverwritten) {
  write(".docker/config.json", "{\"auths\": hidden");
  CredentialStore store = open();
  ASSERT_EQ(store.warnings().size(), 1U);
  EXPECT_EQ(store.warnings()[0].find("hidden"), std::string::npos);
  EXPECT_FALSE(store.save("r.test", {"me", "secret", "", ""}));
  EXPECT_EQ(*read_file(path(".docker/config.json")), "{\"auths\": hidden");
}

TEST_F(Credentials, OtherPlacesByEnvironment) {
  write("elsewhere/config.json", R"({"auths":{"a.test":{"auth":"YTpi"}}})");
  write("auth.json", R"({"auths":{"b.test":{"auth":"YTpi"}}})");
  environment_["DOCKER_CONFIG"] = path("elsewhere");
  environment_["REGISTRY_AUTH_FILE"] = path("auth.json");
  EXPECT_EQ(open().keyring({}).size(), 2U);
}

TEST_F(Credentials, RealHelperGetsItsInputAndItsErrorsAreReported) {
  write("bin/docker-credential-test",
        "#!/bin/sh\nread server\ncase $server in good) echo "
        "\"{\\\"Username\\\":\\\"$1\\\",\\\"Secret\\\":\\\"$server\\\"}\";;\n"
        "gone) echo 'credentials not found in native keychain'; exit 1;; *) echo broken; exit 3;; esac\n");
  ASSERT_EQ(::chmod(path("bin/docker-credential-test").c_str(), 0755), 0);
  std::string before = ::getenv("PATH");
  ::setenv("PATH", (path("bin") + ":" + before).c_str(), 1);
  EXPECT_EQ(*run_credential_helper("test", "get", "good\n"), "{\"Username\":\"get\",\"Secret\":\"good\"}\n");
  EXPECT_EQ(run_credential_helper("test", "get", "gone\n").error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(run_credential_helper("test", "get", "x\n").error().text(),
            "docker-credential-test get failed: broken");
  EXPECT_FALSE(run_credential_helper("no-such-helper", "get", "x"));
  ::setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace stack::cli
