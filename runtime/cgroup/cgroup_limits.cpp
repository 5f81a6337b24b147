#include "runtime/cgroup/cgroup_limits.h"

#include <cmath>

namespace stack::runtime {

namespace {

using Writes = std::vector<CgroupWrite>;

const Json& part(const Json& resources, const char* name) {
  static const Json kEmpty = Json::object();
  if (!resources.is_object()) return kEmpty;
  auto found = resources.find(name);
  return found != resources.end() && found->is_object() ? *found : kEmpty;
}

const Json& list(const Json& object, const char* name) {
  static const Json kEmpty = Json::array();
  auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

bool present(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && !found->is_null();
}

std::string device_key(const Json& device) {
  return std::to_string(int_or(device, "major")) + ":" + std::to_string(int_or(device, "minor"));
}

// cgroup v2 uses "max" for -1.
std::string or_max(int64_t value) { return value < 0 ? "max" : std::to_string(value); }

void add_number(Writes& out, const Json& object, const char* key, const char* controller, const char* file,
                bool optional = false) {
  if (present(object, key)) out.push_back({controller, file, std::to_string(int_or(object, key)), optional});
}

void add_text(Writes& out, const Json& object, const char* key, const char* controller, const char* file) {
  std::string value = string_or(object, key);
  if (!value.empty()) out.push_back({controller, file, value, false});
}

struct Throttle {
  const char* key;
  const char* v1_file;
  const char* v2_key;
};
constexpr Throttle kThrottles[] = {
    {"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"},
    {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"},
    {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"},
    {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"},
};

struct NumberKey {
  const char* part;
  const char* key;
};
constexpr NumberKey kNumbers[] = {
    {"memory", "limit"},     {"memory", "swap"},       {"memory", "reservation"}, {"memory", "kernel"},
    {"memory", "kernelTCP"}, {"memory", "swappiness"}, {"cpu", "shares"},         {"cpu", "quota"},
    {"cpu", "period"},       {"cpu", "burst"},         {"cpu", "realtimePeriod"}, {"cpu", "realtimeRuntime"},
    {"cpu", "idle"},         {"pids", "limit"},        {"blockIO", "weight"},     {"blockIO", "leafWeight"},
    {"network", "classID"},
};

// Rejects other types, which would otherwise count as missing.
Result<> check_numbers(const Json& resources) {
  if (!resources.is_object()) return {};
  for (const char* name : {"memory", "cpu", "pids", "blockIO", "network", "rdma", "unified"}) {
    if (present(resources, name) && !resources[name].is_object())
      return invalid(std::string("resources.") + name + " must be an object");
  }
  for (const char* name : {"devices", "hugepageLimits"}) {
    if (present(resources, name) && !resources[name].is_array())
      return invalid(std::string("resources.") + name + " must be a list");
  }
  for (const NumberKey& row : kNumbers) {
    const Json& object = part(resources, row.part);
    if (present(object, row.key) && !object[row.key].is_number_integer())
      return invalid(std::string("resources.") + row.part + "." + row.key +
                     " must be an integer: " + to_text(object[row.key]));
  }
  return {};
}

Result<> check_memory(const Json& memory) {
  int64_t limit = int_or(memory, "limit", -1);
  int64_t swap = int_or(memory, "swap", -1);
  if (limit > 0 && swap > 0 && swap < limit)
    return invalid("the limit of memory and swap is below the memory limit");
  if (present(memory, "swappiness") &&
      (int_or(memory, "swappiness") < 0 || int_or(memory, "swappiness") > 100))
    return invalid("swappiness must be from 0 to 100");
  return {};
}

Result<> check_cpu(const Json& cpu) {
  int64_t quota = int_or(cpu, "quota", -1);
  if (quota > 0 && int_or(cpu, "burst") > quota) return invalid("cpu burst is above the quota");
  return {};
}

void memory_v1(Writes& out, const Json& memory) {
  add_number(out, memory, "limit", "memory", "memory.limit_in_bytes");
  // Kernels without swap accounting do not have this file.
  if (int_or(memory, "swap") != 0)
    add_number(out, memory, "swap", "memory", "memory.memsw.limit_in_bytes", true);
  else if (int_or(memory, "limit") < 0)  // memory cannot exceed memory and swap together
    out.push_back({"memory", "memory.memsw.limit_in_bytes", "-1", true});
  add_number(out, memory, "reservation", "memory", "memory.soft_limit_in_bytes");
  add_number(out, memory, "kernel", "memory", "memory.kmem.limit_in_bytes", true);
  add_number(out, memory, "kernelTCP", "memory", "memory.kmem.tcp.limit_in_bytes", true);
  add_number(out, memory, "swappiness", "memory", "memory.swappiness");
  if (bool_or(memory, "disableOOMKiller")) out.push_back({"memory", "memory.oom_control", "1", false});
}

void cpu_v1(Writes& out, const Json& cpu) {
  if (int_or(cpu, "shares") != 0) add_number(out, cpu, "shares", "cpu", "cpu.shares");
  if (int_or(cpu, "period") != 0) add_number(out, cpu, "period", "cpu", "cpu.cfs_period_us");
  if (int_or(cpu, "quota") != 0) add_number(out, cpu, "quota", "cpu", "cpu.cfs_quota_us");
  add_number(out, cpu, "burst", "cpu", "cpu.cfs_burst_us");
  if (int_or(cpu, "realtimePeriod") != 0) add_number(out, cpu, "realtimePeriod", "cpu", "cpu.rt_period_us");
  if (int_or(cpu, "realtimeRuntime") != 0)
    add_number(out, cpu, "realtimeRuntime", "cpu", "cpu.rt_runtime_us");
  add_number(out, cpu, "idle", "cpu", "cpu.idle");
  add_text(out, cpu, "cpus", "cpuset", "cpuset.cpus");
  add_text(out, cpu, "mems", "cpuset", "cpuset.mems");
}

void block_v1(Writes& out, const Json& block) {
  // The CFQ scheduler has the plain names, BFQ its own.
  if (int_or(block, "weight") != 0)
    out.push_back(
        {"blkio", "blkio.weight", std::to_string(int_or(block, "weight")), false, "blkio.bfq.weight"});
  if (int_or(block, "leafWeight") != 0) add_number(out, block, "leafWeight", "blkio", "blkio.leaf_weight");
  for (const Json& device : list(block, "weightDevice")) {
    out.push_back({"blkio", "blkio.weight_device",
                   device_key(device) + " " + std::to_string(int_or(device, "weight")), false,
                   "blkio.bfq.weight_device"});
    if (int_or(device, "leafWeight") == 0) continue;
    out.push_back({"blkio", "blkio.leaf_weight_device",
                   device_key(device) + " " + std::to_string(int_or(device, "leafWeight")), false});
  }
  for (const Throttle& throttle : kThrottles) {
    for (const Json& device : list(block, throttle.key)) {
      out.push_back({"blkio", throttle.v1_file,
                     device_key(device) + " " + std::to_string(int_or(device, "rate")), false});
    }
  }
}

void memory_v2(Writes& out, const Json& memory) {
  int64_t limit = int_or(memory, "limit");
  if (present(memory, "limit") && limit != 0) out.push_back({"memory", "memory.max", or_max(limit), false});
  int64_t swap = int_or(memory, "swap");
  if (present(memory, "swap") && swap != 0) {
    // The specification's value is memory plus swap; the file contains only swap.
    std::string value = swap < 0 ? "max" : std::to_string(swap - std::max<int64_t>(limit, 0));
    out.push_back({"memory", "memory.swap.max", value, true});
  }
  if (int_or(memory, "reservation") != 0)
    out.push_back({"memory", "memory.low", or_max(int_or(memory, "reservation")), false});
}

void cpu_v2(Writes& out, const Json& cpu) {
  uint64_t shares = static_cast<uint64_t>(std::max<int64_t>(int_or(cpu, "shares"), 0));
  if (shares != 0) out.push_back({"cpu", "cpu.weight", std::to_string(cpu_weight_of_shares(shares)), false});
  int64_t quota = int_or(cpu, "quota");
  int64_t period = int_or(cpu, "period");
  if (quota != 0 || period != 0) {
    std::string value = quota > 0 ? std::to_string(quota) : "max";
    if (period > 0) value += " " + std::to_string(period);
    out.push_back({"cpu", "cpu.max", value, false});
  }
  add_number(out, cpu, "burst", "cpu", "cpu.max.burst");
  add_number(out, cpu, "idle", "cpu", "cpu.idle");
  add_text(out, cpu, "cpus", "cpuset", "cpuset.cpus");
  add_text(out, cpu, "mems", "cpuset", "cpuset.mems");
}

// blkio weights run from 10 to 1000, io.weight from 1 to 10000; BFQ keeps the old scale.
void block_v2(Writes& out, const Json& block) {
  int64_t weight = int_or(block, "weight");
  if (weight != 0) {
    out.push_back({"io", "io.bfq.weight", std::to_string(weight), true});
    out.push_back({"io", "io.weight", "default " + std::to_string(1 + (weight - 10) * 9999 / 990), true});
  }
  for (const Json& device : list(block, "weightDevice")) {
    out.push_back(
        {"io", "io.bfq.weight", device_key(device) + " " + std::to_string(int_or(device, "weight")), true});
  }
  for (const Throttle& throttle : kThrottles) {
    for (const Json& device : list(block, throttle.key)) {
      out.push_back(
          {"io", "io.max",
           device_key(device) + " " + throttle.v2_key + "=" + std::to_string(int_or(device, "rate")), false});
    }
  }
}

void pids(Writes& out, const Json& resources) {
  const Json& limit = part(resources, "pids");
  if (present(limit, "limit")) out.push_back({"pids", "pids.max", or_max(int_or(limit, "limit")), false});
}

void huge_pages(Writes& out, const Json& resources, bool v2) {
  for (const Json& page : list(resources, "hugepageLimits")) {
    std::string size = string_or(page, "pageSize");
    std::string limit = std::to_string(int_or(page, "limit"));
    std::string base = "hugetlb." + size;
    out.push_back({"hugetlb", base + (v2 ? ".rsvd.max" : ".rsvd.limit_in_bytes"), limit, true});
    out.push_back({"hugetlb", base + (v2 ? ".max" : ".limit_in_bytes"), limit, false});
  }
}

void rdma(Writes& out, const Json& resources) {
  for (const auto& [device, limits] : part(resources, "rdma").items()) {
    std::string value = device;
    if (present(limits, "hcaHandles")) value += " hca_handle=" + std::to_string(int_or(limits, "hcaHandles"));
    if (present(limits, "hcaObjects")) value += " hca_object=" + std::to_string(int_or(limits, "hcaObjects"));
    out.push_back({"rdma", "rdma.max", value, false});
  }
}

void network(Writes& out, const Json& resources) {
  const Json& network = part(resources, "network");
  add_number(out, network, "classID", "net_cls", "net_cls.classid");
  for (const Json& priority : list(network, "priorities")) {
    out.push_back({"net_prio", "net_prio.ifpriomap",
                   string_or(priority, "name") + " " + std::to_string(int_or(priority, "priority")), false});
  }
}

std::string device_number(int64_t number) { return number < 0 ? "*" : std::to_string(number); }

void devices_v1(Writes& out, const std::vector<DeviceRule>& rules) {
  for (const DeviceRule& rule : rules) {
    const char* file = rule.allow ? "devices.allow" : "devices.deny";
    if (rule.type == 'a') {
      out.push_back({"devices", file, "a", false});
      continue;
    }
    out.push_back({"devices", file,
                   std::string(1, rule.type) + " " + device_number(rule.major) + ":" +
                       device_number(rule.minor) + " " + rule.access,
                   false});
  }
}

}  // namespace

uint64_t cpu_weight_of_shares(uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  double l = std::log2(static_cast<double>(shares));
  double exponent = (l * l + 125.0 * l) / 612.0 - 7.0 / 34.0;
  return static_cast<uint64_t>(std::ceil(std::pow(10.0, exponent)));
}

Result<std::vector<DeviceRule>> parse_device_rules(const Json& resources) {
  std::vector<DeviceRule> out;
  if (!resources.is_object()) return out;
  for (const Json& item : list(resources, "devices")) {
    DeviceRule rule;
    rule.allow = bool_or(item, "allow");
    std::string type = string_or(item, "type", "a");
    if (type.empty()) type = "a";
    if (type != "a" && type != "b" && type != "c")
      return invalid("device rule: unknown type \"" + type + "\"");
    rule.type = type[0];
    rule.major = int_or(item, "major", -1);
    rule.minor = int_or(item, "minor", -1);
    rule.access = string_or(item, "access", "rwm");
    if (rule.access.empty()) rule.access = "rwm";
    if (rule.access.find_first_not_of("rwm") != std::string::npos)
      return invalid("device rule: unknown access \"" + rule.access + "\"");
    out.push_back(rule);
  }
  return out;
}

Result<std::vector<CgroupWrite>> writes_for_v1(const Json& resources) {
  if (!part(resources, "unified").empty()) return invalid("resources.unified requires cgroup v2");
  TRY(check_numbers(resources));
  TRY(check_memory(part(resources, "memory")));
  TRY(check_cpu(part(resources, "cpu")));
  TRY_ASSIGN(std::vector<DeviceRule> rules, parse_device_rules(resources));
  Writes out;
  memory_v1(out, part(resources, "memory"));
  cpu_v1(out, part(resources, "cpu"));
  pids(out, resources);
  block_v1(out, part(resources, "blockIO"));
  huge_pages(out, resources, false);
  network(out, resources);
  rdma(out, resources);
  devices_v1(out, rules);
  return out;
}

Result<std::vector<CgroupWrite>> writes_for_v2(const Json& resources) {
  TRY(check_numbers(resources));
  TRY(check_memory(part(resources, "memory")));
  TRY(check_cpu(part(resources, "cpu")));
  Writes out;
  memory_v2(out, part(resources, "memory"));
  cpu_v2(out, part(resources, "cpu"));
  pids(out, resources);
  block_v2(out, part(resources, "blockIO"));
  huge_pages(out, resources, true);
  rdma(out, resources);
  for (const auto& [file, value] : part(resources, "unified").items()) {
    if (!value.is_string()) return invalid("resources.unified: " + file + " must be a string");
    if (file.find('/') != std::string::npos || file.starts_with("cgroup."))
      return invalid("resources.unified: not a control file: " + file);
    out.push_back({file.substr(0, file.find('.')), file, value.get<std::string>(), false});
  }
  return out;
}

}  // namespace stack::runtime
