// exec: additional processes.
#include <gtest/gtest.h>

#include "base/files.h"
#include "bundle_fixture.h"

namespace stack::runtime::test {
namespace {

class OciExec : public ::testing::Test {
 protected:
  void SetUp() override {
    bundle.command({"sleep", "1000"});
    ASSERT_EQ(bundle.run({"--detach"}).code, 0);
  }
  Ran exec(const std::vector<std::string>& words) {
    std::vector<std::string> all{"exec"};
    all.insert(all.end(), words.begin(), words.end());
    return bundle.call(all);
  }
  Bundle bundle;
};

TEST_F(OciExec, RunsInTheContainersNamespacesGroupAndRights) {
  Ran ran = exec({"box", "sh", "-c",
                  "hostname; cat /proc/1/cmdline | cut -c1-5; grep CapBnd /proc/self/status; "
                  "grep -q " +
                      bundle.cgroup() + " /proc/self/cgroup && echo group; exit 7"});
  EXPECT_EQ(ran.code, 7);
  EXPECT_NE(ran.output.find("stack\nsleep"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("CapBnd:\t00000000a80425fb\ngroup\n"), std::string::npos) << ran.output;
}

TEST_F(OciExec, FlagsChangeTheProcess) {
  Ran ran = exec({"--user", "12:34", "--cwd", "/tmp", "--env", "A=b", "--cap", "NET_ADMIN", "box", "sh", "-c",
                  "id -u; id -g; pwd; echo $A; grep CapBnd /proc/self/status"});
  EXPECT_EQ(ran.output, "12\n34\n/tmp\nb\nCapBnd:\t00000000a80435fb\n");
}

TEST_F(OciExec, AProcessFileReplacesTheProcess) {
  Json process{{"args", {"sh", "-c", "echo $B; pwd"}}, {"cwd", "/data"}, {"env", {"PATH=/bin", "B=c"}}};
  ASSERT_TRUE(write_file(bundle.folder() + "/p.json", to_text(process)).has_value());
  EXPECT_EQ(exec({"--process", bundle.folder() + "/p.json", "box"}).output, "c\n/data\n");
}

TEST_F(OciExec, DetachedExecReturnsThePid) {
  std::string file = bundle.folder() + "/pid";
  ASSERT_EQ(exec({"--detach", "--pid-file", file, "box", "sleep", "1000"}).code, 0);
  EXPECT_NE(host_output("cat /proc/$(cat " + file + ")/cmdline").find("sleep"), std::string::npos);
}

TEST_F(OciExec, ErrorsHaveShellExitCodes) {
  EXPECT_EQ(exec({"box", "nosuch"}).code, 127);
  EXPECT_EQ(exec({"box", "/etc"}).code, 126);
  EXPECT_EQ(exec({"box"}).code, 255);
  EXPECT_EQ(exec({"--user", "root", "box", "true"}).code, 255);
  EXPECT_EQ(exec({"box", "sh", "-c", "kill -9 $$"}).code, 137);
}

TEST_F(OciExec, RuntimeCannotBeOverwrittenFromInside) {
  // CVE-2019-5736: an interpreter line that executes the runtime again, in the container.
  ASSERT_TRUE(write_file(bundle.root() + "/data/evil", "#!/proc/self/exe\n", 0755).has_value());
  ASSERT_EQ(host_output("chmod 755 " + bundle.root() + "/data/evil"), "");
  std::string before = host_output("sha256sum " STACK_RUNTIME);
  (void)exec({"box", "/data/evil"});
  // While one of our processes waits in the container, it must not be possible to open its program for writing.
  Ran ran = exec({"box", "sh", "-c",
                  "for p in /proc/[0-9]*; do (echo x > $p/exe) 2>&1; done | grep -v -E "
                  "'Permission denied|Text file busy|Read-only|nonexistent'"});
  EXPECT_EQ(ran.output, "");
  EXPECT_EQ(host_output("sha256sum " STACK_RUNTIME), before);
}

TEST_F(OciExec, SecurityLabelsAreRejectedIfUnsupported) {
  if (path_exists("/sys/kernel/security/apparmor") || path_exists("/sys/fs/selinux/enforce"))
    GTEST_SKIP() << "this kernel has them";
  EXPECT_NE(exec({"--apparmor", "x", "box", "true"}).output.find("AppArmor"), std::string::npos);
  EXPECT_NE(exec({"--process-label", "x", "box", "true"}).output.find("SELinux"), std::string::npos);
}

TEST_F(OciExec, WorksInACreatedContainer) {
  ASSERT_EQ(bundle.call({"delete", "-f", "box"}).code, 0);
  ASSERT_EQ(bundle.create().code, 0);
  EXPECT_EQ(exec({"box", "echo", "hi"}).output, "hi\n");
  EXPECT_EQ(bundle.status(), "created");
}

}  // namespace
}  // namespace stack::runtime::test
