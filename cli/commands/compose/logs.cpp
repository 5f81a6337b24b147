#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/log_printer.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"
#include "cli/session/log_follow.h"
#include "cli/session/selected_services.h"

namespace stack::cli {

namespace {

constexpr Flag kLogsFlags[] = {
    {'f', "follow", FlagArity::Nothing, "", "Follow the output"},
    {'n', "tail", FlagArity::Value, "N", "Show only the last N lines of each container (default: all)"},
    {'t', "timestamps", FlagArity::Nothing, "", "Show the time of each line"},
    {0, "since", FlagArity::Value, "TIME", "Start at a time or a duration ago: 2026-01-02T13:23:37Z, 42m"},
    {0, "until", FlagArity::Value, "TIME", "End at a time or a duration ago"},
    kNoColorFlag,
    kNoLogPrefixFlag,
    kIndexFlag,
};
constexpr Example kLogsExamples[] = {
    {"stack logs -f web", "follow the log of one service"},
    {"stack logs --tail 20", "show the last 20 lines of each container"},
    {"stack logs --since 10m -t", "show the last ten minutes, with timestamps"},
};

Result<LogQuery> query_of(const Arguments& arguments) {
  LogQuery query;
  query.follow = arguments.is_set("follow");
  query.tail = arguments.text("tail", "all");
  if (query.tail == "-1") query.tail = "all";
  if (query.tail != "all" && !is_all_digits(query.tail)) {
    return invalid("invalid argument \"" + query.tail + "\" for --tail: must be a number or all");
  }
  WallTime now = std::chrono::system_clock::now();
  TRY_ASSIGN(query.since, log_time(arguments.text("since"), now).in("--since"));
  TRY_ASSIGN(query.until, log_time(arguments.text("until"), now).in("--until"));
  query.services = arguments.words;
  return query;
}

Result<int> run_logs(Session& session, const Arguments& arguments) {
  auto query = query_of(arguments);
  if (!query) return session.usage_error(query.error().text());
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(auto all, list_containers(session, project_name, ContainerFilter::All, true));
  size_t count = all.size();
  std::vector<Container> containers = selected(session, std::move(all), arguments.words);
  if (arguments.words.empty() && containers.size() < count) {
    query->services = services_of_files(session).value_or(FileServices{}).services;
    if (query->services.empty()) return 0;
  }
  // A service with a container exists; asking for the project costs the engine more.
  std::vector<std::string> unseen = arguments.words;
  for (const Container& container : containers) std::erase(unseen, container.service);
  TRY(session.require_services(project_name, unseen));
  std::vector<std::string> labels;
  for (const Container& container : containers) {
    if (*index && container.number != **index) continue;
    labels.push_back(log_label(project_name, container.name, container.service));
  }
  LogStyle style;
  style.color = session.out().color && !arguments.is_set("no-color");
  style.prefix = !arguments.is_set("no-log-prefix");
  style.timestamps = arguments.is_set("timestamps");
  LogPrinter printer(style, project_name, [](int, std::string_view text) { print(text); });
  printer.expect(std::move(labels));
  bool follow = query->follow;
  LogFollower follower;
  TRY(follower.run(session, project_name, std::move(*query), [&](const Json& line) {
    if (*index && int_or(line, "number") != **index) return;
    // Without -f, past exits are not shown.
    if (!follow && line.is_object() && line.contains("exit")) return;
    printer.line(line);
  }));
  return 0;
}

}  // namespace

const Command kLogs{
    .name = "logs",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Show the output of containers",
    .details = "",
    .examples = kLogsExamples,
    .flags = kLogsFlags,
    .words_are_services = true,
    .run = run_logs,
};

}  // namespace stack::cli
