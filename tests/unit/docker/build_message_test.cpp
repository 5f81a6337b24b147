#include "docker/build_message.h"

#include <gtest/gtest.h>

#include "docker/transfer_message.h"

namespace stack::docker {
namespace {

TEST(BuildMessage, StepsAreTheClassicBuilders) {
  EXPECT_EQ(classic_step(2, 5, "RUN x"), "Step 2/5 : RUN x");
  EXPECT_EQ(classic_stderr("oh"), "\x1b[91moh\n\x1b[0m");
}

TEST(BuildMessage, FailedCommandIsReportedWithItsExitCode) {
  OrderedJson message = build_error_message(
      "Dockerfile:2: process \"/bin/sh -c echo \"a\"; exit 3\" did not complete successfully: exit code: 3\n "
      " a");
  EXPECT_EQ(
      message_text(message),
      R"({"errorDetail":{"code":3,"message":"The command '/bin/sh -c echo \"a\"; exit 3' returned a non-zero code: 3"},)"
      R"("error":"The command '/bin/sh -c echo \"a\"; exit 3' returned a non-zero code: 3"})");
  EXPECT_EQ(message_text(build_error_message("Dockerfile:1: unknown instruction FRM")),
            R"({"errorDetail":{"message":"Dockerfile:1: unknown instruction FRM"},)"
            R"("error":"Dockerfile:1: unknown instruction FRM"})");
}

}  // namespace
}  // namespace stack::docker
