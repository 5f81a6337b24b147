#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/render/template.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kStatsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Stopped containers too"},
    {0, "no-stream", FlagArity::Nothing, "", "Once, instead of again and again"},
    kFormatFlag,
    kNoTruncFlag,
};
constexpr Example kStatsExamples[] = {
    {"stack stats", "processor, memory, network and disk use, every second"},
    {"stack stats --no-stream --format json", "once, for programs"}};

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", value);
  return text;
}

double number_or(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  return value.is_number() ? value.get<double>() : 0;
}

// Docker's formula: share of the machine's time since the sample before, times its processors.
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

// Without the page cache that can be dropped at any time: total_inactive_file of version 1, inactive_file
// of 2.
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

Json row_of(const Container& container, const Json& stats, const Json& former, bool truncate) {
  const Json& memory = member(stats, "memory_stats");
  double used = memory_used(memory);
  double limit = number_or(memory, "limit");
  double received = 0, sent = 0, read = 0, written = 0;
  for (const auto& [name, link] : member(stats, "networks").items()) {
    received += number_or(link, "rx_bytes");
    sent += number_or(link, "tx_bytes");
  }
  for (const Json& entry : items_of(member(member(stats, "blkio_stats"), "io_service_bytes_recursive"))) {
    std::string op = string_or(entry, "op");
    if (op == "read" || op == "Read") read += number_or(entry, "value");
    if (op == "write" || op == "Write") written += number_or(entry, "value");
  }
  std::string id = truncate ? short_id(container.id) : container.id;
  return {{"ID", id},
          {"Container", id},
          {"Name", container.name},
          {"Service", container.service},
          {"CPUPerc", percent(cpu_percent(stats, former))},
          {"MemUsage", pair_text(used, limit, human_size)},
          {"MemPerc", percent(limit > 0 ? used / limit * 100 : 0)},
          {"NetIO", pair_text(received, sent, decimal_size)},
          {"BlockIO", pair_text(read, written, decimal_size)},
          {"PIDs", std::to_string(int_or(member(stats, "pids_stats"), "current"))}};
}

using Samples = std::map<std::string, Json>;  // by container

// `samples`: of the last time; replaced by those of now.
Result<std::string> snapshot(Session& session, const Arguments& arguments, const std::string& project_name,
                             Samples& samples) {
  Samples former = std::exchange(samples, {});
  TRY_ASSIGN(auto containers,
             list_containers(session, project_name,
                             arguments.on("all") ? ContainerFilter::All : ContainerFilter::Running, true));
  std::vector<Json> rows;
  Result<> failure;
  for (const Container& container : of_services(std::move(containers), arguments.words)) {
    auto stats = session.call("GET", "/containers/" + container.id + "/stats?stream=0&one-shot=1");
    if (stats) {
      rows.push_back(row_of(container, *stats, former[container.id], !arguments.on("no-trunc")));
      samples[container.id] = std::move(*stats);
    } else {
      failure = stats.error();
    }
  }
  // One that has just exited is left out; where there is none at all, the reason is news.
  if (rows.empty()) TRY(failure);
  std::string format = arguments.text("format", "table");
  if (format != "table") return render_format(format, rows);
  Table table(
      {"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"});
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const char* key : {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"}) {
      cells.push_back(string_or(row, key));
    }
    table.add(std::move(cells));
  }
  return table.text();
}

Result<int> run_stats(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY(session.require_services(project_name, arguments.words));
  bool once = arguments.on("no-stream") || !session.out().is_terminal;
  Samples samples;
  TRY_ASSIGN(std::string text, snapshot(session, arguments, project_name, samples));
  for (;;) {
    // The share of processors needs two samples with a while between.
    if (!once) print("\x1b[H\x1b[2J" + text);
    std::this_thread::sleep_for(std::chrono::seconds(1));
    TRY_ASSIGN(text, snapshot(session, arguments, project_name, samples));
    if (!once) continue;
    print(text);
    return 0;
  }
}

}  // namespace

const Command kStats{
    .name = "stats",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Show what containers use of the machine",
    .details = "",
    .examples = kStatsExamples,
    .flags = kStatsFlags,
    .words_are_services = true,
    .run = run_stats,
};

}  // namespace stack::cli
