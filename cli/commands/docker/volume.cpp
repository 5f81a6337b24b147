// The commands `stack volume ...`, and `stack volumes`.
#include "base/text.h"
#include "base/units.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kVolumeLsFlags[] = {kQuietFlag, kFormatFlag, kFilterFlag};
constexpr Example kVolumeLsExamples[] = {
    {"stack volume ls", "list all volumes"},
    {"stack volume ls --filter name=shop", "list volumes whose names contain \"shop\""}};

Json volume_row(const Json& volume) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : member(volume, "Labels").items()) {
    if (value.is_string()) labels.push_back(key + "=" + value.get<std::string>());
  }
  return {{"Driver", string_or(volume, "Driver", "local")},
          {"Name", string_or(volume, "Name")},
          {"Mountpoint", string_or(volume, "Mountpoint")},
          {"Scope", string_or(volume, "Scope", "local")},
          {"Labels", join(labels, ",")}};
}

Result<int> print_volumes(Session& session, const Arguments& arguments, const std::string& query) {
  TRY_ASSIGN(Json answer, session.call("GET", "/volumes" + query));
  std::vector<Json> rows;
  for (const Json& volume : items_of(member(answer, "Volumes"))) rows.push_back(volume_row(volume));
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  return print_rows(arguments, rows, {"DRIVER", "VOLUME NAME"}, {"Driver", "Name"}, "Name");
}

Result<int> run_volume_ls(Session& session, const Arguments& arguments) {
  auto query = filters_query(arguments.all("filter"));
  if (!query) return session.usage_error(query.error().text());
  return print_volumes(session, arguments, *query);
}

constexpr Flag kVolumesFlags[] = {kQuietFlag, kFormatFlag};
constexpr Example kVolumesExamples[] = {{"stack volumes", "list the project's volumes"}};

Result<int> run_volumes(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(std::string query, filters_query({"label=com.docker.compose.project=" + project_name}));
  return print_volumes(session, arguments, query);
}

constexpr Flag kVolumeInspectFlags[] = {
    {'f', "format", FlagArity::Value, "TEMPLATE", "'{{.Mountpoint}}', or json"}};
constexpr Example kVolumeInspectExamples[] = {{"stack volume inspect shop_data", "show its path and labels"}};

Result<int> run_volume_inspect(Session& session, const Arguments& arguments) {
  return inspect_objects(session, arguments, "volume.Volume", "/volumes/");
}

constexpr Flag kVolumeRmFlags[] = {{'f', "force", FlagArity::Nothing, "", "Ignore names that do not exist"}};
constexpr Example kVolumeRmExamples[] = {{"stack volume rm shop_data", "remove a volume and its data"}};

Result<int> run_volume_rm(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  return remove_objects(session, arguments, "/volumes/");
}

constexpr Flag kVolumeCreateFlags[] = {
    {'d', "driver", FlagArity::Value, "DRIVER", "Driver: local (default)"},
    {'o', "opt", FlagArity::Values, "KEY=VALUE", "Set a driver option"},
    {0, "label", FlagArity::Values, "KEY=VALUE", "Label"},
};
constexpr Example kVolumeCreateExamples[] = {
    {"stack volume create shared", "create a volume for `external: true`"}};

Result<int> run_volume_create(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  Json body{{"Driver", arguments.text("driver", "local")},
            {"DriverOpts", pairs_of(arguments.all("opt"))},
            {"Labels", pairs_of(arguments.all("label"))}};
  if (!arguments.words.empty()) body["Name"] = arguments.words[0];
  TRY_ASSIGN(Json created, session.call("POST", "/volumes/create", body));
  print_line(string_or(created, "Name"));
  return 0;
}

constexpr Flag kVolumePruneFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"},
    {'a', "all", FlagArity::Nothing, "", "Also remove named volumes"},
};
constexpr Example kVolumePruneExamples[] = {{"stack volume prune", "remove unused anonymous volumes"}};

bool is_anonymous(const Json& volume) {
  if (member(member(volume, "Labels"), "com.docker.volume.anonymous").is_string()) return true;
  std::string name = string_or(volume, "Name");
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<int> run_volume_prune(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json unused,
             session.call("GET", "/volumes?filters=" + http::percent_encode(R"({"dangling":["true"]})")));
  std::vector<std::string> names;
  for (const Json& volume : items_of(member(unused, "Volumes"))) {
    if (arguments.is_set("all") || is_anonymous(volume)) names.push_back(string_or(volume, "Name"));
  }
  return prune_objects(session, arguments, std::move(names), "/volumes/");
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
    .examples = kVolumeLsExamples,
    .flags = kVolumeLsFlags,
    .most_words = 0,
    .run = run_volume_ls,
};

const Command kVolumes{
    .name = "volumes",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS]",
    .summary = "List the project's volumes",
    .details = "",
    .examples = kVolumesExamples,
    .flags = kVolumesFlags,
    .most_words = 0,
    .run = run_volumes,
};

const Command kVolumeInspect{
    .name = "volume inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME...",
    .summary = "Show details of volumes",
    .details = "",
    .examples = kVolumeInspectExamples,
    .flags = kVolumeInspectFlags,
    .least_words = 1,
    .run = run_volume_inspect,
};

const Command kVolumeRm{
    .name = "volume rm",
    .aliases = kVolumeRmAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] VOLUME...",
    .summary = "Remove volumes and their data",
    .details = "",
    .examples = kVolumeRmExamples,
    .flags = kVolumeRmFlags,
    .least_words = 1,
    .run = run_volume_rm,
};

const Command kVolumeCreate{
    .name = "volume create",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] [VOLUME]",
    .summary = "Create a volume",
    .details = "",
    .examples = kVolumeCreateExamples,
    .flags = kVolumeCreateFlags,
    .most_words = 1,
    .run = run_volume_create,
};

const Command kVolumePrune{
    .name = "volume prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove volumes that no container uses",
    .details = "",
    .examples = kVolumePruneExamples,
    .flags = kVolumePruneFlags,
    .most_words = 0,
    .run = run_volume_prune,
};

}  // namespace stack::cli
