#include "engine/container/process_list.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace stack::engine {
namespace {

TEST(ProcessList, RowsOfTheContainerArePickedByPid) {
  std::string output =
      "  PID USER     COMMAND\n"
      "    1 root     /sbin/init\n"
      "   42 nobody   nginx: worker process\n"
      "  420 root     sh\n";
  Result<Json> listed = parse_ps(output, {42, 420});
  ASSERT_TRUE(listed);
  EXPECT_EQ((*listed)["Titles"], Json({"PID", "USER", "COMMAND"}));
  EXPECT_EQ((*listed)["Processes"], Json({{"42", "nobody", "nginx: worker process"}, {"420", "root", "sh"}}));
}

TEST(ProcessList, OutputWithoutPidsIsRefused) {
  Result<Json> listed = parse_ps("USER COMMAND\nroot sh\n", {1});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().text(), "Couldn't find PID field in ps output");
  EXPECT_FALSE(parse_ps("", {1}));
  EXPECT_TRUE(parse_ps("PID\nx\n99999999999\n", {1}));
}

TEST(ProcessList, OwnProcessIsShown) {
  Json listed = list_processes({::getpid(), 999'999'999});
  ASSERT_EQ(listed["Processes"].size(), 1U);
  EXPECT_EQ(listed["Processes"][0].size(), listed["Titles"].size());
  EXPECT_EQ(listed["Processes"][0][1], std::to_string(::getpid()));
  EXPECT_NE(listed["Processes"][0][7].get<std::string>().find("unit_engine"), std::string::npos);
}

}  // namespace
}  // namespace stack::engine
