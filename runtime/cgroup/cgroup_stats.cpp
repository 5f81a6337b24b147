// Reads a cgroup's counters. The engine computes the values shown to users (CPU %, memory without cache).
#include <sys/sysinfo.h>

#include "base/files.h"
#include "base/text.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::runtime {

namespace {

uint64_t to_number(std::string_view text) {
  text = trim(text);
  uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return 0;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

uint64_t read_number_file(const std::string& file) { return to_number(read_file(file).value_or("")); }

// Lines "name value".
std::map<std::string, uint64_t> read_pairs(const std::string& file) {
  std::map<std::string, uint64_t> out;
  for (const std::string& line : split(read_file(file).value_or(""), '\n')) {
    size_t blank = line.find(' ');
    if (blank != std::string::npos)
      out[line.substr(0, blank)] = to_number(std::string_view(line).substr(blank + 1));
  }
  return out;
}

uint64_t pick(const std::map<std::string, uint64_t>& pairs, const std::string& name) {
  auto found = pairs.find(name);
  return found == pairs.end() ? 0 : found->second;
}

// cgroup v1 represents "no limit" as the largest multiple of the page size.
uint64_t limit_or_none(uint64_t value) { return value >= uint64_t{1} << 62 ? 0 : value; }

uint64_t clock_ticks_to_ns(uint64_t ticks) { return ticks * 10000000; }  // USER_HZ is 100 on Linux

void read_block_v1(const std::string& directory, CgroupStats& out) {
  for (const std::string& line :
       split(read_file(directory + "/blkio.throttle.io_service_bytes_recursive").value_or(""), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    if (words.size() != 3) continue;
    if (words[1] == "Read") out.block_read_bytes += to_number(words[2]);
    if (words[1] == "Write") out.block_write_bytes += to_number(words[2]);
  }
}

void read_block_v2(const std::string& directory, CgroupStats& out) {
  for (const std::string& line : split(read_file(directory + "/io.stat").value_or(""), '\n')) {
    for (const std::string& word : split(line, ' ')) {
      if (word.starts_with("rbytes=")) out.block_read_bytes += to_number(word.substr(7));
      if (word.starts_with("wbytes=")) out.block_write_bytes += to_number(word.substr(7));
    }
  }
}

CgroupStats stats_v1(const Cgroups& cgroups, const std::string& path) {
  CgroupStats out;
  std::string cpuacct = cgroups.directory("cpuacct", path);
  out.cpu_total_ns = read_number_file(cpuacct + "/cpuacct.usage");
  auto split_time = read_pairs(cpuacct + "/cpuacct.stat");
  out.cpu_user_ns = clock_ticks_to_ns(pick(split_time, "user"));
  out.cpu_system_ns = clock_ticks_to_ns(pick(split_time, "system"));
  auto throttling = read_pairs(cgroups.directory("cpu", path) + "/cpu.stat");
  out.periods = pick(throttling, "nr_periods");
  out.throttled_periods = pick(throttling, "nr_throttled");
  out.throttled_ns = pick(throttling, "throttled_time");
  std::string memory = cgroups.directory("memory", path);
  out.memory_usage = read_number_file(memory + "/memory.usage_in_bytes");
  out.memory_max_usage = read_number_file(memory + "/memory.max_usage_in_bytes");
  out.memory_limit = limit_or_none(read_number_file(memory + "/memory.limit_in_bytes"));
  out.memory_failures = read_number_file(memory + "/memory.failcnt");
  out.memory_details = read_pairs(memory + "/memory.stat");
  out.memory_inactive_file = pick(out.memory_details, "total_inactive_file");
  std::string pids = cgroups.directory("pids", path);
  out.pids = read_number_file(pids + "/pids.current");
  out.pids_limit = read_number_file(pids + "/pids.max");
  read_block_v1(cgroups.directory("blkio", path), out);
  out.oom_kills = cgroups.oom_kills(path);
  return out;
}

CgroupStats stats_v2(const Cgroups& cgroups, const std::string& path) {
  CgroupStats out;
  std::string group = cgroups.directory("", path);
  auto cpu = read_pairs(group + "/cpu.stat");
  out.cpu_total_ns = pick(cpu, "usage_usec") * 1000;
  out.cpu_user_ns = pick(cpu, "user_usec") * 1000;
  out.cpu_system_ns = pick(cpu, "system_usec") * 1000;
  out.periods = pick(cpu, "nr_periods");
  out.throttled_periods = pick(cpu, "nr_throttled");
  out.throttled_ns = pick(cpu, "throttled_usec") * 1000;
  out.memory_usage = read_number_file(group + "/memory.current");
  out.memory_max_usage = read_number_file(group + "/memory.peak");
  out.memory_limit = read_number_file(group + "/memory.max");
  out.memory_failures = pick(read_pairs(group + "/memory.events"), "max");
  out.memory_details = read_pairs(group + "/memory.stat");
  out.memory_inactive_file = pick(out.memory_details, "inactive_file");
  out.pids = read_number_file(group + "/pids.current");
  out.pids_limit = read_number_file(group + "/pids.max");
  read_block_v2(group, out);
  out.oom_kills = cgroups.oom_kills(path);
  return out;
}

}  // namespace

std::string Cgroups::oom_file(const std::string& path) const {
  std::string group = directory("memory", path);
  if (group.empty()) return "";
  return group + (mode_ == CgroupMode::V2 ? "/memory.events" : "/memory.oom_control");
}

uint64_t Cgroups::oom_kills(const std::string& path) const {
  return pick(read_pairs(oom_file(path)), "oom_kill");
}

Result<CgroupStats> Cgroups::stats(const std::string& path) const {
  if (!exists(path)) return not_found("cgroup " + path + " does not exist");
  return mode_ == CgroupMode::V2 ? stats_v2(*this, path) : stats_v1(*this, path);
}

}  // namespace stack::runtime
