// Unix stream sockets by path, of any length: a path beyond the 107 bytes of sockaddr_un goes through
// /proc/self/fd/<directory>/<name>.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::http {

// A connected blocking socket. Kind NotFound where the path does not exist; code() is ECONNREFUSED where
// nobody listens.
Result<Fd> connect_unix(const std::string& path);

// Binds and listens. A stale socket file (nobody answers) is replaced; a live one is an error of kind
// Conflict. The file appears with `mode` already set; whoever calls must hold the lock that keeps two servers
// from racing.
Result<Fd> listen_unix(const std::string& path, mode_t mode = 0660);

// Listening sockets passed by systemd (LISTEN_PID, LISTEN_FDS; sd_listen_fds(3)), close-on-exec from now on.
// The variables are removed from the environment. Empty where there are none. Sockets that are not listening
// unix stream sockets are an error.
Result<std::vector<Fd>> inherited_listeners();

}  // namespace stack::http
