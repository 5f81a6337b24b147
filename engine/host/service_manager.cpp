#include "engine/host/service_manager.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/process.h"
#include "base/text.h"

namespace stack::engine {

Result<> notify_service_manager(std::string_view message) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return invalid("NOTIFY_SOCKET is too long");
  std::memcpy(address.sun_path, path, length);
  // "@name" is in the abstract namespace.
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::last_errno("NOTIFY_SOCKET");
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), size) < 0)
    return Error::last_errno("NOTIFY_SOCKET");
  return {};
}

namespace {

// The process that holds an flock(2) on a file, or 0: "1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF".
// proc_locks(5)
Result<pid_t> holder_of(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return Error::last_errno(path);
  TRY_ASSIGN(std::string locks, read_file("/proc/locks"));
  std::string inode = ":" + std::to_string(info.st_ino);
  for (const std::string& line : split(locks, '\n')) {
    std::vector<std::string> words;
    for (std::string& word : split(line, ' ')) {
      if (!word.empty()) words.push_back(std::move(word));
    }
    bool ours = words.size() > 5 && words[1] == "FLOCK" && words[3] == "WRITE" && words[5].ends_with(inode);
    if (ours && is_all_digits(words[4]) && words[4].size() < 10) return std::stoi(words[4]);
  }
  return 0;
}

}  // namespace

Result<> replace_holder(const std::string& path) {
  TRY_ASSIGN(pid_t pid, holder_of(path));
  if (pid <= 0) return {};
  Result<Fd> process = open_pidfd(pid);
  if (!process) return {};
  // Inode numbers are unique only within a file system, so a lock elsewhere may have the same number.
  Result<std::string> name = read_file("/proc/" + std::to_string(pid) + "/comm");
  if (!name || trim(*name) != "stackd" || pid == ::getpid()) return {};
  return signal_pidfd(process->get(), SIGTERM);
}

std::string socket_identity(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return "";
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
         std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec);
}

}  // namespace stack::engine
