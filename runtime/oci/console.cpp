#include "runtime/oci/console.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>

#include "base/files.h"

namespace stack::runtime::oci {

namespace {

// Socket addresses are limited to 107 bytes; the directory's descriptor allows any path.
Result<sockaddr_un> address_in(int directory, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  if (path.size() >= sizeof(address.sun_path)) return invalid("socket name is too long: " + name);
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

Result<Fd> connect_unix_socket(const std::string& path, int type) {
  std::string folder = directory_name(path);
  TRY_ASSIGN(Fd directory, open_file(folder.empty() ? "." : folder, O_PATH | O_DIRECTORY));
  TRY_ASSIGN(sockaddr_un address, address_in(directory.get(), base_name(path)));
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return Error::last_errno("socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return Error::last_errno("connect to " + path);
  return socket;
}

Result<Fd> bind_unix_socket(int directory, const std::string& name, int type) {
  TRY_ASSIGN(sockaddr_un address, address_in(directory, name));
  Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!socket) return Error::last_errno("socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return Error::last_errno("bind " + name);
  if (type != SOCK_DGRAM && ::listen(socket.get(), 4) != 0) return Error::last_errno("listen");
  return socket;
}

Result<Fd> connect_console_socket(const std::string& path) {
  return connect_unix_socket(path, SOCK_STREAM).in("--console-socket");
}

Result<> send_console(int socket, int master) {
  std::array<int, 1> fds{master};
  return send_with_fds(socket, "/dev/ptmx", fds).in("console socket");
}

}  // namespace stack::runtime::oci
