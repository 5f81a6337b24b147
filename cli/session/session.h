// One run of the program: the caller's settings, the project, and the connection to the engine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/flags/command.h"
#include "cli/flags/globals.h"
#include "cli/render/annotation.h"
#include "cli/render/terminal.h"
#include "cli/session/engine_start.h"
#include "http/client/client.h"
#include "orchestrator/compose/load.h"

namespace stack::cli {

class Session {
 public:
  Session(Globals globals, Environment environment, std::string current_directory);

  const Globals& globals() const { return globals_; }
  const Environment& environment() const { return environment_; }
  const std::string& current_directory() const { return current_directory_; }
  const Terminal& out() const { return out_; }
  const Terminal& err() const { return err_; }
  EnginePlace place() const { return {globals_.root, globals_.run_root, globals_.foreign_socket}; }
  // A COMPOSE_* variable of the environment or of .env files, or another variable of the environment.
  std::string variable(const std::string& name) const;
  bool variable_on(const std::string& name) const;

  // Prints a command-line error and a pointer to the help; returns the exit code.
  int usage_error(const std::string& text) const;
  // An error if --dry-run was given, for commands that do not support it.
  Result<> refuse_dry_run() const;
  void set_command(const Command& command) { command_ = &command; }
  const Command& command() const { return *command_; }

  // The engine.
  Result<http::Client> connect() const { return connect_or_start(place()); }
  // Uses a persistent connection. If the engine dies, starts it and repeats the request.
  Result<Json> call(const std::string& method, const std::string& target, const Json& body = nullptr);

  // The project.
  compose::LoadOptions load_options() const;
  // Prints diagnostics as text, or as annotations with --ci.
  void print_diagnostics(std::span<const compose::Diagnostic> diagnostics) const;
  AnnotationFormat annotations() const { return annotation_format(globals_.ci, environment_); }
  // Prints warnings and errors; a returned error has already been printed.
  Result<compose::Loaded> load(const compose::LoadOptions& options);
  // The same of a project that is already loaded.
  Result<compose::Loaded> show(tl::expected<compose::Loaded, compose::Diagnostics> loaded) const;
  // The name from -p or from the Compose file.
  Result<std::string> project_name();
  // The project that -p, or COMPOSE_PROJECT_NAME without any Compose file, names: as the engine knows it.
  std::optional<std::string> named_project();
  // Fails if the engine's project does not have a service; suggests the closest name.
  Result<> require_services(const std::string& project_name, const std::vector<std::string>& services);
  // The command prefix that selects the same project: "stack", "stack -p x", "stack -f a.yml".
  std::string program_with_project() const;

 private:
  Globals globals_;
  Environment environment_;
  mutable std::optional<Environment> settings_;  // COMPOSE_* variables of .env; read when first needed
  std::string current_directory_;
  Terminal out_;
  Terminal err_;
  const Command* command_ = nullptr;
  std::optional<http::Client> client_;
};

// "/stack/v1/projects/NAME" + suffix.
std::string project_path(const std::string& project_name, std::string_view suffix = {});

}  // namespace stack::cli
