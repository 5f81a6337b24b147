// docker volume ...
#include <algorithm>

#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kVolumeLsFlags[] = {
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only names"},
};

Json volume_row(const Json& volume) {
  return {{"Name", string_or(volume, "Name")},
          {"Driver", string_or(volume, "Driver", "local")},
          {"Scope", string_or(volume, "Scope", "local")},
          {"Mountpoint", string_or(volume, "Mountpoint")},
          {"Labels", label_text(volume)},
          {"LabelMap", member(volume, "Labels")},
          {"Links", "N/A"},
          {"Size", "N/A"},
          {"Availability", "N/A"},
          {"Group", "N/A"},
          {"Status", "N/A"}};
}

Result<int> run_volume_ls(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "volumesFormat");
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '?'));
  TRY_ASSIGN(Json answer, ask(session, "GET", "/volumes" + filters));
  std::vector<Json> rows;
  for (const Json& volume : items_of(member(answer, "Volumes"))) rows.push_back(volume_row(volume));
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  if (arguments.is_set("quiet") && !arguments.given("format")) {
    for (const Json& row : rows) print_line(string_or(row, "Name"));
    return 0;
  }
  return print_list(arguments, rows, "volumes", {"DRIVER", "VOLUME NAME"}, {"Driver", "Name"});
}

constexpr Flag kVolumeCreateFlags[] = {
    {'d', "driver", FlagArity::Value, "string", "Volume driver (default local)"},
    {0, "label", FlagArity::Values, "list", "Set a label"},
    {'o', "opt", FlagArity::Values, "map", "Set a driver option"},
};

Result<int> run_volume_create(Session& session, const Arguments& arguments) {
  Json body{{"Name", arguments.words.empty() ? "" : arguments.words[0]},
            {"Driver", arguments.text("driver", "local")},
            {"DriverOpts", pairs_of(arguments.all("opt"))},
            {"Labels", pairs_of(arguments.all("label"))}};
  TRY_ASSIGN(Json created, ask(session, "POST", "/volumes/create", body));
  print_line(string_or(created, "Name"));
  return 0;
}

constexpr Flag kVolumeRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Ignore volumes that do not exist"}};

Result<int> run_volume_rm(Session& session, const Arguments& arguments) {
  std::string query = arguments.is_set("force") ? "?force=1" : "";
  return for_each_word(arguments, [&](const std::string& name) -> Result<> {
    auto removed = ask(session, "DELETE", "/volumes/" + http::percent_encode(name) + query);
    if (removed || (arguments.is_set("force") && removed.error().kind() == ErrorKind::NotFound)) return {};
    return std::move(removed).error();
  });
}

constexpr Flag kVolumePruneFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Remove all unused volumes, not only anonymous ones"},
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"}};

Result<int> run_volume_prune(Session& session, const Arguments& arguments) {
  bool all = arguments.is_set("all");
  if (!arguments.is_set("force") &&
      !confirmed(
          all ? "WARNING! This will remove all local volumes not used by at least one container."
              : "WARNING! This will remove anonymous local volumes not used by at least one container."))
    return 0;
  std::vector<std::string> filters = arguments.all("filter");
  if (all) filters.push_back("all=true");
  TRY_ASSIGN(std::string parameter, filters_parameter(filters, '?'));
  TRY_ASSIGN(Json pruned, ask(session, "POST", "/volumes/prune" + parameter));
  std::vector<std::string> deleted = strings_of(member(pruned, "VolumesDeleted"));
  if (!deleted.empty()) {
    print_line("Deleted Volumes:");
    for (const std::string& name : deleted) print_line(name);
    print_line("");
  }
  print_line("Total reclaimed space: " + decimal_size({int_or(pruned, "SpaceReclaimed")}));
  return 0;
}

constexpr std::string_view kVolumeLsAliases[] = {"volume list"};
constexpr std::string_view kVolumeRmAliases[] = {"volume remove"};

}  // namespace

const Command kVolumeLs{
    .name = "volume ls",
    .aliases = kVolumeLsAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "List volumes",
    .details = "",
    .examples = {},
    .flags = kVolumeLsFlags,
    .most_words = 0,
    .run = run_volume_ls,
};

const Command kVolumeCreate{
    .name = "volume create",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] [VOLUME]",
    .summary = "Create a volume",
    .details = "",
    .examples = {},
    .flags = kVolumeCreateFlags,
    .most_words = 1,
    .run = run_volume_create,
};

const Command kVolumeRm{
    .name = "volume rm",
    .aliases = kVolumeRmAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME [VOLUME...]",
    .summary = "Remove volumes",
    .details = "",
    .examples = {},
    .flags = kVolumeRmFlags,
    .least_words = 1,
    .run = run_volume_rm,
};

const Command kVolumePrune{
    .name = "volume prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove volumes that no container uses",
    .details = "",
    .examples = {},
    .flags = kVolumePruneFlags,
    .most_words = 0,
    .run = run_volume_prune,
};

}  // namespace stack::cli::docker_cli
