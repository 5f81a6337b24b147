#include "cli/session/session.h"

#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/reconnects.h"
#include "cli/session/selected_services.h"
#include "http/wire/query.h"
#include "orchestrator/compose/diagnostic.h"

namespace stack::cli {

Session::Session(Globals globals, Environment environment, std::string current_directory)
    : globals_(std::move(globals)),
      environment_(std::move(environment)),
      current_directory_(std::move(current_directory)),
      out_(find_terminal(STDOUT_FILENO, globals_.ansi, environment_)),
      err_(find_terminal(STDERR_FILENO, globals_.ansi, environment_)) {}

std::string Session::variable(const std::string& name) const {
  auto found = environment_.find(name);
  if (found != environment_.end()) return found->second;
  if (!name.starts_with("COMPOSE_")) return "";
  if (!settings_) {
    auto head = compose::load_head(load_options());
    settings_ = head ? std::move(head->settings) : Environment();
  }
  return setting(*settings_, name);
}

bool Session::variable_on(const std::string& name) const {
  std::string value = lower(variable(name));
  return value == "1" || value == "true" || value == "t" || value == "y" || value == "yes";
}

int Session::usage_error(const std::string& text) const {
  print_message("stack: " + text);
  std::string name = command_ ? " " + std::string(command_->name) : "";
  print_message("see `stack" + name + " --help`");
  if (globals_.as_docker_compose) return kExitError;
  return command_ ? command_->usage_exit : kExitUsage;
}

Result<> Session::refuse_dry_run() const {
  if (!globals_.dry_run) return {};
  return unsupported(
      "`" + std::string(command_->name) +
      "` does not support --dry-run; nothing was done (`stack plan` shows what `up` would do)");
}

Result<Json> Session::call(const std::string& method, const std::string& target, const Json& body) {
  for (Reconnects reconnects;;) {
    if (!client_) {
      TRY_ASSIGN(client_, connect());
    }
    auto answer = client_->call_json(method, target, body);
    if (answer) return answer;
    if (!is_broken_connection(answer.error())) return answer;
    client_.reset();
    if (!reconnects.allow_another())
      return std::move(answer).error().in("the connection to the engine broke again and again");
  }
}

compose::LoadOptions Session::load_options() const {
  compose::LoadOptions options;
  options.files = globals_.files;
  options.project_name = globals_.project_name;
  options.project_directory = globals_.project_directory;
  options.env_files = globals_.env_files;
  options.profiles = globals_.profiles;
  options.environment = environment_;
  options.current_directory = current_directory_;
  options.all_resources = globals_.all_resources;
  options.compatibility = globals_.compatibility;
  options.version_one = globals_.as_docker_compose;
  if (globals_.as_docker_compose) options.run_command = "docker compose run";
  return options;
}

void Session::print_diagnostics(std::span<const compose::Diagnostic> diagnostics) const {
  if (globals_.ci) {
    for (const compose::Diagnostic& one : diagnostics)
      print_message(annotation(annotations(), one, environment_));
    return;
  }
  std::string text = compose::render(diagnostics);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  print_message(text);
}

Result<compose::Loaded> Session::load(const compose::LoadOptions& options) {
  return show(compose::load(options));
}

Result<compose::Loaded> Session::show(tl::expected<compose::Loaded, compose::Diagnostics> loaded) const {
  if (!loaded) {
    print_diagnostics(loaded.error());
    return already_said();
  }
  if (globals_.progress != ProgressMode::Quiet) {
    for (const compose::Diagnostic& warning : loaded->warnings) {
      print_message(globals_.ci ? annotation(annotations(), warning, environment_)
                                : compose::render(warning, false));
    }
  }
  return std::move(*loaded);
}

std::optional<std::string> Session::named_project() {
  if (globals_.project_name || !globals_.files.empty()) return globals_.project_name;
  auto head = compose::load_head(load_options());
  return head && !head->has_files ? head->project_name : std::nullopt;
}

Result<std::string> Session::project_name() {
  if (globals_.project_name) return *globals_.project_name;
  auto head = compose::load_head(load_options());
  if (!head) {
    print_diagnostics(head.error());
    return already_said();
  }
  settings_ = head->settings;
  if (head->project_name) return *head->project_name;
  return not_found(
      "no compose file found in " + current_directory_ +
      " or its parent folders; specify one with -f, or a project with -p (`stack ls -a` lists projects)");
}

Result<> Session::require_services(const std::string& project_name,
                                   const std::vector<std::string>& services) {
  if (services.empty()) return {};
  auto project = call("GET", project_path(project_name));
  bool unknown = !project && project.error().kind() == ErrorKind::NotFound;
  if (!project && !unknown) return std::move(project).error();
  std::vector<std::string> known;
  if (project) {
    const Json& resolved = member(*project, "project");
    for (const char* group : {"services", "disabled_services"})
      for (const auto& [name, service] : member(resolved, group).items())
        if (string_or(service, "reason") != "job") known.push_back(name);
  }
  auto is_known = [&known](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  if (std::all_of(services.begin(), services.end(), is_known)) return {};
  // The file may have changed since the engine took it.
  std::optional<FileServices> in_files = services_of_files(*this);
  if (unknown && !in_files)
    return not_found("project " + project_name + " is unknown to the engine (`stack ls -a` " +
                     "lists the known projects)");
  FileServices files = in_files.value_or(FileServices{});
  for (const std::string& name : files.services)
    if (!is_known(name)) known.push_back(name);
  for (const std::string& name : services)
    if (std::find(files.jobs.begin(), files.jobs.end(), name) != files.jobs.end())
      return only_run(*this, name);
  for (const std::string& name : services)
    if (!is_known(name)) return no_such_service(name, known);
  return {};
}

std::string Session::program_with_project() const {
  std::string text = "stack";
  for (const std::string& file : globals_.files) text += " -f " + shell_quote(file);
  if (globals_.project_directory) text += " --project-directory " + shell_quote(*globals_.project_directory);
  if (globals_.project_name) text += " -p " + shell_quote(*globals_.project_name);
  return text;
}

std::string project_path(const std::string& project_name, std::string_view suffix) {
  return "/stack/v1/projects/" + http::percent_encode(project_name) + std::string(suffix);
}

}  // namespace stack::cli
