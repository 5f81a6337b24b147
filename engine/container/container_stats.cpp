#include "engine/container/container_stats.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace stack::engine {

namespace {

uint64_t number_or_zero(const std::string& text) {
  return is_all_digits(text) && text.size() < 20 ? std::stoull(text) : 0;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words = split(line, ' ');
  std::erase(words, "");
  return words;
}

Json cpu_json(const runtime::CgroupStats& stats, bool running) {
  Json out{{"cpu_usage",
            {{"total_usage", stats.cpu_total_ns},
             {"usage_in_kernelmode", stats.cpu_system_ns},
             {"usage_in_usermode", stats.cpu_user_ns}}},
           {"throttling_data",
            {{"periods", stats.periods},
             {"throttled_periods", stats.throttled_periods},
             {"throttled_time", stats.throttled_ns}}}};
  if (!running) return out;
  out["system_cpu_usage"] = system_cpu_time(read_file("/proc/stat").value_or(""));
  out["online_cpus"] = ::get_nprocs();
  return out;
}

Json block_json(const runtime::CgroupStats& stats) {
  Json bytes = Json::array();
  auto add = [&](const char* operation, uint64_t value) {
    bytes.push_back({{"major", 0}, {"minor", 0}, {"op", operation}, {"value", value}});
  };
  add("read", stats.block_read_bytes);
  add("write", stats.block_write_bytes);
  return {{"io_service_bytes_recursive", bytes}, {"io_serviced_recursive", nullptr},
          {"io_queue_recursive", nullptr},       {"io_service_time_recursive", nullptr},
          {"io_wait_time_recursive", nullptr},   {"io_merged_recursive", nullptr},
          {"io_time_recursive", nullptr},        {"sectors_recursive", nullptr}};
}

uint64_t machine_memory() {
  struct sysinfo memory{};
  ::sysinfo(&memory);
  return static_cast<uint64_t>(memory.totalram) * memory.mem_unit;
}

}  // namespace

uint64_t system_cpu_time(const std::string& proc_stat) {
  std::vector<std::string> words = words_of(proc_stat.substr(0, proc_stat.find('\n')));
  uint64_t ticks = 0;
  // user, nice, system, idle, iowait, irq, softirq, like Docker.
  for (size_t i = 1; i < words.size() && i <= 7; ++i) ticks += number_or_zero(words[i]);
  return ticks * 1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
}

Json network_counters(const std::string& proc_net_dev) {
  Json out = Json::object();
  for (const std::string& line : split(proc_net_dev, '\n')) {
    size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::string name(trim(line.substr(0, colon)));
    std::vector<std::string> fields = words_of(line.substr(colon + 1));
    if (name == "lo" || fields.size() < 12) continue;
    auto field = [&](size_t i) { return number_or_zero(fields[i]); };
    out[name] = {{"rx_bytes", field(0)},   {"rx_packets", field(1)}, {"rx_errors", field(2)},
                 {"rx_dropped", field(3)}, {"tx_bytes", field(8)},   {"tx_packets", field(9)},
                 {"tx_errors", field(10)}, {"tx_dropped", field(11)}};
  }
  return out;
}

Json memory_stats_json(const runtime::CgroupStats& stats, runtime::CgroupMode mode, uint64_t machine_memory) {
  uint64_t limit = stats.memory_limit == 0 ? machine_memory : std::min(stats.memory_limit, machine_memory);
  Json out{{"usage", stats.memory_usage}, {"limit", limit}, {"stats", stats.memory_details}};
  if (mode != runtime::CgroupMode::V2) {
    out["max_usage"] = stats.memory_max_usage;
    out["failcnt"] = stats.memory_failures;
  }
  return out;
}

Json sample_stats(const Container& container, const ContainerService& service) {
  const runtime::Cgroups& cgroups = service.parts().cgroups;
  runtime::CgroupStats stats;
  bool running = container.running();
  if (running)
    if (Result<runtime::CgroupStats> now = cgroups.stats(service.facts().cgroup_path(container)); now)
      stats = *now;
  Json out{{"name", "/" + container.spec.name},
           {"id", container.id.text()},
           {"read", rfc3339(std::chrono::system_clock::now())},
           {"num_procs", 0},
           {"storage_stats", Json::object()},
           {"pids_stats", Json::object()},
           {"cpu_stats", cpu_json(stats, running)},
           {"memory_stats", Json::object()},
           {"blkio_stats", block_json(stats)}};
  if (!running) {
    out["read"] = kZeroTime;
    return out;
  }
  out["pids_stats"] = {{"current", stats.pids}};
  if (stats.pids_limit != 0) out["pids_stats"]["limit"] = stats.pids_limit;
  out["memory_stats"] = memory_stats_json(stats, cgroups.mode(), machine_memory());
  if (container.spec.network_mode != "host") {
    std::string path = "/proc/" + std::to_string(container.state.pid) + "/net/dev";
    Json networks = network_counters(read_file(path).value_or(""));
    if (!networks.empty()) out["networks"] = std::move(networks);
  }
  return out;
}

}  // namespace stack::engine
