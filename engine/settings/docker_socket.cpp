#include "engine/settings/docker_socket.h"

#include <sys/stat.h>
#include <unistd.h>

namespace stack::engine {

bool is_docker_socket(const std::string& path, const std::string& socket) {
  std::string target(4096, '\0');
  ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return target == socket;
}

Result<> link_docker_socket(const std::string& path, const std::string& socket) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (is_docker_socket(path, socket)) return {};
    bool dangling = S_ISLNK(info.st_mode) && ::stat(path.c_str(), &info) != 0;
    if (!dangling) return conflict(path + " exists and belongs to another program");
    if (::unlink(path.c_str()) != 0) return Error::last_errno("remove " + path);
  }
  if (::symlink(socket.c_str(), path.c_str()) != 0) return Error::last_errno("link " + path);
  return {};
}

}  // namespace stack::engine
