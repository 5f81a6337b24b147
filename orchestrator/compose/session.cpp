#include "orchestrator/compose/session.h"

#include "base/files.h"

namespace stack::compose {

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

}  // namespace stack::compose
