// docker stats.
#include <thread>

#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/output.h"
#include "cli/render/stats_row.h"
#include "cli/render/table.h"
#include "cli/session/member.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kStatsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Show all containers (default: running ones)"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {0, "no-stream", FlagArity::Nothing, "", "Print one sample and exit"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
};

struct Watched {
  std::string id;
  std::string name;
};

std::string plain_name(std::string name) { return name.starts_with('/') ? name.substr(1) : name; }

Result<std::vector<Watched>> watched(Session& session, const Arguments& arguments) {
  std::vector<Watched> all;
  if (arguments.words.empty()) {
    TRY_ASSIGN(Json list,
               ask(session, "GET", arguments.is_set("all") ? "/containers/json?all=1" : "/containers/json"));
    for (const Json& entry : items_of(list)) {
      std::vector<std::string> names = strings_of(member(entry, "Names"));
      all.push_back({string_or(entry, "Id"), names.empty() ? "" : plain_name(names.front())});
    }
    return all;
  }
  for (const std::string& word : arguments.words) {
    TRY_ASSIGN(Json details, ask(session, "GET", container_path(word, "/json")));
    all.push_back({string_or(details, "Id"), plain_name(string_or(details, "Name"))});
  }
  return all;
}

using Samples = std::map<std::string, Json>;  // by container

Result<std::vector<Json>> sample(Session& session, const Arguments& arguments, Samples& samples) {
  Samples former = std::exchange(samples, {});
  TRY_ASSIGN(std::vector<Watched> containers, watched(session, arguments));
  std::vector<Json> rows;
  for (const Watched& container : containers) {
    auto stats = session.call("GET", container_path(container.id, "/stats?stream=0&one-shot=1"));
    if (!stats) continue;  // it has just been removed
    rows.push_back(stats_row(container.id, container.name, "", *stats, former[container.id],
                             !arguments.is_set("no-trunc")));
    samples[container.id] = std::move(*stats);
  }
  return rows;
}

Result<int> show(const Arguments& arguments, const std::vector<Json>& rows) {
  return print_list(
      arguments, rows, "stats",
      {"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"},
      {"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"});
}

Result<int> run_stats(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "statsFormat");
  Samples samples;
  TRY_ASSIGN(std::vector<Json> rows, sample(session, arguments, samples));
  for (;;) {
    // The share of processor time needs two samples.
    std::this_thread::sleep_for(std::chrono::seconds(1));
    TRY_ASSIGN(rows, sample(session, arguments, samples));
    if (arguments.is_set("no-stream")) return show(arguments, rows);
    if (session.out().is_terminal) print("\x1b[H\x1b[2J");
    TRY_ASSIGN(int shown, show(arguments, rows));
    (void)shown;
  }
}

constexpr std::string_view kStatsAliases[] = {"stats"};

}  // namespace

const Command kStats{
    .name = "container stats",
    .aliases = kStatsAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS] [CONTAINER...]",
    .summary = "Show a live stream of container resource usage",
    .details = "",
    .examples = {},
    .flags = kStatsFlags,
    .run = run_stats,
};

}  // namespace stack::cli::docker_cli
