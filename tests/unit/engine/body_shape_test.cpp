#include "engine/api/body_shape.h"

#include <gtest/gtest.h>

namespace stack::engine {
namespace {

std::string refusal(std::span<const MemberShape> shape, const Json& body) {
  Result<Json> checked = check_shape(body, shape);
  return checked ? "" : checked.error().text();
}

TEST(BodyShape, WrongTypeIsNamedWithItsPath) {
  EXPECT_EQ(refusal(up_body(), {{"options", {{"timeout", "soon"}}}}),
            "options.timeout: must be an integer of 32 bits");
  EXPECT_EQ(refusal(up_body(), {{"options", {{"build_options", {{"args", {"a"}}}}}}}),
            "options.build_options.args: must be an object of strings");
  EXPECT_EQ(refusal(operation_body(), {{"services", {"web", 1}}}), "services: must be a list of strings");
  EXPECT_EQ(refusal(run_body(), {{"options", 7}}), "options: must be an object");
  EXPECT_EQ(refusal(sync_body(), {{"copy", {"/a"}}}), "copy: must be a list of objects");
  EXPECT_EQ(refusal(operation_body(), {{"timeout", 1e300}}), "timeout: must be an integer of 32 bits");
  EXPECT_EQ(refusal(operation_body(), {{"timeout", int64_t{1} << 40}}),
            "timeout: must be an integer of 32 bits");
}

TEST(BodyShape, NullCountsAsAbsentAndUnknownMembersStay) {
  Result<Json> checked =
      check_shape({{"services", nullptr}, {"signal", "HUP"}, {"later", 1}}, operation_body());
  ASSERT_TRUE(checked);
  EXPECT_EQ(*checked, Json({{"signal", "HUP"}, {"later", 1}}));
}

TEST(BodyShape, MembersOfListedObjectsAreChecked) {
  EXPECT_EQ(refusal(sync_body(), {{"copy", {{{"source", 1}}}}}), "copy.source: must be a string");
}

}  // namespace
}  // namespace stack::engine
