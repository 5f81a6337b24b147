// Terminals of containers: passed to another process, or connected to our own.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime::oci {

// Connects to the Unix socket of --console-socket.
Result<Fd> connect_console_socket(const std::string& path);
// Sends the pty's master in one message, like runc.
Result<> send_console(int socket, int master);

// connect(2) to the socket `path`, which may have any length.
Result<Fd> connect_unix_socket(const std::string& path, int type);
// A listening (SOCK_DGRAM: bound) socket `name` in the directory, mode 0700 like the directory.
Result<Fd> bind_unix_socket(int directory, const std::string& name, int type);

}  // namespace stack::runtime::oci
