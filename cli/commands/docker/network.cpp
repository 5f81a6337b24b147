// The commands `stack network ...`.
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "model/labels.h"

namespace stack::cli {

namespace {

constexpr Flag kNetworkLsFlags[] = {kQuietFlag, kFormatFlag, kNoTruncFlag, kFilterFlag};
constexpr Example kNetworkLsExamples[] = {{"stack network ls", "list all networks"}};

Json network_row(const Json& network, bool truncate) {
  std::string id = string_or(network, "Id");
  std::vector<std::string> subnets;
  for (const Json& pool : items_of(member(member(network, "IPAM"), "Config")))
    subnets.push_back(string_or(pool, "Subnet"));
  return {{"ID", truncate ? short_id(id) : id},
          {"Name", string_or(network, "Name")},
          {"Driver", string_or(network, "Driver", "bridge")},
          {"Scope", string_or(network, "Scope", "local")},
          {"Subnet", join(subnets, ",")},
          {"Internal", bool_or(network, "Internal") ? "true" : "false"}};
}

Result<int> run_network_ls(Session& session, const Arguments& arguments) {
  auto query = filters_query(arguments.all("filter"));
  if (!query) return session.usage_error(query.error().text());
  TRY_ASSIGN(Json networks, session.call("GET", "/networks" + *query));
  std::vector<Json> rows;
  for (const Json& network : items_of(networks))
    rows.push_back(network_row(network, !arguments.is_set("no-trunc")));
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  return print_rows(arguments, rows, {"NETWORK ID", "NAME", "DRIVER", "SCOPE", "SUBNET"},
                    {"ID", "Name", "Driver", "Scope", "Subnet"}, "ID");
}

constexpr Flag kNetworkInspectFlags[] = {
    {'f', "format", FlagArity::Value, "TEMPLATE", "'{{.Driver}}', or json"}};
constexpr Example kNetworkInspectExamples[] = {
    {"stack network inspect shop_default", "show its addresses and containers"}};

Result<int> run_network_inspect(Session& session, const Arguments& arguments) {
  return inspect_objects(session, arguments, "network.Inspect", "/networks/");
}

constexpr Flag kNetworkRmFlags[] = {{'f', "force", FlagArity::Nothing, "", "Ignore names that do not exist"}};
constexpr Example kNetworkRmExamples[] = {{"stack network rm shared", "remove a network without containers"}};

Result<int> run_network_rm(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  return remove_objects(session, arguments, "/networks/");
}

constexpr Flag kNetworkCreateFlags[] = {
    {'d', "driver", FlagArity::Value, "DRIVER", "Driver: bridge (default)"},
    {0, "subnet", FlagArity::Value, "CIDR", "Address range"},
    {0, "gateway", FlagArity::Value, "ADDRESS", "Gateway address"},
    {0, "ip-range", FlagArity::Value, "CIDR", "Subrange for container addresses"},
    {0, "internal", FlagArity::Nothing, "", "Do not route traffic outside the network"},
    {0, "ipv6", FlagArity::Nothing, "", "Enable IPv6"},
    {'o', "opt", FlagArity::Values, "KEY=VALUE", "Set a driver option"},
    {0, "label", FlagArity::Values, "KEY=VALUE", "Label"},
};
constexpr Example kNetworkCreateExamples[] = {
    {"stack network create shared", "create a network for `external: true`"}};

Result<int> run_network_create(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  Json body{{"Name", arguments.words[0]},
            {"Driver", arguments.text("driver", "bridge")},
            {"Internal", arguments.is_set("internal")},
            {"EnableIPv6", arguments.is_set("ipv6")},
            {"Options", pairs_of(arguments.all("opt"))},
            {"Labels", pairs_of(arguments.all("label"))}};
  if (arguments.given("subnet")) {
    Json pool{{"Subnet", arguments.text("subnet")}};
    if (arguments.given("gateway")) pool["Gateway"] = arguments.text("gateway");
    if (arguments.given("ip-range")) pool["IPRange"] = arguments.text("ip-range");
    body["IPAM"] = {{"Driver", "default"}, {"Config", Json::array({pool})}};
  } else if (arguments.given("gateway") || arguments.given("ip-range")) {
    return session.usage_error("--gateway and --ip-range require --subnet");
  }
  TRY_ASSIGN(Json created, session.call("POST", "/networks/create", body));
  print_line(string_or(created, "Id"));
  return 0;
}

constexpr Flag kNetworkPruneFlags[] = {{'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"}};
constexpr Example kNetworkPruneExamples[] = {{"stack network prune", "remove unused networks"}};

// The engine's own networks, including that of builds.
bool is_predefined(const Json& network) {
  std::string name = string_or(network, "Name");
  return name == "bridge" || name == "host" || name == "none" ||
         member(network, "Labels").contains(label::kBuildNetwork);
}

Result<int> run_network_prune(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json networks, session.call("GET", "/networks"));
  std::vector<std::string> unused;
  for (const Json& network : items_of(networks)) {
    std::string name = string_or(network, "Name");
    if (is_predefined(network)) continue;
    // The list may omit the containers.
    TRY_ASSIGN(Json details, session.call("GET", "/networks/" + string_or(network, "Id")));
    if (member(details, "Containers").empty()) unused.push_back(name);
  }
  return prune_objects(session, arguments, std::move(unused), "/networks/");
}

constexpr std::string_view kNetworkLsAliases[] = {"network list"};
constexpr std::string_view kNetworkRmAliases[] = {"network remove"};

}  // namespace

const Command kNetworkLs{
    .name = "network ls",
    .aliases = kNetworkLsAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "List networks",
    .details = "",
    .examples = kNetworkLsExamples,
    .flags = kNetworkLsFlags,
    .most_words = 0,
    .run = run_network_ls,
};

const Command kNetworkInspect{
    .name = "network inspect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK...",
    .summary = "Show details of networks",
    .details = "",
    .examples = kNetworkInspectExamples,
    .flags = kNetworkInspectFlags,
    .least_words = 1,
    .run = run_network_inspect,
};

const Command kNetworkRm{
    .name = "network rm",
    .aliases = kNetworkRmAliases,
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK...",
    .summary = "Remove networks",
    .details = "",
    .examples = kNetworkRmExamples,
    .flags = kNetworkRmFlags,
    .least_words = 1,
    .run = run_network_rm,
};

const Command kNetworkCreate{
    .name = "network create",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK",
    .summary = "Create a network",
    .details = "",
    .examples = kNetworkCreateExamples,
    .flags = kNetworkCreateFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_network_create,
};

const Command kNetworkPrune{
    .name = "network prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove networks that no container uses",
    .details = "",
    .examples = kNetworkPruneExamples,
    .flags = kNetworkPruneFlags,
    .most_words = 0,
    .run = run_network_prune,
};

}  // namespace stack::cli
