// Determines the project's files, directory, name, and variables. Precedence as in the reference (compose-go,
// cli/options.go).
#pragma once

#include <optional>

#include "orchestrator/compose/session.h"

namespace stack::compose {

struct ComposeFile {
  std::string name;  // as shown
  std::string path;  // absolute, "-" for standard input
};

// Sets session.variables, project_directory, compose_files, and env_files. Returns nullopt after a fatal error, which is
// reported. Without `need_files`, a missing Compose file gives an empty list.
std::optional<std::vector<ComposeFile>> find_files(Session& session, bool need_files);

// A file split into its YAML documents.
struct ParsedFile {
  uint32_t source = 0;
  std::vector<Node> documents;
};

// Reads and parses a file; reports errors and returns nullopt if it cannot be read or is not YAML. `directory` is the
// base of its relative paths; `from` is the position that names the file.
std::optional<ParsedFile> read_compose_file(Session& session, const ComposeFile& file,
                                            const std::string& directory, Mark from);

// Whether the path is a pipe, which may block a reader indefinitely.
bool is_pipe(const std::string& path);

// -p, COMPOSE_PROJECT_NAME, the last `name:` in the files, or the directory's name. Reports an invalid name.
std::string choose_project_name(Session& session, const std::vector<ParsedFile>& files);

// Reads a .env file into `variables`, replacing existing values. Its ${VARIABLES} are looked up in `outer` first. Returns
// false if the file does not exist.
bool read_env_file(Session& session, const std::string& path, const Variables& outer, Variables& variables);

}  // namespace stack::compose
