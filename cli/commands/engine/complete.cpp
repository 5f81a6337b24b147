// `stack __complete WORD...`: called by the shell completion scripts.
#include "cli/flags/commands.h"
#include "cli/flags/completion.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

// Returns no names if there is no project: completion prints no errors.
std::vector<std::string> service_names(const Session& session, const Arguments& given) {
  compose::LoadOptions options = session.load_options();
  options.files = given.all("file");
  options.project_directory = given.find("project-directory");
  options.env_files = given.all("env-file");
  options.load_contents = false;
  auto loaded = compose::load(options);
  std::vector<std::string> names;
  if (!loaded) return names;
  for (const auto& [name, service] : loaded->project.services) names.push_back(name);
  for (const auto& [name, service] : loaded->project.disabled_services) names.push_back(name);
  return names;
}

std::vector<std::string> project_names(const Session& session) {
  std::vector<std::string> names;
  auto client = connect_running(session.place());
  if (!client) return names;
  auto projects = client->call_json("GET", "/stack/v1/projects");
  if (!projects) return names;
  for (const Json& project : items_of(*projects)) names.push_back(string_or(project, "name"));
  return names;
}

Result<int> run_complete(Session& session, const Arguments& arguments) {
  CompletionSources sources{[&](const Arguments& given) { return service_names(session, given); },
                            [&] { return project_names(session); }};
  std::string text;
  for (const std::string& answer : completions(arguments.words, sources)) text += answer + "\n";
  print(text);
  return 0;
}

}  // namespace

const Command kComplete{
    .name = "__complete",
    .aliases = {},
    .group = Group::Other,
    .usage = "WORD...",
    .summary = "Print completions for a command line",
    .details = "",
    .examples = {},
    .flags = {},
    .stop_at_first_word = true,
    .hidden = true,
    .run = run_complete,
};

}  // namespace stack::cli
