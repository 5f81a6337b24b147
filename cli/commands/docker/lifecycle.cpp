// docker stop, restart, kill, pause, unpause, rm, rename, update, wait, container prune.
#include "base/units.h"
#include "cli/commands/docker/container_request.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kStopFlags[] = {
    {'s', "signal", FlagArity::Value, "string", "Signal to send"},
    {'t', "timeout", FlagArity::Value, "int", "Seconds to wait before killing the container"},
    {0, "time", FlagArity::Value, "int", ""},
};

Result<std::string> stop_query(const Arguments& arguments) {
  http::Query query;
  for (const char* flag : {"timeout", "time"}) {
    auto seconds = arguments.number(flag, -1);
    if (!seconds) return std::move(seconds).error();
    if (*seconds) query.add("t", std::to_string(**seconds));
  }
  if (arguments.given("signal")) query.add("signal", arguments.text("signal"));
  return query.text();
}

// Sends POST /containers/NAME/ACTION for each.
Result<int> act_on_each(Session& session, const Arguments& arguments, const std::string& action) {
  return for_each_word(arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(Json done, ask(session, "POST", container_path(name, action)));
    return {};
  });
}

Result<int> run_stop(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string query, stop_query(arguments));
  return act_on_each(session, arguments, "/stop" + query);
}

Result<int> run_restart(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string query, stop_query(arguments));
  return act_on_each(session, arguments, "/restart" + query);
}

constexpr Flag kKillFlags[] = {{'s', "signal", FlagArity::Value, "string", "Signal to send (default KILL)"}};

Result<int> run_kill(Session& session, const Arguments& arguments) {
  return act_on_each(session, arguments,
                     "/kill?signal=" + http::percent_encode(arguments.text("signal", "SIGKILL")));
}

Result<int> run_pause(Session& session, const Arguments& arguments) {
  return act_on_each(session, arguments, "/pause");
}

Result<int> run_unpause(Session& session, const Arguments& arguments) {
  return act_on_each(session, arguments, "/unpause");
}

constexpr Flag kContainerRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Kill a running container and remove it"},
    {'l', "link", FlagArity::Nothing, "", "Remove the specified link"},
    {'v', "volumes", FlagArity::Nothing, "", "Also remove the container's anonymous volumes"},
};

Result<int> run_container_rm(Session& session, const Arguments& arguments) {
  http::Query query;
  if (arguments.is_set("volumes")) query.add("v", "1");
  if (arguments.is_set("link")) query.add("link", "1");
  if (arguments.is_set("force")) query.add("force", "1");
  auto remove = [&](const std::string& name) -> Result<> {
    auto removed = ask(session, "DELETE", container_path(name, query.text()));
    // With -f, a missing container is reported but is not a failure.
    if (!removed && (!arguments.is_set("force") || removed.error().kind() != ErrorKind::NotFound))
      return std::move(removed).error();
    if (removed)
      print_line(name);
    else
      print_message(removed.error().text());
    return {};
  };
  return for_each_word(arguments, remove, true);
}

Result<int> run_rename(Session& session, const Arguments& arguments) {
  std::string target =
      container_path(arguments.words[0], "/rename?name=" + http::percent_encode(arguments.words[1]));
  auto renamed = ask(session, "POST", target);
  if (!renamed)
    return Error(renamed.error().text() + "\nError: failed to rename container named " + arguments.words[0]);
  return 0;
}

Result<int> run_wait(Session& session, const Arguments& arguments) {
  return for_each_word(
      arguments,
      [&](const std::string& name) -> Result<> {
        TRY_ASSIGN(Json exit, ask(session, "POST", container_path(name, "/wait")));
        print_line(std::to_string(int_or(exit, "StatusCode")));
        return {};
      },
      true);
}

constexpr Flag kUpdateFlags[] = {
    {0, "blkio-weight", FlagArity::Value, "uint16", "Block I/O weight, 10 to 1000"},
    {0, "cpu-period", FlagArity::Value, "int", "CFS period in microseconds"},
    {0, "cpu-quota", FlagArity::Value, "int", "CFS quota in microseconds"},
    {0, "cpu-rt-period", FlagArity::Value, "int", "Real-time period in microseconds"},
    {0, "cpu-rt-runtime", FlagArity::Value, "int", "Real-time runtime in microseconds"},
    {'c', "cpu-shares", FlagArity::Value, "int", "Relative CPU weight"},
    {0, "cpus", FlagArity::Value, "decimal", "Number of CPUs"},
    {0, "cpuset-cpus", FlagArity::Value, "string", "CPUs to run on: 0-3 or 0,1"},
    {0, "cpuset-mems", FlagArity::Value, "string", "Memory nodes to use: 0-3 or 0,1"},
    {'m', "memory", FlagArity::Value, "bytes", "Memory limit"},
    {0, "memory-reservation", FlagArity::Value, "bytes", "Soft memory limit"},
    {0, "memory-swap", FlagArity::Value, "bytes", "Limit of memory plus swap, -1 for unlimited swap"},
    {0, "pids-limit", FlagArity::Value, "int", "Limit of processes, -1 for unlimited"},
    {0, "restart", FlagArity::Value, "string", "Restart policy when the container exits"},
};

Result<Json> update_body(const Arguments& arguments) {
  Json body = Json::object();
  struct Row {
    const char* flag;
    const char* member;
  };
  constexpr Row kNumbers[] = {{"blkio-weight", "BlkioWeight"},
                              {"cpu-period", "CpuPeriod"},
                              {"cpu-quota", "CpuQuota"},
                              {"cpu-rt-period", "CpuRealtimePeriod"},
                              {"cpu-rt-runtime", "CpuRealtimeRuntime"},
                              {"cpu-shares", "CpuShares"},
                              {"pids-limit", "PidsLimit"}};
  constexpr Row kSizes[] = {{"memory", "Memory"}, {"memory-reservation", "MemoryReservation"}};
  for (const Row& row : kNumbers) {
    auto number = arguments.number(row.flag, std::numeric_limits<int64_t>::min());
    if (!number) return std::move(number).error();
    if (*number) body[row.member] = **number;
  }
  for (const Row& row : kSizes) {
    if (!arguments.given(row.flag)) continue;
    TRY_ASSIGN(body[row.member], byte_size(arguments.text(row.flag), row.flag));
  }
  if (arguments.text("memory-swap") == "-1") {
    body["MemorySwap"] = -1;
  } else if (arguments.given("memory-swap")) {
    TRY_ASSIGN(body["MemorySwap"], byte_size(arguments.text("memory-swap"), "memory-swap"));
  }
  if (arguments.given("cpus")) {
    TRY_ASSIGN(body["NanoCpus"], nano_cpus(arguments.text("cpus")));
  }
  if (arguments.given("cpuset-cpus")) body["CpusetCpus"] = arguments.text("cpuset-cpus");
  if (arguments.given("cpuset-mems")) body["CpusetMems"] = arguments.text("cpuset-mems");
  if (arguments.given("restart")) {
    TRY_ASSIGN(body["RestartPolicy"], restart_policy(arguments.text("restart")));
  }
  if (body.empty()) return Error("you must provide one or more flags when using this command");
  return body;
}

Result<int> run_update(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json body, update_body(arguments));
  return for_each_word(arguments, [&](const std::string& name) -> Result<> {
    TRY_ASSIGN(Json updated, ask(session, "POST", container_path(name, "/update"), body));
    for (const std::string& warning : strings_of(member(updated, "Warnings"))) print_message(warning);
    return {};
  });
}

constexpr Flag kContainerPruneFlags[] = {
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"}};

Result<int> run_container_prune(Session& session, const Arguments& arguments) {
  if (!arguments.is_set("force") && !confirmed("WARNING! This will remove all stopped containers.")) return 0;
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '?'));
  TRY_ASSIGN(Json pruned, ask(session, "POST", "/containers/prune" + filters));
  std::vector<std::string> deleted = strings_of(member(pruned, "ContainersDeleted"));
  if (!deleted.empty()) {
    print_line("Deleted Containers:");
    for (const std::string& id : deleted) print_line(id);
    print_line("");
  }
  print_line("Total reclaimed space: " + decimal_size({int_or(pruned, "SpaceReclaimed")}));
  return 0;
}

constexpr std::string_view kStopAliases[] = {"stop"};
constexpr std::string_view kRestartAliases[] = {"restart"};
constexpr std::string_view kKillAliases[] = {"kill"};
constexpr std::string_view kPauseAliases[] = {"pause"};
constexpr std::string_view kUnpauseAliases[] = {"unpause"};
constexpr std::string_view kContainerRmAliases[] = {"rm", "container remove"};
constexpr std::string_view kRenameAliases[] = {"rename"};
constexpr std::string_view kWaitAliases[] = {"wait"};
constexpr std::string_view kUpdateAliases[] = {"update"};
constexpr std::string_view kContainers = "CONTAINER [CONTAINER...]";
constexpr std::string_view kOptionsAndContainers = "[OPTIONS] CONTAINER [CONTAINER...]";

}  // namespace

const Command kStop{
    .name = "container stop",
    .aliases = kStopAliases,
    .group = Group::Containers,
    .usage = kOptionsAndContainers,
    .summary = "Stop running containers",
    .details = "",
    .examples = {},
    .flags = kStopFlags,
    .least_words = 1,
    .run = run_stop,
};

const Command kRestart{
    .name = "container restart",
    .aliases = kRestartAliases,
    .group = Group::Containers,
    .usage = kOptionsAndContainers,
    .summary = "Restart containers",
    .details = "",
    .examples = {},
    .flags = kStopFlags,
    .least_words = 1,
    .run = run_restart,
};

const Command kKill{
    .name = "container kill",
    .aliases = kKillAliases,
    .group = Group::Containers,
    .usage = kOptionsAndContainers,
    .summary = "Kill running containers",
    .details = "",
    .examples = {},
    .flags = kKillFlags,
    .least_words = 1,
    .run = run_kill,
};

const Command kPause{
    .name = "container pause",
    .aliases = kPauseAliases,
    .group = Group::Containers,
    .usage = kContainers,
    .summary = "Pause all processes of containers",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .run = run_pause,
};

const Command kUnpause{
    .name = "container unpause",
    .aliases = kUnpauseAliases,
    .group = Group::Containers,
    .usage = kContainers,
    .summary = "Resume all processes of containers",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .run = run_unpause,
};

const Command kRm{
    .name = "container rm",
    .aliases = kContainerRmAliases,
    .group = Group::Containers,
    .usage = kOptionsAndContainers,
    .summary = "Remove containers",
    .details = "",
    .examples = {},
    .flags = kContainerRmFlags,
    .least_words = 1,
    .run = run_container_rm,
};

const Command kRename{
    .name = "container rename",
    .aliases = kRenameAliases,
    .group = Group::Containers,
    .usage = "CONTAINER NEW_NAME",
    .summary = "Rename a container",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 2,
    .most_words = 2,
    .run = run_rename,
};

const Command kWait{
    .name = "container wait",
    .aliases = kWaitAliases,
    .group = Group::Containers,
    .usage = kContainers,
    .summary = "Wait until containers stop, then print their exit codes",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .run = run_wait,
};

const Command kUpdate{
    .name = "container update",
    .aliases = kUpdateAliases,
    .group = Group::Containers,
    .usage = kOptionsAndContainers,
    .summary = "Change the limits of containers",
    .details = "",
    .examples = {},
    .flags = kUpdateFlags,
    .least_words = 1,
    .run = run_update,
};

const Command kContainerPrune{
    .name = "container prune",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS]",
    .summary = "Remove all stopped containers",
    .details = "",
    .examples = {},
    .flags = kContainerPruneFlags,
    .most_words = 0,
    .run = run_container_prune,
};

}  // namespace stack::cli::docker_cli
