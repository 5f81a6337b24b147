// docker version, info, system df, system prune.
#include "base/build_info.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/render/template/format.h"
#include "cli/session/member.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kSystemFormatFlags[] = {{'f', "format", FlagArity::Value, "string", "json, or a Go template"}};

Json client_version(const Session& session, const Json& server) {
  return {{"Platform", {{"Name", "stack"}}},
          {"Version", build_info().version},
          {"ApiVersion", string_or(server, "ApiVersion", "1.50")},
          {"DefaultAPIVersion", "1.50"},
          {"GitCommit", build_info().commit},
          {"GoVersion", ""},
          {"Os", string_or(server, "Os", "linux")},
          {"Arch", string_or(server, "Arch", "amd64")},
          {"BuildTime", string_or(server, "BuildTime")},
          {"Context", setting(session.environment(), "DOCKER_CONTEXT").empty()
                          ? "default"
                          : setting(session.environment(), "DOCKER_CONTEXT")}};
}

std::string line(std::string_view name, const std::string& value, size_t width = 18) {
  std::string text = " " + std::string(name) + ":";
  text += std::string(text.size() < width ? width - text.size() : 1, ' ');
  return text + value + "\n";
}

std::string version_text(const Json& client, const Json& server) {
  std::string text =
      "Client: stack\n" + line("Version", string_or(client, "Version")) +
      line("API version", string_or(client, "ApiVersion")) +
      (build_info().commit.empty() ? "" : line("Git commit", std::string(build_info().commit))) +
      line("OS/Arch", string_or(client, "Os") + "/" + string_or(client, "Arch")) +
      line("Context", string_or(client, "Context"));
  if (!server.is_object()) return text;
  text += "\nServer: stack\n Engine:\n" + line(" Version", string_or(server, "Version"));
  text += line(" API version", string_or(server, "ApiVersion") + " (minimum version " +
                                   string_or(server, "MinAPIVersion") + ")");
  if (std::string commit = string_or(server, "GitCommit"); !commit.empty())
    text += line(" Git commit", commit);
  if (std::string built = string_or(server, "BuildTime"); !built.empty()) text += line(" Built", built);
  return text + line(" OS/Arch", string_or(server, "Os") + "/" + string_or(server, "Arch"));
}

// Prints what the template makes of one object, as far as it goes.
Result<int> print_object(const std::string& format, const std::string& template_name, std::string_view type,
                         Json object) {
  auto parsed = text_template::Template::parse(format == "json" ? "{{json .}}" : format, template_name);
  if (!parsed) return print_template_error(std::move(parsed).error().in("template parsing error"));
  std::string text;
  auto rendered = parsed->render(text_template::Value(text_template::type_of(type), std::move(object)), text);
  print_line(text);
  if (!rendered) return std::move(rendered).error();
  return 0;
}

Result<int> run_version(Session& session, const Arguments& arguments) {
  auto server = ask(session, "GET", "/version");
  Json known = server ? *server : Json();
  Json client = client_version(session, known);
  std::string format = arguments.text("format");
  if (format.empty()) {
    print(version_text(client, known));
  } else {
    TRY_ASSIGN(int code, print_object(format, "version", "system.versionInfo",
                                      {{"Client", std::move(client)}, {"Server", std::move(known)}}));
    if (code != 0) return code;
  }
  if (!server) return std::move(server).error();
  return 0;
}

std::string yes_or_no(const Json& info, std::string_view key) {
  return bool_or(info, key) ? "true" : "false";
}

std::string info_text(const Json& info) {
  auto number = [&](const char* key) { return std::to_string(int_or(info, key)); };
  auto text = [&](const char* key) { return string_or(info, key); };
  auto row = [](const std::string& name, const std::string& value) {
    return " " + name + ": " + value + "\n";
  };
  std::string out = "Client: stack\n Version:    " + std::string(build_info().version) + "\n\nServer:\n";
  out += row("Containers", number("Containers")) + row(" Running", number("ContainersRunning")) +
         row(" Paused", number("ContainersPaused")) + row(" Stopped", number("ContainersStopped")) +
         row("Images", number("Images")) + row("Server Version", text("ServerVersion")) +
         row("Storage Driver", text("Driver")) + row("Logging Driver", text("LoggingDriver")) +
         row("Cgroup Driver", text("CgroupDriver")) + row("Cgroup Version", text("CgroupVersion"));
  const Json& plugins = member(info, "Plugins");
  out += " Plugins:\n";
  for (const char* kind : {"Volume", "Network", "Log"})
    out += std::string("  ") + kind + ": " + join(strings_of(member(plugins, kind)), " ") + "\n";
  out += row("Default Runtime", text("DefaultRuntime")) + row("Init Binary", text("InitBinary")) +
         row("Kernel Version", text("KernelVersion")) + row("Operating System", text("OperatingSystem")) +
         row("OSType", text("OSType")) + row("Architecture", text("Architecture")) +
         row("CPUs", number("NCPU")) + row("Total Memory", human_size({int_or(info, "MemTotal")})) +
         row("Name", text("Name")) + row("ID", text("ID")) + row("Docker Root Dir", text("DockerRootDir")) +
         row("Debug Mode", yes_or_no(info, "Debug")) +
         row("Live Restore Enabled", yes_or_no(info, "LiveRestoreEnabled"));
  return out;
}

Result<int> run_info(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json info, ask(session, "GET", "/info"));
  std::string format = arguments.text("format");
  if (format.empty()) {
    print(info_text(info));
    return 0;
  }
  info["ClientInfo"] = client_version(session, Json());
  info["ClientInfo"]["Debug"] = false;
  info["ClientInfo"]["Plugins"] = Json::array();
  return print_object(format, "", "system.dockerInfo", std::move(info));
}

constexpr Flag kDfFlags[] = {{0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
                             {'v', "verbose", FlagArity::Nothing, "", "Show each object"}};

struct Usage {
  int64_t total = 0;
  int64_t active = 0;
  int64_t size = 0;
  int64_t reclaimable = 0;
};

Json df_row(const std::string& type, const Usage& usage) {
  std::string reclaimable = decimal_size({usage.reclaimable});
  if (usage.size > 0) reclaimable += " (" + std::to_string(usage.reclaimable * 100 / usage.size) + "%)";
  return {{"Type", type},
          {"TotalCount", std::to_string(usage.total)},
          {"Active", std::to_string(usage.active)},
          {"Size", decimal_size({usage.size})},
          {"Reclaimable", reclaimable}};
}

Usage image_usage(const Json& df) {
  Usage usage{0, 0, int_or(df, "LayersSize"), 0};
  int64_t used = 0;
  for (const Json& image : items_of(member(df, "Images"))) {
    ++usage.total;
    if (int_or(image, "Containers") <= 0) continue;
    ++usage.active;
    used += int_or(image, "Size") - std::max<int64_t>(0, int_or(image, "SharedSize"));
  }
  usage.reclaimable = std::max<int64_t>(0, usage.size - used);
  return usage;
}

Usage container_usage(const Json& df) {
  Usage usage;
  for (const Json& container : items_of(member(df, "Containers"))) {
    ++usage.total;
    usage.size += int_or(container, "SizeRw");
    std::string state = string_or(container, "State");
    if (state == "running" || state == "paused" || state == "restarting")
      ++usage.active;
    else
      usage.reclaimable += int_or(container, "SizeRw");
  }
  return usage;
}

Usage volume_usage(const Json& df) {
  Usage usage;
  for (const Json& volume : items_of(member(df, "Volumes"))) {
    const Json& data = member(volume, "UsageData");
    ++usage.total;
    int64_t size = std::max<int64_t>(0, int_or(data, "Size"));
    usage.size += size;
    if (int_or(data, "RefCount") > 0)
      ++usage.active;
    else
      usage.reclaimable += size;
  }
  return usage;
}

Usage cache_usage(const Json& df) {
  Usage usage;
  for (const Json& record : items_of(member(df, "BuildCache"))) {
    ++usage.total;
    usage.size += int_or(record, "Size");
    if (bool_or(record, "InUse"))
      ++usage.active;
    else
      usage.reclaimable += int_or(record, "Size");
  }
  return usage;
}

Result<int> run_df(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json df, ask(session, "GET", "/system/df"));
  std::vector<Json> rows{df_row("Images", image_usage(df)), df_row("Containers", container_usage(df)),
                         df_row("Local Volumes", volume_usage(df)), df_row("Build Cache", cache_usage(df))};
  return print_list(arguments, rows, "df", {"TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"},
                    {"Type", "TotalCount", "Active", "Size", "Reclaimable"});
}

constexpr Flag kSystemPruneFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Remove all unused images, not only dangling ones"},
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"},
    {0, "volumes", FlagArity::Nothing, "", "Remove anonymous volumes too"}};

std::string prune_warning(const Arguments& arguments) {
  std::string text =
      "WARNING! This will remove:\n  - all stopped containers\n"
      "  - all networks not used by at least one container\n";
  if (arguments.is_set("volumes")) text += "  - all anonymous volumes not used by at least one container\n";
  text += arguments.is_set("all") ? "  - all images without at least one container associated to them\n"
                                  : "  - all dangling images\n";
  return text + (arguments.is_set("all") ? "  - all build cache\n" : "  - unused build cache\n");
}

void print_deleted(std::string_view title, const std::vector<std::string>& names) {
  if (names.empty()) return;
  print_line(title);
  for (const std::string& name : names) print_line(name);
  print_line("");
}

Result<int> run_system_prune(Session& session, const Arguments& arguments) {
  if (!arguments.is_set("force") && !confirmed(prune_warning(arguments))) return 0;
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '?'));
  std::vector<std::string> image_filters = arguments.all("filter");
  image_filters.push_back(arguments.is_set("all") ? "dangling=false" : "dangling=true");
  TRY_ASSIGN(std::string images_query, filters_parameter(image_filters, '?'));
  TRY_ASSIGN(Json containers, ask(session, "POST", "/containers/prune" + filters));
  print_deleted("Deleted Containers:", strings_of(member(containers, "ContainersDeleted")));
  int64_t reclaimed = int_or(containers, "SpaceReclaimed");
  TRY_ASSIGN(Json networks, ask(session, "POST", "/networks/prune" + filters));
  print_deleted("Deleted Networks:", strings_of(member(networks, "NetworksDeleted")));
  if (arguments.is_set("volumes")) {
    TRY_ASSIGN(Json volumes, ask(session, "POST", "/volumes/prune" + filters));
    print_deleted("Deleted Volumes:", strings_of(member(volumes, "VolumesDeleted")));
    reclaimed += int_or(volumes, "SpaceReclaimed");
  }
  TRY_ASSIGN(Json images, ask(session, "POST", "/images/prune" + images_query));
  std::vector<std::string> deleted;
  for (const Json& item : items_of(member(images, "ImagesDeleted")))
    deleted.push_back(item.contains("Untagged") ? "untagged: " + string_or(item, "Untagged")
                                                : "deleted: " + string_or(item, "Deleted"));
  print_deleted("Deleted Images:", deleted);
  reclaimed += int_or(images, "SpaceReclaimed");
  TRY_ASSIGN(Json cache,
             ask(session, "POST", arguments.is_set("all") ? "/build/prune?all=1" : "/build/prune"));
  print_deleted("Deleted build cache objects:", strings_of(member(cache, "CachesDeleted")));
  reclaimed += int_or(cache, "SpaceReclaimed");
  print_line("Total reclaimed space: " + decimal_size({reclaimed}));
  return 0;
}

constexpr std::string_view kInfoAliases[] = {"info"};

}  // namespace

const Command kVersion{
    .name = "version",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show the versions of client and engine",
    .details = "",
    .examples = {},
    .flags = kSystemFormatFlags,
    .most_words = 0,
    .run = run_version,
};

const Command kInfo{
    .name = "system info",
    .aliases = kInfoAliases,
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show information about the engine and this machine",
    .details = "",
    .examples = {},
    .flags = kSystemFormatFlags,
    .most_words = 0,
    .run = run_info,
};

const Command kSystemDf{
    .name = "system df",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Show disk usage",
    .details = "",
    .examples = {},
    .flags = kDfFlags,
    .most_words = 0,
    .run = run_df,
};

const Command kSystemPrune{
    .name = "system prune",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Remove unused data",
    .details = "",
    .examples = {},
    .flags = kSystemPruneFlags,
    .most_words = 0,
    .run = run_system_prune,
};

}  // namespace stack::cli::docker_cli
