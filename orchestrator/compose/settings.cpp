#include "orchestrator/compose/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "orchestrator/compose/dotenv.h"
#include "orchestrator/compose/parse.h"

namespace stack::compose {

namespace {

constexpr size_t kLargestFile = size_t{64} << 20;
constexpr std::array<const char*, 4> kNames{"compose.yaml", "compose.yml", "docker-compose.yml",
                                            "docker-compose.yaml"};
constexpr std::array<const char*, 4> kOverrides{"compose.override.yml", "compose.override.yaml",
                                                "docker-compose.override.yml",
                                                "docker-compose.override.yaml"};

const std::string* find_value(const Variables& variables, std::string_view name) {
  auto found = variables.find(name);
  return found == variables.end() || found->second.value.empty() ? nullptr : &found->second.value;
}

bool is_true(const std::string* text) {
  if (text == nullptr) return false;
  std::string word = lower(*text);
  return word == "1" || word == "t" || word == "true" || word == "yes" || word == "y" || word == "on";
}

std::vector<std::string> split_list(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (const std::string& part : split(text, separator))
    if (!trim(part).empty()) out.emplace_back(trim(part));
  return out;
}

// Variables that are already set have precedence.
void add_default_env_file(Session& session, const std::string& directory) {
  Variables own;
  read_env_file(session, directory + "/.env", session.variables, own);
  for (auto& [name, variable] : own) session.variables.emplace(name, std::move(variable));
}

// --env-file, otherwise COMPOSE_ENV_FILES, otherwise .env in the start directory.
bool read_named_env_files(Session& session, const std::string& directory) {
  const LoadOptions& options = session.options;
  std::vector<std::string> named = options.env_files;
  if (named.empty())
    if (const std::string* list = find_value(session.variables, "COMPOSE_ENV_FILES"))
      named = split_list(*list, ',');
  if (named.empty()) {
    if (!is_true(find_value(session.variables, "COMPOSE_DISABLE_ENV_FILE")))
      add_default_env_file(session, directory);
    return true;
  }
  // Later files override earlier ones; the environment overrides all files.
  Variables from_files;
  for (const std::string& name : named) {
    std::string path = session.resolved(name, options.current_directory);
    if (!read_env_file(session, path, session.variables, from_files)) {
      session.report.error({}, "environment file " + name + " not found");
      return false;
    }
  }
  for (auto& [name, variable] : from_files) session.variables.emplace(name, variable);
  return true;
}

std::vector<ComposeFile> compose_files(const Session& session, const std::vector<std::string>& names) {
  std::vector<ComposeFile> files;
  for (const std::string& name : names) {
    if (name == "-") {
      files.push_back({"<stdin>", "-"});
    } else {
      files.push_back({name, session.resolved(name, session.options.current_directory)});
    }
  }
  return files;
}

std::vector<ComposeFile> named_by_flag(const Session& session) {
  return compose_files(session, session.options.files);
}

std::vector<ComposeFile> named_files(const Session& session) {
  if (!session.options.files.empty()) return named_by_flag(session);
  const std::string* list = find_value(session.variables, "COMPOSE_FILE");
  const std::string* separator = find_value(session.variables, "COMPOSE_PATH_SEPARATOR");
  if (list == nullptr) return {};
  return compose_files(session, split_list(*list, separator == nullptr ? ':' : (*separator)[0]));
}

// The directory of the first file other than stdin.
std::string directory_of_first(const std::vector<ComposeFile>& files, const std::string& otherwise) {
  for (const ComposeFile& file : files)
    if (file.path != "-") return directory_name(file.path);
  return otherwise;
}

// The first default name in `start` or the closest parent that has one, with its override file.
std::vector<ComposeFile> discover(Session& session, const std::string& start) {
  for (std::string directory = start;; directory = directory_name(directory)) {
    std::vector<std::string> found;
    std::string prefix = directory == "/" ? "/" : directory + "/";
    for (const char* name : kNames)
      if (path_exists(prefix + name)) found.push_back(prefix + name);
    if (!found.empty()) {
      if (found.size() > 1)
        session.report.warning({}, "several compose files in " + directory + "; using " + base_name(found[0]),
                               "remove the others or select one with -f");
      std::vector<ComposeFile> files{{session.shown(found[0]), found[0]}};
      for (const char* name : kOverrides) {
        if (!path_exists(prefix + name)) continue;
        files.push_back({session.shown(prefix + name), prefix + name});
        break;
      }
      return files;
    }
    if (directory == "/" || directory.empty() || directory == ".") return {};
  }
}

}  // namespace

bool read_env_file(Session& session, const std::string& path, const Variables& outer, Variables& variables) {
  if (!path_exists(path) || is_directory(path)) return false;
  Result<std::string> text = read_file(path, kLargestFile);
  // A link that leads nowhere.
  if (!text && text.error().code() == ENOENT) return false;
  if (!text) {
    session.report.error({}, "read " + session.shown(path) + ": " + text.error().text());
    return true;
  }
  uint32_t source = session.sources.add(session.shown(path), path, directory_name(path), std::move(*text));
  session.env_files.push_back(path);
  auto in = [](const Variables& map) -> Lookup {
    return [&map](std::string_view name) -> const std::string* {
      auto found = map.find(name);
      return found == map.end() ? nullptr : &found->second.value;
    };
  };
  for (DotenvLine& line : parse_dotenv(session.sources, source, in(outer), session.report, in(variables)))
    if (line.value)
      variables[line.name] = {std::move(*line.value), session.shown(path) + ":" + std::to_string(line.line)};
  return true;
}

std::optional<std::vector<ComposeFile>> find_files(Session& session, bool need_files) {
  const LoadOptions& options = session.options;
  for (const auto& [name, value] : options.environment) session.variables[name] = {value, "the environment"};
  std::string start = options.project_directory
                          ? session.resolved(*options.project_directory, options.current_directory)
                          : directory_of_first(named_by_flag(session), options.current_directory);
  if (!read_named_env_files(session, start)) return std::nullopt;
  std::vector<ComposeFile> files = named_files(session);
  if (files.empty()) files = discover(session, start);
  if (files.empty() && need_files) {
    session.report.error({},
                         "no compose file found: neither compose.yaml, compose.yml, docker-compose.yml nor "
                         "docker-compose.yaml in " +
                             start + " or its parent directories",
                         "specify one with -f");
    return std::nullopt;
  }
  session.project_directory = options.project_directory ? start : directory_of_first(files, start);
  bool named = !options.env_files.empty() || find_value(session.variables, "COMPOSE_ENV_FILES") != nullptr;
  if (!named && session.project_directory != start &&
      !is_true(find_value(session.variables, "COMPOSE_DISABLE_ENV_FILE")))
    add_default_env_file(session, session.project_directory);
  for (const ComposeFile& file : files) session.compose_files.push_back(file.path);
  return files;
}

bool is_pipe(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

namespace {

// A lone carriage return also ends a line in YAML.
void end_lines(std::string& text) {
  for (size_t at = text.find('\r'); at != std::string::npos; at = text.find('\r', at + 1))
    if (at + 1 == text.size() || text[at + 1] != '\n') text[at] = '\n';
}

}  // namespace

std::optional<ParsedFile> read_compose_file(Session& session, const ComposeFile& file,
                                            const std::string& directory, Mark from) {
  if (file.name.starts_with("oci://") || file.name.starts_with("https://") || file.name.starts_with("git@")) {
    session.report.error(from, "cannot load " + file.name + ": remote compose files are not supported");
    return std::nullopt;
  }
  // A pipe is accepted only from -f, where the user provides a writer; in a file it could block indefinitely.
  Result<std::string> text = is_directory(file.path) ? Result<std::string>(invalid("it is a directory"))
                             : from.file != 0 && is_pipe(file.path)
                                 ? Result<std::string>(invalid("it is a pipe"))
                             : file.path == "-" ? read_all(STDIN_FILENO, kLargestFile)
                                                : read_file(file.path, kLargestFile);
  if (!text) {
    session.report.error(from, "cannot read the compose file " + file.name + ": " + text.error().text());
    return std::nullopt;
  }
  if (text->starts_with("\xEF\xBB\xBF")) text->erase(0, 3);
  end_lines(*text);
  ParsedFile parsed;
  parsed.source = session.sources.add(file.name, file.path, directory, std::move(*text));
  bool failed_before = session.report.failed();
  parsed.documents = parse_yaml(session.sources, parsed.source, session.report);
  if (parsed.documents.empty()) {
    if (!session.report.failed() || failed_before)
      session.report.error({parsed.source, 0, 0}, "the compose file is empty");
    return std::nullopt;
  }
  return parsed;
}

namespace {

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Lower case, only [a-z0-9_-], no leading _ or -.
std::string normal_name(std::string_view text) {
  std::string out = lower(text);
  std::erase_if(out, [](char c) { return !name_character(c); });
  out.erase(0, std::min(out.find_first_not_of("_-"), out.size()));
  return out;
}

bool valid_name(const std::string& name) {
  return !name.empty() && name[0] != '_' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), name_character);
}

struct WrittenName {
  std::string text;
  Mark mark;
};

std::optional<WrittenName> name_in_files(Session& session, const std::vector<ParsedFile>& files) {
  std::optional<WrittenName> last;
  for (const ParsedFile& file : files) {
    for (const Node& document : file.documents) {
      const Node* name = document.find("name");
      if (name == nullptr || !name->is_scalar() || name->text.empty()) continue;
      Expansion expansion = expand(name->text, [&](std::string_view variable) -> const std::string* {
        auto found = session.variables.find(variable);
        return found == session.variables.end() ? nullptr : &found->second.value;
      });
      if (expansion.malformed || expansion.missing) {
        session.report.error(name->mark,
                             expansion.missing.value_or("invalid interpolation in \"" + name->text + "\""));
      } else {
        last = {expansion.text, name->mark};
      }
    }
  }
  return last;
}

}  // namespace

std::string choose_project_name(Session& session, const std::vector<ParsedFile>& files) {
  const std::string* variable = find_value(session.variables, "COMPOSE_PROJECT_NAME");
  constexpr const char* kRule =
      "use lowercase letters, digits, \"-\", and \"_\", starting with a letter or digit";
  if ((session.options.project_name && !session.options.project_name->empty()) || variable != nullptr) {
    bool flag = session.options.project_name && !session.options.project_name->empty();
    std::string name = flag ? *session.options.project_name : *variable;
    if (!valid_name(name)) {
      std::string near = normal_name(name);
      session.report.error({},
                           "invalid project name \"" + name + "\"" + (flag ? "" : " in COMPOSE_PROJECT_NAME"),
                           kRule + (near.empty() ? std::string() : ", such as \"" + near + "\""));
    }
    return name;
  }
  std::optional<WrittenName> written = name_in_files(session, files);
  std::string name = written ? normal_name(written->text) : normal_name(base_name(session.project_directory));
  if (name.empty())
    session.report.error(written ? written->mark : Mark{}, "the project name must not be empty",
                         "set `name:` in the compose file or use -p");
  return name;
}

}  // namespace stack::compose
