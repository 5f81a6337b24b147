// OCI linux.resources as writes to control files. config-linux.md; cgroup-v2.rst; cgroup-v1/*.rst
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace stack::runtime {

// One write: `controller` selects the hierarchy; `file` is in the cgroup's directory.
struct CgroupWrite {
  std::string controller;
  std::string file;
  std::string value;
  bool optional = false;        // if the file is missing or rejects the value, add a note and continue
  std::string other_file = {};  // used if `file` is missing
};

// The writes, in order. Pure. Invalid for invalid values.
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

// Attaches a program that implements `rules` to a v2 cgroup. The last matching rule decides; the default is to allow.
Result<> attach_device_filter(int cgroup_directory, const std::vector<DeviceRule>& rules);

}  // namespace stack::runtime
