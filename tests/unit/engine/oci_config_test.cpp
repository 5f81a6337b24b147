#include "engine/container/oci_config.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace stack;
using namespace stack::engine;

namespace {

ImageDefaults image() { return {{"/entry"}, {"serve", "--all"}, {"A=image", "B=image"}, "/srv", "", ""}; }

struct Made {
  asio::io_context io;
  Container container{io};
  OciInputs inputs;
  Made() {
    inputs.container = &container;
    inputs.args = {"true"};
    inputs.hostname = "box";
    inputs.cgroup_path = "/stack/x";
  }
  Json config() {
    Result<Json> made = oci_config(inputs);
    EXPECT_TRUE(made) << (made ? "" : made.error().text());
    return made ? *made : Json();
  }
};

Json mount_at(const Json& config, const std::string& destination) {
  Json found;
  for (const Json& mount : config["mounts"])
    if (mount["destination"] == destination) found.push_back(mount);
  return found;
}

}  // namespace

TEST(CommandLine, JoinsTheImagesEntrypointAndCommand) {
  EXPECT_EQ(*command_line(ContainerSpec{}, image()), (std::vector<std::string>{"/entry", "serve", "--all"}));
}

TEST(CommandLine, OwnCommandReplacesOnlyTheImagesCommand) {
  ContainerSpec spec;
  spec.command = {"once"};
  EXPECT_EQ(*command_line(spec, image()), (std::vector<std::string>{"/entry", "once"}));
}

TEST(CommandLine, OwnEntrypointDropsTheImagesCommand) {
  ContainerSpec spec;
  spec.entrypoint = {"sh"};
  EXPECT_EQ(*command_line(spec, image()), (std::vector<std::string>{"sh"}));
}

TEST(CommandLine, NothingToRunIsAnError) {
  EXPECT_FALSE(command_line(ContainerSpec{}, ImageDefaults{}));
  ContainerSpec cleared;
  cleared.entrypoint = std::vector<std::string>{};
  EXPECT_FALSE(command_line(cleared, image()));
}

TEST(ContainerEnvironment, OwnValuesWinAndBareNamesUnsetTheImages) {
  ContainerSpec spec;
  spec.env = {"A=mine", "B", "C=new"};
  std::vector<std::string> env = environment(spec, image(), "box", "/root");
  auto has = [&](const std::string& entry) { return std::count(env.begin(), env.end(), entry) == 1; };
  EXPECT_TRUE(has("A=mine"));
  EXPECT_TRUE(has("C=new"));
  EXPECT_TRUE(has("HOSTNAME=box"));
  EXPECT_TRUE(has("HOME=/root"));
  EXPECT_TRUE(std::none_of(env.begin(), env.end(), [](const std::string& e) { return e.starts_with("B"); }));
  EXPECT_TRUE(std::any_of(env.begin(), env.end(),
                          [](const std::string& e) { return e.starts_with("PATH=/usr/local/sbin"); }));
}

TEST(OciConfig, NotifyingProfileIsRejectedWithTheReason) {
  auto options = parse_security_options(
      {R"(seccomp={"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]})"});
  ASSERT_FALSE(options.has_value());
  EXPECT_NE(options.error().text().find("SCMP_ACT_NOTIFY is not supported"), std::string::npos)
      << options.error().text();
}

TEST(SecurityOptions, UnknownOnesAreErrorsAndAbsentModulesAreNoted) {
  EXPECT_FALSE(parse_security_options({"no-such-thing"}));
  EXPECT_FALSE(parse_security_options({"no-new-privileges:maybe"}));
  auto options =
      parse_security_options({"no-new-privileges:true", "seccomp=unconfined", "apparmor=docker-default"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->no_new_privileges);
  EXPECT_TRUE(options->seccomp_unconfined);
  EXPECT_EQ(options->ignored.size(), 1U);
}

TEST(OciConfig, OwnMountReplacesTheDefaultOneAtTheSamePlace) {
  Made made;
  MountPoint shm;
  shm.spec.kind = MountKind::Tmpfs;
  shm.spec.target = "/dev/shm";
  shm.spec.tmpfs_options = "size=1048576";
  made.container.mounts.push_back(shm);
  Json mounts = mount_at(made.config(), "/dev/shm");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_NE(std::find(mounts[0]["options"].begin(), mounts[0]["options"].end(), "size=1048576"),
            mounts[0]["options"].end());
}

TEST(OciConfig, ParentsAreMountedBeforeNestedMounts) {
  Made made;
  for (const char* path : {"/data/deep/inner", "/data"}) {
    MountPoint mount;
    mount.spec.kind = MountKind::Bind;
    mount.source.path = "/tmp";
    mount.spec.target = path;
    made.container.mounts.push_back(mount);
  }
  Json config = made.config();
  std::vector<std::string> order;
  for (const Json& mount : config["mounts"]) order.push_back(mount["destination"]);
  EXPECT_LT(std::find(order.begin(), order.end(), "/data"),
            std::find(order.begin(), order.end(), "/data/deep/inner"));
}

TEST(OciConfig, LimitsBecomeResources) {
  Made made;
  made.container.spec.resources.memory = 64 << 20;
  made.container.spec.resources.nano_cpus = 500'000'000;
  made.container.spec.resources.pids_limit = 100;
  Json resources = made.config()["linux"]["resources"];
  EXPECT_EQ(resources["memory"]["limit"], 64 << 20);
  EXPECT_EQ(resources["memory"]["swap"], 128 << 20);
  EXPECT_EQ(resources["cpu"]["quota"], 50'000);
  EXPECT_EQ(resources["cpu"]["period"], 100'000);
  EXPECT_EQ(resources["pids"]["limit"], 100);
}

TEST(OciConfig, MalformedDeviceRulesAreRejected) {
  for (const char* rule : {"", "c", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 z", "c 1:-3 r"}) {
    Made made;
    made.container.spec.resources.device_cgroup_rules = {rule};
    EXPECT_FALSE(oci_config(made.inputs)) << rule;
  }
}

TEST(OciConfig, HostModesLeaveTheNamespaceOut) {
  Made made;
  made.container.spec.pid_mode = "host";
  made.inputs.ipc_pid = 42;
  Json namespaces = made.config()["linux"]["namespaces"];
  for (const Json& entry : namespaces) {
    EXPECT_NE(entry["type"], "pid");
    if (entry["type"] == "ipc") {
      EXPECT_EQ(entry["path"], "/proc/42/ns/ipc");
    }
  }
}
