// Terminals of containers, seen from the runtime: handed to somebody else, or connected with our own.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime::oci {

// Connects to the Unix socket of --console-socket.
Result<Fd> connect_console_socket(const std::string& path);
// One message with the pty's master, as runc sends it.
Result<> send_console(int socket, int master);

// connect(2) to the socket `path`, however long its name is.
Result<Fd> connect_unix_socket(const std::string& path, int type);
// A listening (or, SOCK_DGRAM, bound) socket `name` in the directory, 0700 as the directory.
Result<Fd> bind_unix_socket(int directory, const std::string& name, int type);

}  // namespace stack::runtime::oci
