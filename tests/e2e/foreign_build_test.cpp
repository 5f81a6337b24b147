// Builds for another architecture, with QEMU as its emulator. The registration with binfmt_misc belongs to the whole kernel, so
// it has a name of its own and is removed at the end.
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "scenario.h"

namespace stack::e2e {
namespace {

constexpr const char* kRegistrations = "/proc/sys/fs/binfmt_misc";
constexpr const char* kName = "stack-test-aarch64";

// A static ELF program for AArch64 that prints "aarch64".
std::string foreign_program() {
  std::string out;
  auto number = [&out](uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  };
  constexpr uint64_t kBase = 0x400000;
  constexpr uint64_t kHeaders = 64 + 56;
  constexpr uint32_t kCode[] = {0xd2800020,   // mov x0, #1
                                0x100000e1,   // adr x1, text
                                0xd2800102,   // mov x2, #8
                                0xd2800808,   // mov x8, #64: write
                                0xd4000001,   // svc #0
                                0xd2800000,   // mov x0, #0
                                0xd2800ba8,   // mov x8, #93: exit
                                0xd4000001};  // svc #0
  const std::string text = "aarch64\n";
  const uint64_t size = kHeaders + sizeof kCode + text.size();
  out += std::string(
             "\x7f"
             "ELF\x02\x01\x01",
             7) +
         std::string(9, '\0');
  number(2, 2), number(183, 2), number(1, 4), number(kBase + kHeaders, 8), number(64, 8), number(0, 8);
  number(0, 4), number(64, 2), number(56, 2), number(1, 2), number(0, 2), number(0, 2), number(0, 2);
  number(1, 4), number(5, 4), number(0, 8), number(kBase, 8), number(kBase, 8), number(size, 8),
      number(size, 8);
  number(0x10000, 8);
  for (uint32_t instruction : kCode) number(instruction, 4);
  return out + text;
}

class ForeignBuild : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (run_command({"uname", "-m"}).out != "x86_64\n") GTEST_SKIP() << "this machine is not x86-64";
    project("foreign", "services: {}\n");
    write("program", foreign_program());
    write("Dockerfile", "FROM scratch\nCOPY --chmod=755 program /program\nRUN [\"/program\"]\n");
  }
  void TearDown() override {
    if (registered_) write_registration(kName, "-1");
    if (mounted_) ::umount2(kRegistrations, MNT_DETACH);
    Scenario::TearDown();
  }
  static bool write_registration(const std::string& file, const std::string& text) {
    Fd fd(::open((std::string(kRegistrations) + "/" + file).c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  // "" = registered; otherwise why not.
  std::string register_emulator(const std::string& flags) {
    std::string emulator = run_command({"bash", "-c", "command -v qemu-aarch64-static"}).out;
    if (emulator.empty()) return "needs qemu-aarch64-static";
    emulator.pop_back();
    if (!path_exists(std::string(kRegistrations) + "/register")) {
      mounted_ = ::mount("binfmt_misc", kRegistrations, "binfmt_misc", 0, nullptr) == 0;
      if (!mounted_) return "binfmt_misc cannot be mounted";
    }
    write_registration(kName, "-1");  // of a run that was killed
    registered_ = write_registration(
        "register",
        ":" + std::string(kName) +
            R"(:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00)"
            R"(:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:)" +
            emulator + ":" + flags);
    return registered_ ? "" : "the emulator cannot be registered";
  }

  bool registered_ = false;
  bool mounted_ = false;
};

TEST_F(ForeignBuild, ProgramsRunInARegisteredEmulator) {
  if (std::string reason = register_emulator("F"); !reason.empty()) GTEST_SKIP() << reason;
  CommandResult built =
      docker({"build", "--progress", "plain", "--platform", "linux/arm64", "-t", "foreign:1", "."});
  ASSERT_EQ(built.code, 0) << built.text();
  EXPECT_NE(built.err.find("aarch64"), std::string::npos) << built.text();
  EXPECT_EQ(must_docker({"inspect", "--format", "{{.Os}}/{{.Architecture}}", "foreign:1"}).out,
            "linux/arm64\n");
  must_docker({"rmi", "foreign:1"});
}

TEST_F(ForeignBuild, AnEmulatorThatContainersLackIsRefused) {
  if (std::string reason = register_emulator("O"); !reason.empty()) GTEST_SKIP() << reason;
  CommandResult built = docker({"build", "--platform", "linux/arm64", "-t", "foreign:1", "."});
  EXPECT_NE(built.code, 0);
  EXPECT_NE(built.err.find("without the flag F"), std::string::npos) << built.text();
}

TEST_F(ForeignBuild, WithoutAnEmulatorOnlyFilesAreCopied) {
  CommandResult built = docker({"build", "--platform", "linux/mips64le", "-t", "foreign:1", "."});
  EXPECT_NE(built.code, 0);
  EXPECT_NE(built.err.find("Dockerfile:3:"), std::string::npos) << built.text();
  EXPECT_NE(built.err.find("cannot run programs for linux/mips64le"), std::string::npos) << built.text();
  write("Dockerfile", "FROM scratch\nCOPY program /program\n");
  must_docker({"build", "--platform", "linux/mips64le", "-t", "foreign:1", "."});
  EXPECT_EQ(must_docker({"inspect", "--format", "{{.Architecture}}", "foreign:1"}).out, "mips64le\n");
  must_docker({"rmi", "foreign:1"});
}

}  // namespace
}  // namespace stack::e2e
