// docker network ...
#include <algorithm>

#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/commands/docker/network_flags.h"
#include "cli/flags/docker_formats.h"
#include "cli/render/output.h"
#include "cli/render/template/time_text.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"
#include "cli/session/objects.h"
#include "http/wire/query.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kNetworkLsFlags[] = {
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only IDs"},
};

std::string truth_text(const Json& object, std::string_view key) {
  return bool_or(object, key) ? "true" : "false";
}

Json network_row(const Json& network, bool truncate) {
  std::string id = string_or(network, "Id");
  return {{"ID", truncate ? short_id(id) : id},
          {"Name", string_or(network, "Name")},
          {"Driver", string_or(network, "Driver", "bridge")},
          {"Scope", string_or(network, "Scope", "local")},
          {"IPv4", network.contains("EnableIPv4") ? truth_text(network, "EnableIPv4") : "true"},
          {"IPv6", truth_text(network, "EnableIPv6")},
          {"Internal", truth_text(network, "Internal")},
          {"Labels", label_text(network)},
          {"LabelMap", member(network, "Labels")},
          {"CreatedAt", text_template::time_text(string_or(network, "Created"))}};
}

Result<int> run_network_ls(Session& session, const Arguments& given) {
  Arguments arguments = with_default_format(given, session.environment(), "networksFormat");
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '?'));
  TRY_ASSIGN(Json networks, ask(session, "GET", "/networks" + filters));
  std::vector<Json> rows;
  for (const Json& network : items_of(networks))
    rows.push_back(network_row(network, !arguments.is_set("no-trunc")));
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return string_or(a, "Name") < string_or(b, "Name"); });
  if (arguments.is_set("quiet") && !arguments.given("format")) {
    for (const Json& row : rows) print_line(string_or(row, "ID"));
    return 0;
  }
  return print_list(arguments, rows, "networks", {"NETWORK ID", "NAME", "DRIVER", "SCOPE"},
                    {"ID", "Name", "Driver", "Scope"});
}

constexpr Flag kNetworkCreateFlags[] = {
    {0, "attachable", FlagArity::Nothing, "", "Allow manual container attachment"},
    {0, "aux-address", FlagArity::Values, "map", "Reserve an address that no container receives"},
    {'d', "driver", FlagArity::Value, "string", "Driver of the network (default bridge)"},
    {0, "gateway", FlagArity::Values, "strings", "Gateway of the subnet"},
    {0, "internal", FlagArity::Nothing, "", "Restrict external access to the network"},
    {0, "ip-range", FlagArity::Values, "strings", "Allocate container addresses from a subrange"},
    {0, "ipam-driver", FlagArity::Value, "string", "IPAM driver (default default)"},
    {0, "ipam-opt", FlagArity::Values, "map", "Option of the IPAM driver"},
    {0, "ipv4", FlagArity::Nothing, "", "Enable IPv4 (default true)"},
    {0, "ipv6", FlagArity::Nothing, "", "Enable IPv6"},
    {0, "label", FlagArity::Values, "list", "Set a label"},
    {'o', "opt", FlagArity::Values, "map", "Set a driver option"},
    {0, "scope", FlagArity::Value, "string", "Scope of the network"},
    {0, "subnet", FlagArity::Values, "strings", "Subnet in CIDR form"},
};

bool same_family(const std::string& a, const std::string& b) {
  return (a.find(':') == std::string::npos) == (b.find(':') == std::string::npos);
}

// Assigns gateways, ranges, and auxiliary addresses to the subnets of their family, in order.
Json ipam_pools(const Arguments& arguments) {
  Json pools = Json::array();
  for (const std::string& subnet : arguments.all("subnet")) pools.push_back({{"Subnet", subnet}});
  auto place = [&](const std::string& value, const char* member) {
    for (Json& pool : pools) {
      if (pool.contains(member) || !same_family(string_or(pool, "Subnet"), value)) continue;
      pool[member] = value;
      return;
    }
  };
  for (const std::string& gateway : arguments.all("gateway")) place(gateway, "Gateway");
  for (const std::string& range : arguments.all("ip-range")) place(range, "IPRange");
  for (const std::string& aux : arguments.all("aux-address")) {
    size_t equals = aux.find('=');
    std::string address = equals == std::string::npos ? aux : aux.substr(equals + 1);
    for (Json& pool : pools)
      if (same_family(string_or(pool, "Subnet"), address)) {
        pool["AuxiliaryAddresses"][aux.substr(0, equals)] = address;
        break;
      }
  }
  return pools;
}

Result<int> run_network_create(Session& session, const Arguments& arguments) {
  bool has_subnet = arguments.given("subnet");
  if (!has_subnet &&
      (arguments.given("gateway") || arguments.given("ip-range") || arguments.given("aux-address")))
    return Error("every ip-range or gateway must have a corresponding subnet");
  Json body{{"Name", arguments.words[0]},
            {"Driver", arguments.text("driver", "bridge")},
            {"Scope", arguments.text("scope")},
            {"Internal", arguments.is_set("internal")},
            {"Attachable", arguments.is_set("attachable")},
            {"Options", pairs_of(arguments.all("opt"))},
            {"Labels", pairs_of(arguments.all("label"))}};
  if (arguments.given("ipv4")) body["EnableIPv4"] = arguments.is_set("ipv4");
  if (arguments.given("ipv6")) body["EnableIPv6"] = arguments.is_set("ipv6");
  body["IPAM"] = {{"Driver", arguments.text("ipam-driver", "default")},
                  {"Options", pairs_of(arguments.all("ipam-opt"))},
                  {"Config", ipam_pools(arguments)}};
  TRY_ASSIGN(Json created, ask(session, "POST", "/networks/create", body));
  if (std::string warning = string_or(created, "Warning"); !warning.empty())
    print_message("WARNING: " + warning);
  print_line(string_or(created, "Id"));
  return 0;
}

constexpr Flag kNetworkRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Ignore networks that do not exist"}};

std::string network_path(const std::string& name, std::string_view suffix = {}) {
  return "/networks/" + http::percent_encode(name) + std::string(suffix);
}

Result<int> run_network_rm(Session& session, const Arguments& arguments) {
  return for_each_word(arguments, [&](const std::string& name) -> Result<> {
    auto removed = ask(session, "DELETE", network_path(name));
    if (removed || (arguments.is_set("force") && removed.error().kind() == ErrorKind::NotFound)) return {};
    return std::move(removed).error();
  });
}

constexpr Flag kConnectFlags[] = {
    {0, "alias", FlagArity::Values, "strings", "Alias of the container in the network"},
    {0, "driver-opt", FlagArity::Values, "strings", "Set a driver option for this endpoint"},
    {0, "gw-priority", FlagArity::Value, "int", "The highest priority gives the default gateway"},
    {0, "ip", FlagArity::Value, "string", "IPv4 address (172.30.100.104)"},
    {0, "ip6", FlagArity::Value, "string", "IPv6 address (2001:db8::33)"},
    {0, "link", FlagArity::Values, "list", "Link to another container"},
    {0, "link-local-ip", FlagArity::Values, "strings", "Link-local address"},
};

Result<int> run_connect(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json endpoint, endpoint_settings(arguments));
  Json body{{"Container", arguments.words[1]}, {"EndpointConfig", endpoint}};
  TRY_ASSIGN(Json done, ask(session, "POST", network_path(arguments.words[0], "/connect"), body));
  return 0;
}

constexpr Flag kDisconnectFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Force the container to disconnect"}};

Result<int> run_disconnect(Session& session, const Arguments& arguments) {
  Json body{{"Container", arguments.words[1]}, {"Force", arguments.is_set("force")}};
  TRY_ASSIGN(Json done, ask(session, "POST", network_path(arguments.words[0], "/disconnect"), body));
  return 0;
}

constexpr Flag kNetworkPruneFlags[] = {
    {0, "filter", FlagArity::Values, "filter", "Remove only matching objects"},
    {'f', "force", FlagArity::Nothing, "", "Do not ask for confirmation"}};

Result<int> run_network_prune(Session& session, const Arguments& arguments) {
  if (!arguments.is_set("force") &&
      !confirmed("WARNING! This will remove all custom networks not used by at least one container."))
    return 0;
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '?'));
  TRY_ASSIGN(Json pruned, ask(session, "POST", "/networks/prune" + filters));
  std::vector<std::string> deleted = strings_of(member(pruned, "NetworksDeleted"));
  if (deleted.empty()) return 0;
  print_line("Deleted Networks:");
  for (const std::string& name : deleted) print_line(name);
  print_line("");
  return 0;
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
    .examples = {},
    .flags = kNetworkLsFlags,
    .most_words = 0,
    .run = run_network_ls,
};

const Command kNetworkCreate{
    .name = "network create",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK",
    .summary = "Create a network",
    .details = "",
    .examples = {},
    .flags = kNetworkCreateFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_network_create,
};

const Command kNetworkRm{
    .name = "network rm",
    .aliases = kNetworkRmAliases,
    .group = Group::Objects,
    .usage = "NETWORK [NETWORK...]",
    .summary = "Remove networks",
    .details = "",
    .examples = {},
    .flags = kNetworkRmFlags,
    .least_words = 1,
    .run = run_network_rm,
};

const Command kNetworkConnect{
    .name = "network connect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .summary = "Connect a container to a network",
    .details = "",
    .examples = {},
    .flags = kConnectFlags,
    .least_words = 2,
    .most_words = 2,
    .run = run_connect,
};

const Command kNetworkDisconnect{
    .name = "network disconnect",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .summary = "Disconnect a container from a network",
    .details = "",
    .examples = {},
    .flags = kDisconnectFlags,
    .least_words = 2,
    .most_words = 2,
    .run = run_disconnect,
};

const Command kNetworkPrune{
    .name = "network prune",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS]",
    .summary = "Remove networks that no container uses",
    .details = "",
    .examples = {},
    .flags = kNetworkPruneFlags,
    .most_words = 0,
    .run = run_network_prune,
};

}  // namespace stack::cli::docker_cli
