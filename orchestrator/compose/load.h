// Loads Compose files into a Project. The entry point of the loader.
//
// The loader reads Compose files, .env files, env_files, label files, and files of configs and secrets. It never writes.
// All input from the caller's process comes from LoadOptions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "orchestrator/compose/diagnostic.h"
#include "orchestrator/compose/project.h"

namespace stack::compose {

struct LoadOptions {
  // -f; empty: COMPOSE_FILE, otherwise a search from current_directory upward. "-" is stdin.
  std::vector<std::string> files;
  std::optional<std::string> project_name;         // -p
  std::optional<std::string> project_directory;    // --project-directory
  std::vector<std::string> env_files;              // --env-file
  std::vector<std::string> profiles;               // --profile; empty: COMPOSE_PROFILES
  std::map<std::string, std::string> environment;  // the caller's process environment
  std::string current_directory;                   // absolute
  // Services to load, with their dependencies; empty: all enabled by profile. Naming a service activates its profiles.
  // Other services go to Project::disabled_services; their interpolation errors are not reported.
  std::vector<std::string> services;
  bool with_dependencies = true;  // false: --no-deps
  // Services to load, with their dependencies, in addition to those enabled by profile: their profiles count for them and
  // their dependencies only.
  std::vector<std::string> also_services;
  bool run_jobs = false;                  // `services` and `also_services` may name jobs
  std::string run_command = "stack run";  // for messages

  bool all_resources = false;  // keep unused networks, volumes, ...
  bool compatibility = false;  // default names as in Compose 1: "shop_web_1"
  bool version_one = false;    // also read files of version 1, which have the services at the top level

  bool load_contents = true;  // read the bytes of configs and secrets into FileObject::bytes
  bool strict = false;        // ignored keys are errors instead of warnings
  bool refuse = true;         // unsupported keys are errors; false: warnings (`stack config`)
  // `stack config` only:
  bool no_interpolate = false;
  bool no_normalize = false;
  bool no_path_resolution = false;
  bool no_consistency = false;
  bool no_env_resolution = false;
  bool only_document = false;  // leave Loaded::project empty, because only the document is printed
};

class Document;  // the canonical tree with source marks and its environment; see
                 // config_output.h

struct Loaded {
  Project project;
  std::vector<Diagnostic> warnings;
  std::shared_ptr<const Document> document;
};

// The warnings, then all errors found in one run, each sorted by position.
using Diagnostics = std::vector<Diagnostic>;
tl::expected<Loaded, Diagnostics> load(const LoadOptions& options);

// Settings of the command line: COMPOSE_* variables from the environment and from .env files; the environment has
// precedence. Used for settings outside the loader (COMPOSE_PROGRESS, ...) and by commands that need only the project
// name. Missing files are not errors here.
struct ProjectHead {
  // -p, COMPOSE_PROJECT_NAME, `name:`, or the folder's name; nullopt: no file.
  std::optional<std::string> project_name;
  bool has_files = false;
  std::map<std::string, std::string> settings;  // COMPOSE_* variables only
};
tl::expected<ProjectHead, Diagnostics> load_head(const LoadOptions& options);

// `x-stack.target` of the Compose files; the last file wins. "" if there is none or a file cannot be read, which load()
// reports. Standard input is not read.
std::string load_target(const LoadOptions& options);

}  // namespace stack::compose
