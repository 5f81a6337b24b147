#include "runtime/oci/cgroup_owner.h"

#include <gtest/gtest.h>

namespace stack::runtime::oci {
namespace {

OciSpec spec_of(const char* options, const char* linux_part) {
  Json config = parse_json(std::string(R"({"ociVersion":"1.3.0","root":{"path":"/r"},
      "process":{"cwd":"/","args":["x"],"user":{"uid":5,"gid":5}},
      "mounts":[{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":)") +
                           options + "}],\"linux\":" + linux_part + "}")
                    .value();
  return parse_spec(config).value();
}

constexpr const char* kOwnCgroup = R"({"namespaces":[{"type":"mount"},{"type":"cgroup"}]})";

TEST(CgroupOwner, IsTheHostUserOfTheContainersUser) {
  EXPECT_EQ(cgroup_owner(spec_of(R"(["nosuid"])", kOwnCgroup)), 5u);
  EXPECT_EQ(cgroup_owner(spec_of(R"(["nosuid"])",
                                 R"({"namespaces":[{"type":"mount"},{"type":"cgroup"},{"type":"user"}],
      "uidMappings":[{"containerID":0,"hostID":100000,"size":10}],
      "gidMappings":[{"containerID":0,"hostID":100000,"size":10}]})")),
            100005u);
}

TEST(CgroupOwner, IsUnchangedWithoutWritableOrOwnCgroups) {
  EXPECT_FALSE(cgroup_owner(spec_of(R"(["ro"])", kOwnCgroup)));
  EXPECT_FALSE(cgroup_owner(spec_of(R"(["nosuid"])", R"({"namespaces":[{"type":"mount"}]})")));
  EXPECT_FALSE(cgroup_owner(
      spec_of(R"(["nosuid"])", R"({"namespaces":[{"type":"mount"},{"type":"cgroup"},{"type":"user"}],
      "uidMappings":[{"containerID":0,"hostID":100000,"size":3}],
      "gidMappings":[{"containerID":0,"hostID":100000,"size":3}]})")));
}

}  // namespace
}  // namespace stack::runtime::oci
