// docker pull, push, login, logout, search.
#include <unistd.h>

#include "base/text.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/commands/docker/pull_image.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/render/table.h"
#include "cli/session/credential_store.h"
#include "cli/session/member.h"
#include "docker/registry_auth.h"
#include "http/wire/query.h"
#include "model/image_reference.h"

namespace stack::cli::docker_cli {

namespace {

using AuthHeader = std::vector<std::pair<std::string, std::string>>;

AuthHeader auth_headers(const std::string& value) {
  if (value.empty()) return {};
  return {{"X-Registry-Auth", value}};
}

constexpr Flag kPullFlags[] = {
    {'a', "all-tags", FlagArity::Nothing, "", "Download all tagged images of the repository"},
    {0, "disable-content-trust", FlagArity::Nothing, "", "Skip image verification (default true)"},
    {0, "platform", FlagArity::Value, "string", "Platform of the image"},
    {'q', "quiet", FlagArity::Nothing, "", "Do not show progress"},
};

Result<int> run_pull(Session& session, const Arguments& arguments) {
  if (arguments.is_set("all-tags")) return unsupported("--all-tags is not supported; pull each tag by name");
  const std::string& name = arguments.words[0];
  bool quiet = arguments.is_set("quiet");
  if (!quiet && split_name(name).tag.empty()) print_line("Using default tag: latest");
  TRY(pull_image(session, {name, arguments.text("platform"), STDOUT_FILENO, quiet}));
  TRY_ASSIGN(Reference reference, parse_reference(with_default_tag(name)));
  print_line(reference.full());
  return 0;
}

constexpr Flag kPushFlags[] = {
    {'a', "all-tags", FlagArity::Nothing, "", "Push all tags of the repository"},
    {0, "disable-content-trust", FlagArity::Nothing, "", "Skip image signing (default true)"},
    {0, "platform", FlagArity::Value, "string", "Push only this platform's image"},
    {'q', "quiet", FlagArity::Nothing, "", "Do not show progress"},
};

Result<> push(Session& session, const Arguments& arguments, const NameAndTag& image) {
  TRY_ASSIGN(std::string auth, registry_auth(session, image.name));
  http::Query query;
  query.add("tag", image.tag);
  if (arguments.given("platform")) query.add("platform", arguments.text("platform"));
  // Like Docker's client, sends the header even without credentials: the engine refuses a push without it.
  AuthHeader headers{{"X-Registry-Auth", auth.empty() ? "e30=" : auth}};
  return follow_progress(session, {.target = image_path(image.name, "/push" + query.text()),
                                   .headers = headers,
                                   .quiet = arguments.is_set("quiet")});
}

Result<int> run_push(Session& session, const Arguments& arguments) {
  NameAndTag image = split_name(arguments.words[0]);
  if (!arguments.is_set("all-tags")) {
    if (image.tag.empty()) {
      image.tag = "latest";
      if (!arguments.is_set("quiet")) print_line("Using default tag: latest");
    }
    TRY(push(session, arguments, image));
    if (arguments.is_set("quiet")) print_line(image.name + ":" + image.tag);
    return 0;
  }
  if (!image.tag.empty()) return Error("tag can't be used with --all-tags/-a");
  TRY_ASSIGN(std::string filters, filters_parameter({"reference=" + image.name}, '?'));
  TRY_ASSIGN(Json images, ask(session, "GET", "/images/json" + filters));
  for (const Json& entry : items_of(images))
    for (const std::string& tag : strings_of(member(entry, "RepoTags")))
      if (split_name(tag).name == image.name) TRY(push(session, arguments, split_name(tag)));
  return 0;
}

constexpr Flag kSearchFlags[] = {
    {'f', "filter", FlagArity::Values, "filter", "Show only matching objects"},
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {0, "limit", FlagArity::Value, "int", "Maximum number of results"},
    {0, "no-trunc", FlagArity::Nothing, "", "Do not truncate output"},
};

Result<int> run_search(Session& session, const Arguments& arguments) {
  http::Query query;
  query.add("term", arguments.words[0]);
  if (arguments.given("limit")) query.add("limit", arguments.text("limit"));
  TRY_ASSIGN(std::string filters, filters_parameter(arguments.all("filter"), '&'));
  TRY_ASSIGN(Json found, ask(session, "GET", "/images/search" + query.text() + filters));
  std::vector<Json> rows;
  for (const Json& entry : items_of(found)) {
    std::string description = string_or(entry, "description");
    rows.push_back({{"Name", string_or(entry, "name")},
                    {"Description", arguments.is_set("no-trunc") ? description : ellipsis(description, 45)},
                    {"StarCount", std::to_string(int_or(entry, "star_count"))},
                    {"IsOfficial", bool_or(entry, "is_official") ? "[OK]" : ""}});
  }
  return print_list(arguments, rows, "search", {"NAME", "DESCRIPTION", "STARS", "OFFICIAL"},
                    {"Name", "Description", "StarCount", "IsOfficial"});
}

constexpr std::string_view kPullAliases[] = {"pull"};
constexpr std::string_view kPushAliases[] = {"push"};

}  // namespace

std::string with_default_tag(const std::string& reference) {
  return split_name(reference).tag.empty() ? reference + ":latest" : reference;
}

Result<std::string> registry_auth(const Session& session, const std::string& reference) {
  TRY_ASSIGN(Reference parsed, parse_reference(reference));
  RegistryKeyring keyring = CredentialStore::open(session.environment()).keyring({reference});
  const RegistryCredentials* credentials = find_credentials(keyring, parsed);
  if (credentials == nullptr) return std::string();
  return stack::docker::auth_header(*credentials, server_address(parsed.domain));
}

Result<> pull_image(Session& session, const PullRequest& request) {
  auto auth = registry_auth(session, request.reference);
  if (!auth) return daemon_error(auth.error());
  NameAndTag image = split_name(request.reference);
  http::Query query;
  query.add("fromImage", image.name);
  query.add("tag", image.tag.empty() ? "latest" : image.tag);
  if (!request.platform.empty()) query.add("platform", request.platform);
  return follow_progress(session, {.target = "/images/create" + query.text(),
                                   .headers = auth_headers(*auth),
                                   .fd = request.fd,
                                   .quiet = request.quiet});
}

const Command kPull{
    .name = "image pull",
    .aliases = kPullAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
    .summary = "Download an image from a registry",
    .details = "",
    .examples = {},
    .flags = kPullFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_pull,
};

const Command kPush{
    .name = "image push",
    .aliases = kPushAliases,
    .group = Group::Images,
    .usage = "[OPTIONS] NAME[:TAG]",
    .summary = "Upload an image to a registry",
    .details = "",
    .examples = {},
    .flags = kPushFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_push,
};

const Command kSearch{
    .name = "search",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] TERM",
    .summary = "Search Docker Hub for images",
    .details = "",
    .examples = {},
    .flags = kSearchFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_search,
};

// The same as `stack login` and `stack logout`.
const Command kLogin = [] {
  Command command = cli::kLogin;
  command.usage = "[OPTIONS] [SERVER]";
  return command;
}();
const Command kLogout = [] {
  Command command = cli::kLogout;
  command.usage = "[SERVER]";
  return command;
}();

}  // namespace stack::cli::docker_cli
