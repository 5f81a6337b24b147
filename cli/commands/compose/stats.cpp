#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/render/stats_row.h"
#include "cli/render/table.h"
#include "cli/render/template/format.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kStatsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Include stopped containers"},
    {0, "no-stream", FlagArity::Nothing, "", "Print one sample and exit"},
    kFormatFlag,
    kNoTruncFlag,
};
constexpr Example kStatsExamples[] = {
    {"stack stats", "show CPU, memory, network, and disk usage every second"},
    {"stack stats --no-stream --format json", "print one sample for a script"}};

using Samples = std::map<std::string, Json>;  // by container

// `samples`: the previous samples; replaced with the current ones.
Result<std::string> snapshot(Session& session, const Arguments& arguments, const std::string& project_name,
                             Samples& samples) {
  Samples former = std::exchange(samples, {});
  TRY_ASSIGN(auto containers,
             list_containers(session, project_name,
                             arguments.is_set("all") ? ContainerFilter::All : ContainerFilter::Running, true));
  std::vector<Json> rows;
  Result<> failure;
  for (const Container& container : of_services(std::move(containers), arguments.words)) {
    auto stats = session.call("GET", "/containers/" + container.id + "/stats?stream=0&one-shot=1");
    if (stats) {
      rows.push_back(stats_row(container.id, container.name, container.service, *stats, former[container.id],
                               !arguments.is_set("no-trunc")));
      samples[container.id] = std::move(*stats);
    } else {
      failure = stats.error();
    }
  }
  // Containers that have just exited are omitted; the error matters only if no container is left.
  if (rows.empty()) TRY(failure);
  std::string format = arguments.text("format", "table");
  if (format != "table") return text_template::render_format(format, rows);
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
  bool once = arguments.is_set("no-stream") || !session.out().is_terminal;
  Samples samples;
  TRY_ASSIGN(std::string text, snapshot(session, arguments, project_name, samples));
  for (;;) {
    // CPU usage needs two samples some time apart.
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
    .summary = "Show the resource usage of containers",
    .details = "",
    .examples = kStatsExamples,
    .flags = kStatsFlags,
    .words_are_services = true,
    .run = run_stats,
};

}  // namespace stack::cli
