#include "runtime/spec/spec.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "runtime/spec/mount_options.h"

namespace stack::runtime {
namespace {

Json minimal() {
  return Json{{"ociVersion", "1.2.0"},
              {"process", {{"args", {"sh"}}, {"cwd", "/"}}},
              {"root", {{"path", "rootfs"}}},
              {"linux", {{"namespaces", Json::array({{{"type", "mount"}}, {{"type", "pid"}}})}}}};
}

std::string error_of(const Json& config) {
  Result<OciSpec> spec = parse_spec(config);
  return spec ? "accepted" : spec.error().text();
}

OciMount mount_with(std::vector<std::string> options) {
  OciMount mount;
  for (const std::string& option : options) apply_mount_option(option, mount);
  return mount;
}

TEST(Spec, MinimalConfigIsAccepted) {
  Result<OciSpec> spec = parse_spec(minimal());
  ASSERT_TRUE(spec.has_value()) << spec.error().text();
  EXPECT_EQ(spec->process->args, std::vector<std::string>{"sh"});
  EXPECT_TRUE(spec->new_namespace(CLONE_NEWNS));
  EXPECT_EQ(spec->find_namespace(CLONE_NEWNET), nullptr);
}

TEST(Spec, UnknownPropertiesAreIgnored) {
  Json config = minimal();
  config["futureField"] = {{"a", 1}};
  config["process"]["other"] = true;
  config["linux"]["new"] = "x";
  EXPECT_EQ(error_of(config), "accepted");
}

TEST(Spec, VersionsAreChecked) {
  Json config = minimal();
  config["ociVersion"] = "1.3.0-rc.1+dev";
  EXPECT_EQ(error_of(config), "accepted");
  config["ociVersion"] = "2.0.0";
  EXPECT_NE(error_of(config).find("only 1.x"), std::string::npos);
  config["ociVersion"] = "one";
  EXPECT_NE(error_of(config).find("not a version"), std::string::npos);
  config.erase("ociVersion");
  EXPECT_NE(error_of(config).find("not a version"), std::string::npos);
}

TEST(Spec, WronglyTypedValuesAreErrorsThatNameThem) {
  Json config = minimal();
  config["process"]["args"] = "sh";
  EXPECT_EQ(error_of(config), "process: args must be a list of strings");
  config = minimal();
  config["process"]["user"] = {{"uid", -1}};
  EXPECT_EQ(error_of(config), "process: uid is out of range: -1");
  config = minimal();
  config["process"]["user"] = {{"uid", 4294967296}};
  EXPECT_EQ(error_of(config), "process: uid is out of range: 4294967296");
  config = minimal();
  config["mounts"] = Json::array({{{"destination", 5}}});
  EXPECT_EQ(error_of(config), "mounts[0]: destination must be a string");
}

TEST(Spec, ZeroBytesAreRejected) {
  Json config = minimal();
  config["process"]["args"] = Json::array({std::string("a\0b", 3)});
  EXPECT_EQ(error_of(config), "process: args contains a zero byte");
}

TEST(Spec, DuplicateUnknownAndRelativeNamespacesAreErrors) {
  Json config = minimal();
  config["linux"]["namespaces"].push_back({{"type", "pid"}});
  EXPECT_EQ(error_of(config), "linux: namespaces[2]: namespace pid is given twice");
  config = minimal();
  config["linux"]["namespaces"].push_back({{"type", "quantum"}});
  EXPECT_EQ(error_of(config), "linux: namespaces[2]: unknown namespace type \"quantum\"");
  config = minimal();
  config["linux"]["namespaces"].push_back({{"type", "ipc"}, {"path", "ns"}});
  EXPECT_NE(error_of(config).find("must be absolute"), std::string::npos);
}

TEST(Spec, DuplicateAndUnknownLimitsAreErrors) {
  Json config = minimal();
  config["process"]["rlimits"] = Json::array({{{"type", "RLIMIT_CORE"}, {"soft", 1}, {"hard", 1}},
                                              {{"type", "RLIMIT_CORE"}, {"soft", 2}, {"hard", 2}}});
  EXPECT_EQ(error_of(config), "process: rlimits[1]: limit RLIMIT_CORE is given twice");
  config["process"]["rlimits"] = Json::array({{{"type", "RLIMIT_X"}, {"soft", 1}, {"hard", 1}}});
  EXPECT_EQ(error_of(config), "process: rlimits[0]: unknown limit RLIMIT_X");
  config["process"]["rlimits"] = Json::array({{{"type", "RLIMIT_CORE"}, {"soft", 2}, {"hard", 1}}});
  EXPECT_NE(error_of(config).find("exceeds the hard limit"), std::string::npos);
}

TEST(Spec, UnlimitedLimitsAreSupported) {
  Json config = minimal();
  config["process"]["rlimits"] =
      Json::array({{{"type", "RLIMIT_CORE"}, {"soft", UINT64_MAX}, {"hard", UINT64_MAX}}});
  Result<OciSpec> spec = parse_spec(config);
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->process->limits[0].hard, RLIM_INFINITY);
}

TEST(Spec, UnknownCapabilityIsOnlyANote) {
  Json config = minimal();
  config["process"]["capabilities"] = {{"bounding", {"CAP_CHOWN", "CAP_WIZARD"}}};
  Result<OciSpec> spec = parse_spec(config);
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->process->capabilities->bounding, 1u);
  EXPECT_EQ(spec->process->capabilities->inheritable, 0u);
  EXPECT_EQ(spec->process->notes.size(), 1u);
}

TEST(Spec, MaskedPathsMustBeAbsolute) {
  Json config = minimal();
  config["linux"]["maskedPaths"] = Json::array({"proc/kcore"});
  EXPECT_EQ(error_of(config), "linux: maskedPaths: not an absolute path: \"proc/kcore\"");
}

TEST(Spec, HostnameRequiresItsNamespace) {
  Json config = minimal();
  config["hostname"] = "box";
  EXPECT_EQ(error_of(config), "hostname requires a uts namespace");
}

TEST(Spec, HooksRequireAbsolutePathsAndPositiveTimeouts) {
  Json config = minimal();
  config["hooks"] = {{"poststart", Json::array({{{"path", "hook"}}})}};
  EXPECT_NE(error_of(config).find("must be absolute"), std::string::npos);
  config["hooks"] = {{"poststart", Json::array({{{"path", "/hook"}, {"timeout", 0}}})}};
  EXPECT_NE(error_of(config).find("greater than zero"), std::string::npos);
}

TEST(Spec, UserNamespaceAndMappingsRequireEachOther) {
  Json config = minimal();
  config["linux"]["uidMappings"] = Json::array({{{"containerID", 0}, {"hostID", 1000}, {"size", 1}}});
  EXPECT_NE(error_of(config).find("require a user namespace"), std::string::npos);
  config = minimal();
  config["linux"]["namespaces"].push_back({{"type", "user"}});
  EXPECT_NE(error_of(config).find("requires uidMappings"), std::string::npos);
}

TEST(Spec, MaliciousDestinationsAreCleanedAndStayAbsolute) {
  Json mount{{"destination", "../../etc/../x//y"}, {"type", "tmpfs"}};
  EXPECT_EQ(parse_mount(mount)->destination, "/x/y");
}

TEST(MountOptions, FlagsSetAndClearAndTheLastOneWins) {
  EXPECT_EQ(mount_with({"ro"}).attributes_set, uint64_t{MOUNT_ATTR_RDONLY});
  OciMount mount = mount_with({"ro", "nosuid", "rw"});
  EXPECT_EQ(mount.attributes_set, uint64_t{MOUNT_ATTR_NOSUID});
  EXPECT_EQ(mount.attributes_clear, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, AccessTimeModesAreExclusive) {
  OciMount mount = mount_with({"noatime", "strictatime"});
  EXPECT_EQ(mount.attributes_set & MOUNT_ATTR__ATIME, uint64_t{MOUNT_ATTR_STRICTATIME});
  EXPECT_EQ(mount.attributes_clear & MOUNT_ATTR__ATIME, uint64_t{MOUNT_ATTR__ATIME});
}

TEST(MountOptions, UnknownOptionsArePassedToTheFileSystem) {
  EXPECT_EQ(mount_with({"size=1m", "ro"}).data, std::vector<std::string>{"size=1m"});
}

TEST(MountOptions, PropagationAndBindAreSeparate) {
  OciMount mount = mount_with({"rbind", "rslave", "rro"});
  EXPECT_TRUE(mount.bind);
  EXPECT_TRUE(mount.recursive_bind);
  EXPECT_EQ(mount.propagation, static_cast<unsigned long>(MS_SLAVE | MS_REC));
  EXPECT_EQ(mount.recursive_set, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, AllOptionsOfTheSpecificationAreKnown) {
  // config.md, "Linux mount options": MUST and SHOULD.
  const char* const words[] = {"async",       "atime",        "bind",          "defaults",
                               "dev",         "diratime",     "dirsync",       "exec",
                               "iversion",    "lazytime",     "loud",          "noatime",
                               "nodev",       "nodiratime",   "noexec",        "noiversion",
                               "nolazytime",  "norelatime",   "nostrictatime", "nosuid",
                               "private",     "rbind",        "relatime",      "remount",
                               "ro",          "rprivate",     "rshared",       "rslave",
                               "runbindable", "rw",           "shared",        "silent",
                               "slave",       "strictatime",  "suid",          "sync",
                               "unbindable",  "nosymfollow",  "symfollow",     "ratime",
                               "rdev",        "rdiratime",    "rexec",         "rnoatime",
                               "rnodiratime", "rnoexec",      "rnorelatime",   "rnostrictatime",
                               "rnosuid",     "rnosymfollow", "rrelatime",     "rro",
                               "rrw",         "rstrictatime", "rsuid",         "rsymfollow",
                               "idmap",       "ridmap",       "mand",          "nomand",
                               "tmpcopyup"};
  std::vector<std::string_view> known = known_mount_options();
  for (const char* word : words) EXPECT_NE(std::find(known.begin(), known.end(), word), known.end()) << word;
}

}  // namespace
}  // namespace stack::runtime
