// systemd as the one who starts the engine: stack.socket holds the socket, stack.service waits for READY=1.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace stack::engine {

// One message to the service manager, "READY=1"; nothing where none waits for it. sd_notify(3)
Result<> notify_service_manager(std::string_view message);

// Asks the engine that holds the lock file at `path` to leave. Content where none does any more.
Result<> replace_holder(const std::string& path);

// A path's socket as it is now, to tell it from another that is bound there later. "" where there is none.
std::string socket_identity(const std::string& path);

}  // namespace stack::engine
