// OCI linux.resources as writes to control files. config-linux.md; cgroup-v2.rst; cgroup-v1/*.rst
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

// One write: `controller` picks the hierarchy, `file` is below the group's directory.
struct CgroupWrite {
  std::string controller;
  std::string file;
  std::string value;
  bool optional = false;        // a file that is missing, or refuses, is noted and passed over
  std::string other_file = {};  // takes the same where `file` is missing
};

// Pure: what to write, in order. Invalid for values that make no sense.
Result<std::vector<CgroupWrite>> writes_for_v1(const Json& resources);
Result<std::vector<CgroupWrite>> writes_for_v2(const Json& resources);

// cpu.shares (2 .. 262144) as cpu.weight (1 .. 10000), so that 1024 becomes 100: runc's and crun's curve of
// 2025.
uint64_t cpu_weight_of_shares(uint64_t shares);

struct DeviceRule {
  bool allow = false;
  char type = 'a';     // a b c
  int64_t major = -1;  // -1: any
  int64_t minor = -1;
  std::string access = "rwm";
};
Result<std::vector<DeviceRule>> parse_device_rules(const Json& resources);

// Attaches a program that carries out `rules` (the last that matches decides; none: allowed) to a version 2
// group.
Result<> attach_device_filter(int cgroup_directory, const std::vector<DeviceRule>& rules);

}  // namespace stack::runtime
