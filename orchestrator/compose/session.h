// State shared by the phases of one load.
#pragma once

#include <map>
#include <string>

#include "orchestrator/compose/interpolate.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/source.h"
#include "orchestrator/compose/tree.h"

namespace stack::compose {

struct Session {
  explicit Session(const LoadOptions& load_options) : options(load_options), report(sources) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const LoadOptions& options;
  Sources sources;
  Report report;
  Provenances provenances;

  Variables variables;  // the project's variables: the environment, --env-file, or .env
  std::map<uint32_t, Variables> included_variables;  // of included files with more variables, by file
  std::string project_directory;
  std::string project_name;
  std::vector<std::string> compose_files;  // absolute
  std::vector<std::string> env_files;      // absolute paths of the files read
  MentionedVariables mentioned;            // every ${VARIABLE} in the files
  bool version_one = false;                // a file of version 1 was read (version_one.h)

  // The variables that a file sees.
  const Variables& variables_of(uint32_t file) const;
  // The path for messages: relative if it is in the current directory.
  std::string shown(const std::string& path) const;
  // Expands `~` and makes the path absolute and clean; `directory` is the base of relative paths.
  std::string resolved(std::string_view path, const std::string& directory) const;
  // The same for a path in the model. With --no-path-resolution the path stays as written, except that a path in an
  // included or extended file of another directory becomes relative to the project directory.
  std::string placed(std::string_view path, const std::string& directory) const;
};

}  // namespace stack::compose
