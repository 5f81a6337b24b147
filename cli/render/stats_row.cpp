#include "cli/render/stats_row.h"

#include <cstdio>

#include "base/units.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", value);
  return text;
}

double number_or(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

// Docker's formula: share of the machine's CPU time since the previous sample, times the number of CPUs.
double cpu_percent(const Json& stats, const Json& former) {
  const Json& now = member(stats, "cpu_stats");
  const Json& before = member(former, "cpu_stats");
  if (!before.is_object()) return 0;
  double used = number_or(member(now, "cpu_usage"), "total_usage") -
                number_or(member(before, "cpu_usage"), "total_usage");
  double passed = number_or(now, "system_cpu_usage") - number_or(before, "system_cpu_usage");
  double processors = number_or(now, "online_cpus");
  return used > 0 && passed > 0 ? used / passed * (processors > 0 ? processors : 1) * 100 : 0;
}

std::string pair_text(double first, double second, std::string (*size)(ByteSize)) {
  return size({static_cast<int64_t>(first)}) + " / " + size({static_cast<int64_t>(second)});
}

// Excludes reclaimable page cache: total_inactive_file (cgroup v1) or inactive_file (v2).
double memory_used(const Json& memory) {
  double usage = number_or(memory, "usage");
  const Json& details = member(memory, "stats");
  for (const char* key : {"total_inactive_file", "inactive_file"}) {
    if (!details.is_object() || !details.contains(key)) continue;
    double cache = number_or(details, key);
    return cache < usage ? usage - cache : usage;
  }
  return usage;
}

}  // namespace

Json stats_row(const std::string& container_id, const std::string& name, const std::string& service,
               const Json& stats, const Json& former, bool truncate) {
  const Json& memory = member(stats, "memory_stats");
  double used = memory_used(memory);
  double limit = number_or(memory, "limit");
  double received = 0, sent = 0, read = 0, written = 0;
  for (const auto& [interface, link] : member(stats, "networks").items()) {
    received += number_or(link, "rx_bytes");
    sent += number_or(link, "tx_bytes");
  }
  for (const Json& entry : items_of(member(member(stats, "blkio_stats"), "io_service_bytes_recursive"))) {
    std::string op = string_or(entry, "op");
    if (op == "read" || op == "Read") read += number_or(entry, "value");
    if (op == "write" || op == "Write") written += number_or(entry, "value");
  }
  std::string id = truncate ? short_id(container_id) : container_id;
  return {{"ID", id},
          {"Container", id},
          {"Name", name},
          {"Service", service},
          {"CPUPerc", percent(cpu_percent(stats, former))},
          {"MemUsage", pair_text(used, limit, human_size)},
          {"MemPerc", percent(limit > 0 ? used / limit * 100 : 0)},
          {"NetIO", pair_text(received, sent, decimal_size)},
          {"BlockIO", pair_text(read, written, decimal_size)},
          {"PIDs", std::to_string(int_or(member(stats, "pids_stats"), "current"))}};
}

}  // namespace stack::cli
