#include "docker/registry_auth.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "docker/transfer_message.h"

namespace stack::docker {
namespace {

TEST(RegistryAuth, HeadersRoundTrip) {
  RegistryCredentials credentials{"me", "se:cret", "", ""};
  EXPECT_EQ(*read_auth_header(auth_header(credentials, "ghcr.io")), credentials);
  RegistryKeyring keyring{{"docker.io", {"", "", "token", ""}}, {"ghcr.io", credentials}};
  EXPECT_EQ(*read_config_header(config_header(keyring)), keyring);
  EXPECT_TRUE(read_auth_header("")->empty());
  EXPECT_TRUE(read_config_header("")->empty());
}

TEST(RegistryAuth, ServersAreNormalizedAndEmptyEntriesLeftOut) {
  std::string text = encode_base64url(
      R"({"https://index.docker.io/v1/":{"auth":"bWU6c2VjcmV0"},"https://ghcr.io/v2/":{"username":"a","password":"b"},"x.test":{}})");
  RegistryKeyring keyring = *read_config_header(text);
  ASSERT_EQ(keyring.size(), 2U);
  EXPECT_EQ(keyring["docker.io"].password, "secret");
  EXPECT_EQ(keyring["ghcr.io"].username, "a");
}

TEST(RegistryAuth, ErrorsDoNotRepeatTheSecret) {
  for (const std::string& value :
       {std::string("!!!"), encode_base64url("{\"password\":\"hidden\""), encode_base64url("[]")}) {
    Result<RegistryCredentials> read = read_auth_header(value);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().text().find("hidden"), std::string::npos) << read.error().text();
  }
}

TEST(RegistryAuth, MembersOfOtherTypesCountAsAbsent) {
  EXPECT_TRUE(credentials_from_json(Json::array()).empty());
  EXPECT_TRUE(credentials_from_json({{"username", 5}, {"auth", "%%%"}}).empty());
}

TEST(RegistryCredentials, TheLongestPathWins) {
  RegistryKeyring keyring{{"r.test", {"host", "", "", ""}}, {"r.test/team", {"team", "", "", ""}}};
  auto user = [&](const char* name) {
    const RegistryCredentials* found = find_credentials(keyring, *parse_reference(name));
    return found == nullptr ? std::string("-") : found->username;
  };
  EXPECT_EQ(user("r.test/team/app"), "team");
  EXPECT_EQ(user("r.test/teams/app"), "host");
  EXPECT_EQ(user("nginx"), "-");
}

TEST(TransferMessage, HasDockersFormat) {
  EXPECT_EQ(status_message("Pulling fs layer", "a2abf6c4d29d").dump(),
            R"({"status":"Pulling fs layer","progressDetail":{},"id":"a2abf6c4d29d"})");
  EXPECT_EQ(status_message("Digest: sha256:1").dump(), R"({"status":"Digest: sha256:1"})");
  OrderedJson half = progress_message("Downloading", "x", 50, 100);
  EXPECT_EQ(half["progressDetail"].dump(), R"({"current":50,"total":100})");
  EXPECT_EQ(half["progress"], "[" + std::string(25, '=') + ">" + std::string(24, ' ') + "]  50B/100B");
  EXPECT_EQ(error_message("no").dump(), R"({"errorDetail":{"message":"no"},"error":"no"})");
}

}  // namespace
}  // namespace stack::docker
