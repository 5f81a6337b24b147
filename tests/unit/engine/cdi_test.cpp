#include "engine/cdi/cdi.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "engine/cdi/spec_file.h"

namespace stack::engine {
namespace {

constexpr const char* kAcme = R"(
cdiVersion: 0.6.0
kind: acme.com/fpga
containerEdits:
  env: [ACME_DRIVER=1]
devices:
  - name: first
    containerEdits:
      env: [ACME_FIRST=1]
      deviceNodes: [{path: /dev/acme0, hostPath: /dev/null, permissions: rw}]
      mounts: [{hostPath: /usr/lib, containerPath: /opt/acme, options: [ro, rbind]}]
      hooks: [{hookName: createContainer, path: /bin/true, args: ["true", x]}]
      additionalGids: [44]
  - name: second
    containerEdits: {env: [ACME_SECOND=1]}
)";

std::string fault_of(const std::string& text) {
  Result<CdiSpec> spec = parse_cdi_spec("/etc/cdi/a.yaml", text);
  return spec ? "" : spec.error().text();
}

TEST(Cdi, NamesDifferFromPaths) {
  for (const char* name : {"acme.com/fpga=first", "nvidia.com/gpu=0:1", "nvidia.com/gpu=all"})
    EXPECT_TRUE(is_cdi_device(name)) << name;
  for (const char* path :
       {"/dev/null", "/dev/a=b", "acme.com/fpga", "a=b/c", "", "acme.com/fpga=", "a/b/c=d"})
    EXPECT_FALSE(is_cdi_device(path)) << path;
}

TEST(Cdi, EditsOfASpecAreAppliedOnceAndOfEachDeviceInOrder) {
  TemporaryDirectory folder = *TemporaryDirectory::create("/tmp/stack-cdi-");
  ASSERT_TRUE(write_file(folder.path() + "/acme.yaml", kAcme));
  Result<Json> edits =
      cdi_edits({"acme.com/fpga=first", "acme.com/fpga=second"}, {"/nonexistent", folder.path()});
  ASSERT_TRUE(edits) << edits.error().text();
  Json config{{"process", {{"env", {"PATH=/bin", "ACME_FIRST=0"}}, {"user", {{"uid", 0}}}}},
              {"mounts", Json::array()},
              {"linux", Json::object()}};
  Result<> applied = apply_cdi_edits(*edits, config);
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(config["process"]["env"], (Json{"PATH=/bin", "ACME_DRIVER=1", "ACME_FIRST=1", "ACME_SECOND=1"}));
  EXPECT_EQ(config["process"]["user"]["additionalGids"], Json{44});
  EXPECT_EQ(config["linux"]["devices"][0]["path"], "/dev/acme0");
  EXPECT_EQ(config["linux"]["devices"][0]["major"], 1);
  EXPECT_EQ(config["linux"]["devices"][0]["minor"], 3);
  EXPECT_EQ(config["linux"]["resources"]["devices"][0]["access"], "rw");
  EXPECT_EQ(config["mounts"][0]["destination"], "/opt/acme");
  EXPECT_EQ(config["hooks"]["createContainer"][0], (Json{{"path", "/bin/true"}, {"args", {"true", "x"}}}));
}

TEST(Cdi, ALaterFolderHasPrecedenceAndAnUnknownDeviceListsTheKnownOnes) {
  TemporaryDirectory static_folder = *TemporaryDirectory::create("/tmp/stack-cdi-");
  TemporaryDirectory dynamic_folder = *TemporaryDirectory::create("/tmp/stack-cdi-");
  ASSERT_TRUE(write_file(static_folder.path() + "/acme.yaml", kAcme));
  ASSERT_TRUE(write_file(dynamic_folder.path() + "/acme.json",
                         R"({"cdiVersion":"0.5.0","kind":"acme.com/fpga","devices":[{"name":"second",
                             "containerEdits":{"env":["ACME_SECOND=2"]}}]})"));
  ASSERT_TRUE(write_file(dynamic_folder.path() + "/broken.json", "{"));
  std::vector<std::string> folders{static_folder.path(), dynamic_folder.path()};
  Result<Json> edits = cdi_edits({"acme.com/fpga=second"}, folders);
  ASSERT_TRUE(edits) << edits.error().text();
  EXPECT_EQ((*edits)["env"], Json{"ACME_SECOND=2"});
  Result<Json> unknown = cdi_edits({"acme.com/fpga=third"}, folders);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind(), ErrorKind::NotFound);
  EXPECT_NE(unknown.error().text().find("available: acme.com/fpga=first, acme.com/fpga=second"),
            std::string::npos)
      << unknown.error().text();
  EXPECT_NE(unknown.error().text().find("broken.json:1"), std::string::npos) << unknown.error().text();
}

TEST(Cdi, FaultySpecsAreErrorsThatNameTheFile) {
  const std::string head = "cdiVersion: 0.6.0\nkind: a.com/b\ndevices:\n  - name: x\n    containerEdits: ";
  EXPECT_EQ(fault_of("kind: a.com/b\ndevices: []\n"), "/etc/cdi/a.yaml: cdiVersion is missing");
  EXPECT_EQ(fault_of("cdiVersion: 0.6.0\nkind: b\ndevices: []\n"),
            "/etc/cdi/a.yaml: kind must have the form vendor.com/class");
  EXPECT_NE(fault_of(head + "{deviceNodes: [{hostPath: /dev/null}]}\n").find("an entry has no path"),
            std::string::npos);
  EXPECT_NE(fault_of(head + "{netDevices: [{name: eth0}]}\n").find("netDevices is not supported"),
            std::string::npos);
  EXPECT_NE(fault_of(head + "{hooks: [{hookName: poststop, path: /bin/true}]}\n").find("poststop hooks"),
            std::string::npos);
  EXPECT_NE(fault_of(head + "{mounts: [{hostPath: /a, containerPath: [b]}]}\n").find("wrong type"),
            std::string::npos);
  EXPECT_NE(fault_of("- a\n").find("must be a mapping"), std::string::npos);
}

}  // namespace
}  // namespace stack::engine
