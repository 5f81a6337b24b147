#include "runtime/spec/users.h"

#include <gtest/gtest.h>

namespace stack::runtime {
namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "# a comment\n"
    "web:x:1000:1001:Web:/home/web:/bin/sh\n"
    "broken line\n"
    "bad:x:abc:0::/:/bin/sh\n"
    "huge:x:4294967296:0::/:/bin/sh\n"
    "2000:x:2001:2002::/home/number:/bin/sh\n"
    "relative:x:7:7::tmp:/bin/sh\n";
constexpr char kGroup[] =
    "root:x:0:\n"
    "web:x:1001:\n"
    "video:x:44:web,other\n"
    "audio:x:45:other,web\n"
    "webmasters:x:46:webmaster\n";

User must(std::string_view spec) {
  Result<User> user = resolve_user(spec, kPasswd, kGroup);
  EXPECT_TRUE(user.has_value()) << spec << ": " << user.error().text();
  return user.value_or(User{});
}

std::string error(std::string_view spec) {
  Result<User> user = resolve_user(spec, kPasswd, kGroup);
  EXPECT_FALSE(user.has_value()) << spec << " gave uid " << user->uid;
  return user ? "" : user.error().text();
}

TEST(Users, EmptyMeansRoot) {
  EXPECT_EQ(must("").uid, 0u);
  EXPECT_EQ(must("").home, "/root");
  EXPECT_EQ(must("").additional_gids, std::vector<uint32_t>{0});
}

TEST(Users, NameGivesIdsHomeAndMemberships) {
  User user = must("web");
  EXPECT_EQ(user.uid, 1000u);
  EXPECT_EQ(user.gid, 1001u);
  EXPECT_EQ(user.home, "/home/web");
  EXPECT_EQ(user.additional_gids, (std::vector<uint32_t>{1001, 44, 45}));
}

TEST(Users, NumberOfAKnownUserGivesTheSameResult) {
  EXPECT_EQ(must("1000").name, "web");
  EXPECT_EQ(must("1000").gid, 1001u);
}

TEST(Users, UnknownNumberNeedsNoEntryAndHasGroupZero) {
  User user = must("12345");
  EXPECT_EQ(user.uid, 12345u);
  EXPECT_EQ(user.gid, 0u);
  EXPECT_EQ(user.home, "/");
}

TEST(Users, OneIsOneAndNotRoot) {
  EXPECT_EQ(must("1").uid, 1u);
  EXPECT_EQ(must("1:1").gid, 1u);
}

TEST(Users, GroupGivenReplacesGroupAndMemberships) {
  User user = must("web:video");
  EXPECT_EQ(user.gid, 44u);
  EXPECT_EQ(user.additional_gids, std::vector<uint32_t>{44});
  EXPECT_EQ(must("web:99").gid, 99u);
}

TEST(Users, NameThatLooksLikeANumberWins) { EXPECT_EQ(must("2000").uid, 2001u); }

TEST(Users, RelativeHomeIsIgnored) { EXPECT_EQ(must("relative").home, "/"); }

TEST(Users, NumbersOutOfRangeAreRejected) {
  EXPECT_EQ(error("4294967296"), "user id 4294967296 is out of range");
  EXPECT_EQ(error("4294967295"), "user id 4294967295 is out of range");
  EXPECT_EQ(error("99999999999999999999"), "user id 99999999999999999999 is out of range");
  EXPECT_EQ(error("web:4294967296"), "group id 4294967296 is out of range");
}

TEST(Users, UnusualNumbersAreNames) {
  for (std::string_view spec : {"-1", "+1", " 1", "1 ", "0x0", "1e3", "1.0"})
    EXPECT_NE(error(spec).find("unable to find user"), std::string::npos) << spec;
}

TEST(Users, UnknownNamesAreErrorsWithDockersText) {
  EXPECT_EQ(error("nobody"), "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(error("web:none"), "unable to find group none: no matching entries in group file");
}

TEST(Users, EntriesWithBrokenNumbersAreSkipped) {
  EXPECT_NE(error("bad").find("unable to find"), std::string::npos);
  EXPECT_NE(error("huge").find("unable to find"), std::string::npos);
}

TEST(Users, MoreThanOneColonIsRejected) { EXPECT_EQ(error("a:b:c"), "not a user: \"a:b:c\""); }

TEST(Users, EmptyFilesAndUnusualBytesAreHarmless) {
  EXPECT_EQ(resolve_user("5", "", "")->uid, 5u);
  std::string odd(70000, ':');
  EXPECT_EQ(resolve_user("5", odd + "\n\n:::::::\n", odd)->uid, 5u);
  EXPECT_EQ(resolve_user("web", "web:x:3:4:::\r\n", "")->uid, 3u);
}

}  // namespace
}  // namespace stack::runtime
