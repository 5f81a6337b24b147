#include "engine/state/paths.h"

#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/identity.h"

namespace stack::engine {

namespace {

std::string own_executable() {
  std::array<char, 4096> target{};
  ssize_t length = ::readlink("/proc/self/exe", target.data(), target.size() - 1);
  std::string path =
      length > 0 ? std::string(target.data(), static_cast<size_t>(length)) : "/usr/libexec/stack/stackd";
  // After an upgrade, the link has a suffix, and the new file has the same path.
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

}  // namespace

Paths make_paths(const std::string& root, const std::string& run_root) {
  std::array<char, 4096> here{};
  std::string directory = ::getcwd(here.data(), here.size()) != nullptr ? here.data() : "/";
  Paths paths;
  paths.root = absolute_path(directory, root);
  paths.run_root = absolute_path(directory, run_root);
  if (paths.root != "/var/lib/stack") paths.tag = sha256_hex(paths.root).substr(0, 8);
  paths.engine_program = own_executable();
  paths.monitor_program = directory_name(paths.engine_program) + "/stack-launch";
  paths.proxy_program = directory_name(paths.engine_program) + "/stack-proxy";
  return paths;
}

}  // namespace stack::engine
