#include "runtime/spec/defaults.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/spec/spec.h"

namespace stack::runtime {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

TEST(Defaults, SpecIsAccepted) {
  Json spec = default_spec();
  spec["process"]["args"] = {"sh"};
  EXPECT_TRUE(parse_spec(spec).has_value());
  Json privileged = privileged_spec();
  privileged["process"]["args"] = {"sh"};
  EXPECT_TRUE(parse_spec(privileged).has_value());
}

TEST(Defaults, FourteenCapabilities) { EXPECT_EQ(default_capabilities().size(), 14u); }

TEST(Defaults, AddAndDropFollowDocker) {
  EXPECT_EQ(effective_capabilities({}, {})->size(), 14u);
  EXPECT_TRUE(contains(*effective_capabilities({"net_admin"}, {}), "CAP_NET_ADMIN"));
  EXPECT_FALSE(contains(*effective_capabilities({}, {"CAP_CHOWN"}), "CAP_CHOWN"));
  EXPECT_EQ(*effective_capabilities({"CHOWN"}, {"ALL"}), std::vector<std::string>{"CAP_CHOWN"});
  EXPECT_TRUE(effective_capabilities({}, {"ALL"})->empty());
  EXPECT_EQ(effective_capabilities({"ALL"}, {})->size(), all_capabilities().size());
  EXPECT_FALSE(contains(*effective_capabilities({"ALL"}, {"SYS_ADMIN"}), "CAP_SYS_ADMIN"));
}

TEST(Defaults, UnknownCapabilityIsAnError) {
  EXPECT_EQ(normalize_capability("wizard").error().text(), "unknown capability \"wizard\"");
}

TEST(Defaults, InheritableAndAmbientStayEmpty) {
  Json sets = capabilities_json(default_capabilities());
  EXPECT_FALSE(sets.contains("inheritable"));
  EXPECT_FALSE(sets.contains("ambient"));
}

// moby daemon/pkg/oci/defaults.go; thermal_throttle exists per processor, if the machine has it.
TEST(Defaults, MaskedPathsAreDockers) {
  std::set<std::string> masked;
  for (const std::string& path : masked_paths()) {
    bool throttle = path.ends_with("/thermal_throttle");
    EXPECT_TRUE(!throttle || path.starts_with("/sys/devices/system/cpu/cpu")) << path;
    if (!throttle) masked.insert(path);
  }
  EXPECT_EQ(masked, (std::set<std::string>{"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore",
                                           "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
                                           "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
                                           "/sys/devices/virtual/powercap", "/sys/firmware"}));
  EXPECT_EQ(readonly_paths(), (std::vector<std::string>{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                        "/proc/sysrq-trigger"}));
}

TEST(Defaults, PrivilegedHidesNothing) {
  EXPECT_TRUE(privileged_spec()["linux"]["maskedPaths"].empty());
  for (const Json& mount : privileged_spec()["mounts"]) {
    if (mount["type"] != "sysfs") continue;
    EXPECT_EQ(std::count(mount["options"].begin(), mount["options"].end(), "ro"), 0);
  }
}

}  // namespace
}  // namespace stack::runtime
