// `stack __complete WORD...`: called by the shell completion scripts.
#include "cli/flags/commands.h"
#include "cli/flags/completion.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "orchestrator/compose/config_output.h"

namespace stack::cli {

namespace {

// Returns no names if there is no project: completion prints no errors.
std::optional<compose::Loaded> load_quietly(const Session& session, const Arguments& given) {
  compose::LoadOptions options = session.load_options();
  options.files = given.all("file");
  options.project_directory = given.find("project-directory");
  options.env_files = given.all("env-file");
  options.load_contents = false;
  auto loaded = compose::load(options);
  if (!loaded) return std::nullopt;
  return std::move(*loaded);
}

std::vector<std::string> service_names(const Session& session, const Arguments& given) {
  std::vector<std::string> names;
  auto loaded = load_quietly(session, given);
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

std::vector<std::string> profile_names(const Session& session, const Arguments& given) {
  auto loaded = load_quietly(session, given);
  return loaded ? compose::list_profiles(*loaded) : std::vector<std::string>();
}

std::vector<std::string> image_names(const Json& images) {
  std::vector<std::string> names;
  for (const Json& image : items_of(images))
    for (std::string& name : strings_of(member(image, "RepoTags")))
      if (name.find("<none>") == std::string::npos) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> object_names(const Session& session, std::string_view kind) {
  std::vector<std::string> names;
  auto client = connect_running(session.place());
  if (!client) return names;
  const char* path = kind == "image" ? "/images/json" : kind == "volume" ? "/volumes" : "/networks";
  auto listed = client->call_json("GET", path);
  if (!listed) return names;
  if (kind == "image") return image_names(*listed);
  for (const Json& object : items_of(kind == "volume" ? member(*listed, "Volumes") : *listed))
    names.push_back(string_or(object, "Name"));
  return names;
}

Result<int> run_complete(Session& session, const Arguments& arguments) {
  CompletionSources sources{[&](const Arguments& given) { return service_names(session, given); },
                            [&] { return project_names(session); },
                            [&](const Arguments& given) { return profile_names(session, given); },
                            [&](std::string_view kind) { return object_names(session, kind); }};
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
