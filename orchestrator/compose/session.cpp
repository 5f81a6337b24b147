#include "orchestrator/compose/session.h"

#include <filesystem>

#include "base/files.h"

namespace stack::compose {

const Variables& Session::variables_of(uint32_t file) const {
  auto included = included_variables.find(file);
  return included == included_variables.end() ? variables : included->second;
}

std::string Session::shown(const std::string& path) const {
  std::string inside = options.current_directory + "/";
  if (path.starts_with(inside)) return path.substr(inside.size());
  return path;
}

std::string Session::resolved(std::string_view path, const std::string& directory) const {
  if (path.starts_with('~')) {
    auto home = options.environment.find("HOME");
    if (home != options.environment.end())
      return clean_path(home->second + "/" + std::string(path.substr(1)));
  }
  return absolute_path(directory, path);
}

std::string Session::placed(std::string_view path, const std::string& directory) const {
  if (!options.no_path_resolution) return resolved(path, directory);
  if (directory == project_directory || path.starts_with('~') || path.starts_with('/'))
    return std::string(path);
  std::filesystem::path absolute(resolved(path, directory));
  return absolute.lexically_relative(project_directory).string();
}

}  // namespace stack::compose
