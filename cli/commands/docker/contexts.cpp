// docker context ...
#include "base/text.h"
#include "cli/commands/docker/daemon.h"
#include "cli/commands/docker/docker_commands.h"
#include "cli/render/output.h"
#include "cli/session/docker_context.h"

namespace stack::cli::docker_cli {

namespace {

constexpr Flag kContextLsFlags[] = {
    {0, "format", FlagArity::Value, "string", "table, json, or a Go template"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only names"}};

Result<int> run_context_ls(Session& session, const Arguments& arguments) {
  ContextStore store(session.environment());
  TRY_ASSIGN(std::vector<ContextEntry> entries, store.list());
  std::string current = store.current();
  std::vector<Json> rows;
  for (const ContextEntry& entry : entries) {
    bool chosen = entry.name == current;
    rows.push_back({{"Name", entry.name},
                    {"Marked", entry.name + (chosen ? " *" : "")},
                    {"Current", chosen},
                    {"Description", entry.description},
                    {"DockerEndpoint", entry.host},
                    {"Error", ""}});
  }
  if (arguments.is_set("quiet")) {
    for (const ContextEntry& entry : entries) print_line(entry.name);
    return 0;
  }
  return print_list(arguments, rows, "contexts", {"NAME", "DESCRIPTION", "DOCKER ENDPOINT", "ERROR"},
                    {"Marked", "Description", "DockerEndpoint", "Error"});
}

Result<int> run_show(Session& session, const Arguments&) {
  print_line(ContextStore(session.environment()).current());
  return 0;
}

Result<int> run_use(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.words[0];
  TRY(ContextStore(session.environment()).use(name));
  print_line(name);
  print_message("Current context is now \"" + name + "\"");
  return 0;
}

constexpr Flag kContextFormatFlags[] = {
    {'f', "format", FlagArity::Value, "string", "json, or a Go template"}};

Result<int> run_context_inspect(Session& session, const Arguments& arguments) {
  ContextStore store(session.environment());
  std::vector<std::string> names = arguments.words;
  if (names.empty()) names = {store.current()};
  std::vector<text_template::Inspected> found;
  for (const std::string& name : names) {
    TRY_ASSIGN(ContextEntry entry, store.find(name));
    found.push_back({"context.contextWithTLSListing",
                     {{"Name", entry.name},
                      {"Metadata", {{"Description", entry.description}}},
                      {"Endpoints", {{"docker", {{"Host", entry.host}, {"SkipTLSVerify", false}}}}},
                      {"TLSMaterial", Json::object()}},
                     false});
  }
  return print_inspected(arguments, found, 0);
}

constexpr Flag kContextCreateFlags[] = {
    {0, "description", FlagArity::Value, "string", "Description of the context"},
    {0, "docker", FlagArity::Value, "stringToString", "Engine endpoint: host=unix:///path"},
    {0, "from", FlagArity::Value, "string", "Copy another context"},
};

Result<int> run_context_create(Session& session, const Arguments& arguments) {
  ContextStore store(session.environment());
  ContextEntry entry{arguments.words[0], arguments.text("description"), ""};
  for (const std::string& field : split(arguments.text("docker"), ','))
    if (field.starts_with("host=")) entry.host = field.substr(5);
  if (entry.host.empty()) {
    TRY_ASSIGN(ContextEntry source, store.find(arguments.text("from", store.current())));
    entry.host = source.host;
  }
  TRY(store.create(entry));
  print_line(entry.name);
  print_message("Successfully created context \"" + entry.name + "\"");
  return 0;
}

constexpr Flag kContextRmFlags[] = {
    {'f', "force", FlagArity::Nothing, "", "Remove the context even if it is in use"}};

Result<int> run_context_rm(Session& session, const Arguments& arguments) {
  ContextStore store(session.environment());
  return for_each_word(arguments, [&](const std::string& name) -> Result<> {
    if (name == "default") return Error("context \"default\" cannot be removed");
    if (name == store.current() && !arguments.is_set("force"))
      return Error("context \"" + name + "\" is in use, set -f flag to force remove");
    return store.remove(name);
  });
}

constexpr std::string_view kContextLsAliases[] = {"context list"};
constexpr std::string_view kContextRmAliases[] = {"context remove"};

}  // namespace

const Command kContextLs{
    .name = "context ls",
    .aliases = kContextLsAliases,
    .group = Group::Other,
    .usage = "[OPTIONS]",
    .summary = "List contexts",
    .details = "",
    .examples = {},
    .flags = kContextLsFlags,
    .most_words = 0,
    .run = run_context_ls,
};

const Command kContextShow{
    .name = "context show",
    .aliases = {},
    .group = Group::Other,
    .usage = "",
    .summary = "Print the name of the current context",
    .details = "",
    .examples = {},
    .flags = {},
    .most_words = 0,
    .run = run_show,
};

const Command kContextUse{
    .name = "context use",
    .aliases = {},
    .group = Group::Other,
    .usage = "CONTEXT",
    .summary = "Set the current context",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .run = run_use,
};

const Command kContextInspect{
    .name = "context inspect",
    .aliases = {},
    .group = Group::Other,
    .usage = "[OPTIONS] [CONTEXT] [CONTEXT...]",
    .summary = "Show details of contexts",
    .details = "",
    .examples = {},
    .flags = kContextFormatFlags,
    .run = run_context_inspect,
};

const Command kContextCreate{
    .name = "context create",
    .aliases = {},
    .group = Group::Other,
    .usage = "[OPTIONS] CONTEXT",
    .summary = "Create a context",
    .details = "",
    .examples = {},
    .flags = kContextCreateFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_context_create,
};

const Command kContextRm{
    .name = "context rm",
    .aliases = kContextRmAliases,
    .group = Group::Other,
    .usage = "CONTEXT [CONTEXT...]",
    .summary = "Remove contexts",
    .details = "",
    .examples = {},
    .flags = kContextRmFlags,
    .least_words = 1,
    .run = run_context_rm,
};

}  // namespace stack::cli::docker_cli
