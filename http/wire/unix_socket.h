// Unix stream sockets at paths of any length: a path longer than the 107 bytes of sockaddr_un is reached through
// /proc/self/fd/<directory>/<name>.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::http {

// Returns a connected blocking socket. NotFound if the path does not exist; code() is ECONNREFUSED if no process listens.
Result<Fd> connect_unix(const std::string& path);

// Binds and listens. Replaces a stale socket file; Conflict if a server is listening. The file is created with `mode`. The
// caller must hold a lock against concurrent servers.
Result<Fd> listen_unix(const std::string& path, mode_t mode = 0660);

// Listening sockets passed by systemd (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)), set to close-on-exec. Removes the
// variables from the environment. Empty if there are none. Sockets other than listening Unix stream sockets are errors.
Result<std::vector<Fd>> inherited_listeners();

}  // namespace stack::http
