// What the phases of one load share.
#pragma once

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

  Variables variables;  // of the project: the environment, --env-file or .env
  std::string project_directory;
  std::string project_name;
  std::vector<std::string> compose_files;  // absolute
  std::vector<std::string> env_files;      // absolute, those that were read
  MentionedVariables mentioned;            // every ${VARIABLE} of the files

  // The way a path is shown: relative where it lies in the current directory.
  std::string shown(const std::string& path) const;
  // `~` and relative paths made absolute and clean; `directory` is what relative ones are relative to.
  std::string resolved(std::string_view path, const std::string& directory) const;
  // The same for a path of the model. With --no-path-resolution it stays as it is written, but in a file of
  // another directory, included or extended, it becomes relative to the project's: the model has one only.
  std::string placed(std::string_view path, const std::string& directory) const;
};

}  // namespace stack::compose
