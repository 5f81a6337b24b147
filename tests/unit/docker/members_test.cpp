#include "base/members.h"

#include <gtest/gtest.h>

#include "docker/container_body.h"

namespace stack::docker {
namespace {

TEST(Members, NamesMatchInAnyCaseAndTheExactOneWins) {
  std::optional<Error> error;
  Json body{{"detachKeys", "ctrl-a"}, {"USER", "root"}, {"user", "nobody"}, {"User", "me"}};
  Members members(body, "", error);
  std::string keys;
  std::string user;
  members.read("DetachKeys", keys);
  members.read("User", user);
  EXPECT_EQ(keys, "ctrl-a");
  EXPECT_EQ(user, "me");
  EXPECT_FALSE(error);
}

TEST(Members, ContainerBodyIsReadInAnyCase) {
  auto spec = container_from_json({{"image", "nginx"}, {"hostconfig", {{"readonlyrootfs", true}}}});
  ASSERT_TRUE(spec) << spec.error().text();
  EXPECT_EQ(spec->image, "nginx");
  EXPECT_TRUE(spec->read_only);
}

TEST(Members, NullIsAbsentAndWrongTypesAreNamed) {
  std::optional<Error> error;
  Json body{{"A", nullptr}, {"B", {{"C", 1}}}};
  Members members(body, "", error);
  bool a = true;
  members.read("A", a);
  EXPECT_TRUE(a);
  std::string text;
  members.object("B").read("C", text);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->text(), "B.C: must be a string");
}

}  // namespace
}  // namespace stack::docker
