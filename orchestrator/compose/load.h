// Compose files -> Project: the one entry point of the loader.
//
// The loader reads files, .env files, env_files, label files and the files of configs and secrets; it never
// writes. What it takes from the caller's process it takes through LoadOptions only.
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
  // -f; empty: COMPOSE_FILE, else discovery from current_directory upwards. "-" is standard input.
  std::vector<std::string> files;
  std::optional<std::string> project_name;         // -p
  std::optional<std::string> project_directory;    // --project-directory
  std::vector<std::string> env_files;              // --env-file
  std::vector<std::string> profiles;               // --profile; empty: COMPOSE_PROFILES
  std::map<std::string, std::string> environment;  // the caller's process environment
  std::string current_directory;                   // absolute
  // Services to keep, with what they depend on; empty: all enabled by profile. Naming a service activates its
  // profiles. The rest goes to Project::disabled_services, and errors of interpolation in it are not raised.
  std::vector<std::string> services;
  bool with_dependencies = true;  // false: --no-deps
  bool all_resources = false;     // keep networks, volumes, ... that no service uses

  bool load_contents = true;  // read the bytes of configs and secrets into FileObject::bytes
  bool strict = false;        // keys that are ignored are errors instead of warnings
  bool refuse = true;         // keys that cannot be carried out are errors; false: warnings (`stack config`)
  // `stack config` only:
  bool no_interpolate = false;
  bool no_normalize = false;
  bool no_path_resolution = false;
  bool no_consistency = false;
  bool no_env_resolution = false;
  bool only_document = false;  // leave Loaded::project empty: only the document is printed
};

class Document;  // the canonical tree with source marks, and the environment it was made with; see
                 // config_output.h

struct Loaded {
  Project project;
  std::vector<Diagnostic> warnings;
  std::shared_ptr<const Document> document;
};

// The warnings, and then all errors that could be found in one run, each in order of place.
using Diagnostics = std::vector<Diagnostic>;
tl::expected<Loaded, Diagnostics> load(const LoadOptions& options);

// What the environment and .env say to the command line itself: COMPOSE_* variables, .env files included,
// real environment first. Used for settings that are not the loader's (COMPOSE_PROGRESS, ...) and by commands
// that need only a project's name. Missing files are no error here.
struct ProjectHead {
  std::optional<std::string>
      project_name;  // -p, COMPOSE_PROJECT_NAME, `name:`, or the folder's name; nullopt: no file
  std::map<std::string, std::string> settings;  // COMPOSE_* variables only
};
tl::expected<ProjectHead, Diagnostics> load_head(const LoadOptions& options);

}  // namespace stack::compose
