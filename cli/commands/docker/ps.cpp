// docker ps, port, top, diff.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kPsFlags[] = {
    {'a', "all", FlagArity::Nothing, "", "Show all containers (default: running ones)"},
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {'n', "last", FlagArity::Value, "int", "Show the N last created containers"},
    {'l', "latest", FlagArity::Nothing, "", "Show the last created container"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only IDs"},
    {'s', "size", FlagArity::Nothing, "", "Show the size of files"},
};

Result<std::string> ps_target(const Arguments& arguments) {
  auto last = arguments.number("last", -1);
  if (!last) return std::move(last).error();
  http::Query query;
  if (arguments.is_set("all") || *last || arguments.is_set("latest")) query.add("all", "1");
  if (arguments.is_set("latest")) query.add("limit", "1");
  if (*last && **last > 0) query.add("limit", std::to_string(**last));
  if (arguments.is_set("size")) query.add("size", "1");
  std::string target = "/containers/json" + query.text();
  TRY_ASSIGN(std::string filters,
             filters_parameter(arguments.all("filter"), query.text().empty() ? '?' : '&'));
  return target + filters;
}

std::string size_text(const Json& row) {
  int64_t written = int_or(row, "SizeRw");
  int64_t root = int_or(row, "SizeRootFs");
  std::string text = decimal_size({written});
  return root > 0 ? text + " (virtual " + decimal_size({root}) + ")" : text;
}

Json ps_row(const Json& entry, const Arguments& arguments) {
  Container container = parse_container(entry);
  Json row = container_json(container, seconds_now(), !arguments.is_set("no-trunc"));
  std::vector<std::string> names;
  for (std::string name : strings_of(member(entry, "Names"))) {
    if (name.starts_with('/')) name.erase(0, 1);
    // "db/alias" is another container's link name.
    if (arguments.is_set("no-trunc") || name.find('/') == std::string::npos) names.push_back(name);
  }
  if (!names.empty()) row["Names"] = join(names, ",");
  if (arguments.is_set("size")) row["Size"] = size_text(entry);
  // Docker's rows do not contain services.
  for (const char* ours : {"Name", "Project", "Service", "Publishers", "ExitCode", "Health"}) row.erase(ours);
  row["LabelMap"] = member(entry, "Labels");
  return row;
}

// Docker tries a container's template before it asks the engine, and notes whether it shows sizes.
Result<bool> template_shows_sizes(const std::string& format) {
  auto parsed = text_template::Template::parse(format);
  if (!parsed) return std::move(parsed).error().in("failed to parse template");
  auto tried = parsed->render(text_template::Value(text_template::type_of("ps"), Json::object()));
  if (!tried) return std::move(tried).error().in("failed to execute template");
  std::vector<std::string> fields = parsed->fields();
  bool whole = format.find("json .}") != std::string::npos || format.find("json . ") != std::string::npos;
  return whole || std::ranges::find(fields, "Size") != fields.end();
}

Result<int> run_ps(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "psFormat");
  TRY_ASSIGN(bool sizes, template_shows_sizes(arguments.text("format")));
  if (sizes) arguments.add("size", "true");
  if (arguments.is_set("quiet") && arguments.given("format"))
    print_message("WARNING: Ignoring custom format, because both --format and --quiet are set.");
  TRY_ASSIGN(std::string target, ps_target(arguments));
  TRY_ASSIGN(Json containers, ask(session, "GET", target));
  std::vector<Json> rows;
  for (const Json& entry : items_of(containers)) rows.push_back(ps_row(entry, arguments));
  if (arguments.is_set("quiet")) {
    for (const Json& row : rows) print_line(string_or(row, "ID"));
    return 0;
  }
  std::vector<std::string> header{"CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"};
  std::vector<std::string> members{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"};
  if (arguments.is_set("size")) {
    header.push_back("SIZE");
    members.push_back("Size");
  }
  return print_list(arguments, rows, "ps", header, members);
}

// "80/tcp" of "80" or "80/tcp".
std::string port_key(const std::string& text) {
  return text.find('/') == std::string::npos ? text + "/tcp" : text;
}

std::string host_address(const Json& binding) {
  std::string ip = string_or(binding, "HostIp");
  if (ip.find(':') != std::string::npos) ip = "[" + ip + "]";
  return (ip.empty() ? "0.0.0.0" : ip) + ":" + string_or(binding, "HostPort");
}

Result<int> run_port(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json details, ask(session, "GET", container_path(arguments.words[0], "/json")));
  const Json& ports = member(member(details, "NetworkSettings"), "Ports");
  if (arguments.words.size() == 2) {
    std::string key = port_key(arguments.words[1]);
    std::vector<Json> bindings = items_of(member(ports, key));
    if (bindings.empty())
      return Error("Error: No public port '" + arguments.words[1] + "' published for " + arguments.words[0]);
    for (const Json& binding : bindings) print_line(host_address(binding));
    return 0;
  }
  if (!ports.is_object()) return 0;
  for (const auto& [key, bindings] : ports.items())
    for (const Json& binding : items_of(bindings)) print_line(key + " -> " + host_address(binding));
  return 0;
}

Result<int> run_top(Session& session, const Arguments& arguments) {
  std::vector<std::string> options(arguments.words.begin() + 1, arguments.words.end());
  std::string query = options.empty() ? "" : "?ps_args=" + http::percent_encode(join(options, " "));
  TRY_ASSIGN(Json answer, ask(session, "GET", container_path(arguments.words[0], "/top" + query)));
  Table table(strings_of(member(answer, "Titles")), 20);
  for (const Json& process : items_of(member(answer, "Processes"))) table.add(strings_of(process));
  print(table.text());
  return 0;
}

Result<int> run_diff(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json changes, ask(session, "GET", container_path(arguments.words[0], "/changes")));
  constexpr const char* kChangeKinds[] = {"C", "A", "D"};
  for (const Json& change : items_of(changes)) {
    int64_t kind = std::clamp<int64_t>(int_or(change, "Kind"), 0, 2);
    print_line(std::string(kChangeKinds[kind]) + " " + string_or(change, "Path"));
  }
  return 0;
}

constexpr std::string_view kPsAliases[] = {"ps", "container ps", "container list"};
constexpr std::string_view kPortAliases[] = {"port"};
constexpr std::string_view kTopAliases[] = {"top"};
constexpr std::string_view kDiffAliases[] = {"diff"};

}  // namespace

const Command kPs{
    .name = "container ls",
    .aliases = kPsAliases,
    .group = Group::Containers,
    .usage = "[OPTIONS]",
    .summary = "List containers",
    .details = "",
    .examples = {},
    .flags = kPsFlags,
    .most_words = 0,
    .run = run_ps,
};

const Command kPort{
    .name = "container port",
    .aliases = kPortAliases,
    .group = Group::Containers,
    .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
    .summary = "List a container's published ports",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .most_words = 2,
    .run = run_port,
};

const Command kTop{
    .name = "container top",
    .aliases = kTopAliases,
    .group = Group::Containers,
    .usage = "CONTAINER [ps OPTIONS]",
    .summary = "Show the processes of a container",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .stop_at_first_word = true,
    .run = run_top,
};

const Command kDiff{
    .name = "container diff",
    .aliases = kDiffAliases,
    .group = Group::Containers,
    .usage = "CONTAINER",
    .summary = "Show the changes in a container's file system",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .run = run_diff,
};

}  // namespace stack::cli::docker_cli
