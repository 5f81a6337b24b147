#include "images/builder/worker/foreign_platform.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace stack::builder {
namespace {

class ForeignPlatform : public testing::Test {
 protected:
  ForeignPlatform() { EXPECT_TRUE(write_file(folder_.path() + "/register", "")); }

  void registration(const std::string& name, const std::string& state, const std::string& flags,
                    const std::string& machine) {
    std::string magic = "7f454c460201010000000000000000000200" + machine;
    EXPECT_TRUE(
        write_file(folder_.path() + "/" + name, state + "\ninterpreter /usr/bin/qemu-test\nflags: " + flags +
                                                    "\noffset 0\nmagic " + magic +
                                                    "\nmask fffffffffffffffcfffffffffffffffffeffffff\n"));
  }
  // "" = executable.
  std::string refusal(const std::string& platform) {
    Result<> answer = check_executable(*images::parse_platform(platform), folder_.path());
    if (answer) return "";
    EXPECT_EQ(answer.error().kind(), ErrorKind::Unsupported);
    return answer.error().text();
  }

  TemporaryDirectory folder_ = *TemporaryDirectory::create("/tmp/stack-binfmt-");
};

TEST_F(ForeignPlatform, TheHostsProgramsNeedNothing) {
  EXPECT_TRUE(check_executable(images::host_platform(), "/nonexistent"));
}

TEST_F(ForeignPlatform, RegisteredEmulatorsRunTheirArchitectureOnly) {
  registration("qemu-riscv64", "enabled", "POCF", "f300");
  EXPECT_EQ(refusal("linux/riscv64"), "");
  EXPECT_NE(refusal("linux/loong64").find("no emulator is registered"), std::string::npos);
}

TEST_F(ForeignPlatform, RefusalsNameTheReasonAndARemedy) {
  registration("one", "disabled", "F", "f300");
  EXPECT_NE(refusal("linux/riscv64").find("/usr/bin/qemu-test is disabled"), std::string::npos);
  registration("two", "enabled", "OC", "0201");
  EXPECT_NE(refusal("linux/loong64").find("without the flag F"), std::string::npos)
      << refusal("linux/loong64");
  EXPECT_NE(refusal("linux/loong64").find("install qemu-user-static"), std::string::npos);
  EXPECT_NE(refusal("linux/pdp11").find("unknown architecture"), std::string::npos);
  Result<> absent = check_executable(*images::parse_platform("linux/riscv64"), "/nonexistent");
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().text().find("binfmt_misc is not mounted"), std::string::npos);
}

TEST_F(ForeignPlatform, DamagedRegistrationsAreNoMatch) {
  for (const char* text :
       {"", "enabled", "enabled\nmagic zz\nmask zz\noffset 0\n", "enabled\nmagic 7f\noffset 4\n"}) {
    ASSERT_TRUE(write_file(folder_.path() + "/bad", text));
    EXPECT_NE(refusal("linux/riscv64"), "") << text;
  }
}

}  // namespace
}  // namespace stack::builder
