#include "http/wire/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/files.h"

namespace stack::http {

namespace {

struct UnixAddress {
  sockaddr_un address{};
  Fd directory;  // must stay open while the address is used
};

Result<UnixAddress> address_of(const std::string& path) {
  UnixAddress out;
  out.address.sun_family = AF_UNIX;
  std::string usable = path;
  if (usable.size() >= sizeof(out.address.sun_path)) {
    TRY_ASSIGN(out.directory, open_file(directory_name(path), O_PATH | O_DIRECTORY));
    usable = "/proc/self/fd/" + std::to_string(out.directory.get()) + "/" + base_name(path);
  }
  if (usable.empty() || usable.size() >= sizeof(out.address.sun_path))
    return invalid("socket name too long: " + path);
  std::memcpy(out.address.sun_path, usable.c_str(), usable.size() + 1);
  return out;
}

const sockaddr* generic(const UnixAddress& address) {
  return reinterpret_cast<const sockaddr*>(&address.address);
}

Result<Fd> stream_socket() {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::last_errno("socket");
  return fd;
}

// Replaces a socket file whose server is dead.
Result<> clear_stale(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return conflict(path + " exists and is not a socket");
  auto probe = connect_unix(path);
  if (probe) return conflict("another server is listening on " + path);
  if (probe.error().code() != ECONNREFUSED) return Error(probe.error());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Error::last_errno("remove stale socket " + path);
  return {};
}

bool is_unix_listener(int fd) {
  int domain = 0;
  int type = 0;
  int listening = 0;
  socklen_t size = sizeof(int);
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
         ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
         ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

}  // namespace

Result<Fd> connect_unix(const std::string& path) {
  TRY_ASSIGN(UnixAddress address, address_of(path));
  TRY_ASSIGN(Fd fd, stream_socket());
  int rc = 0;
  do {
    rc = ::connect(fd.get(), generic(address), sizeof(address.address));
  } while (rc != 0 && errno == EINTR);
  if (rc != 0) return Error::last_errno("connect to " + path);
  return fd;
}

Result<Fd> listen_unix(const std::string& path, mode_t mode) {
  TRY(clear_stale(path));
  TRY_ASSIGN(UnixAddress address, address_of(path));
  TRY_ASSIGN(Fd fd, stream_socket());
  // The file inherits the mode of the socket's inode, so it never has wider permissions.
  if (::fchmod(fd.get(), mode) != 0) return Error::last_errno("set mode of socket");
  mode_t mask = ::umask(0);
  int rc = ::bind(fd.get(), generic(address), sizeof(address.address));
  int problem = errno;
  ::umask(mask);
  if (rc != 0) return Error::from_errno("bind " + path, problem);
  if (::listen(fd.get(), 4096) != 0) return Error::last_errno("listen on " + path);
  return fd;
}

Result<std::vector<Fd>> inherited_listeners() {
  std::vector<Fd> out;
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  bool ours = pid != nullptr && count != nullptr && std::to_string(::getpid()) == pid;
  int passed = ours ? std::atoi(count) : 0;
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  for (int fd = 3; fd < 3 + passed; ++fd) {
    out.emplace_back(fd);
    TRY(set_cloexec(fd, true));
    if (!is_unix_listener(fd))
      return invalid("inherited descriptor " + std::to_string(fd) + " is not a listening unix socket");
  }
  return out;
}

}  // namespace stack::http
