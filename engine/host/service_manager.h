// Start by systemd: stack.socket holds the socket, and stack.service waits for READY=1.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace stack::engine {

// Sends "READY=1" to the service manager, if there is one. sd_notify(3)
Result<> notify_service_manager(std::string_view message);

// Asks the engine that holds the lock file at `path` to exit. Succeeds if the lock is no longer held.
Result<> replace_holder(const std::string& path);

// Identifies the socket currently at `path`, to distinguish it from a later one. "" if there is none.
std::string socket_identity(const std::string& path);

}  // namespace stack::engine
