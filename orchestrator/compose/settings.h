// Which files make up the project, where it lives, what it is called, and which variables it sees.
// Precedence as in the reference (compose-go, cli/options.go).
#pragma once

#include <optional>

#include "orchestrator/compose/session.h"

namespace stack::compose {

struct ComposeFile {
  std::string name;  // as shown
  std::string path;  // absolute, "-" for standard input
};

// Fills session.variables, project_directory, compose_files and env_files; nullopt if there is no way on
// (reported). With `need_files` off, the absence of a compose file is an empty list.
std::optional<std::vector<ComposeFile>> find_files(Session& session, bool need_files);

// A file split into its YAML documents.
struct ParsedFile {
  uint32_t source = 0;
  std::vector<Node> documents;
};

// Reads and parses; nullopt if it cannot be read or is no YAML (reported). `directory`: what its relative
// paths are relative to. `from`: who named the file.
std::optional<ParsedFile> read_compose_file(Session& session, const ComposeFile& file,
                                            const std::string& directory, Mark from);

// Reading one may never end.
bool is_pipe(const std::string& path);

// -p, COMPOSE_PROJECT_NAME, the last `name:` of the files, or the directory's name. Reports what is no valid
// name.
std::string choose_project_name(Session& session, const std::vector<ParsedFile>& files);

// Reads a .env file into `variables`, over what is there. Its own ${VARIABLES} are looked up in `outer`
// first. False if the file is not there.
bool read_env_file(Session& session, const std::string& path, const Variables& outer, Variables& variables);

}  // namespace stack::compose
