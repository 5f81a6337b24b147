// Engines on other machines: ssh://[USER@]HOST[:PORT]. ssh(1) runs `stack __dial` there, which starts the engine if
// necessary and passes the connection on.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::cli {

inline bool is_ssh_url(std::string_view text) { return text.starts_with("ssh://"); }

// The arguments of ssh. Invalid for a URL with a path, without a host, or with parts that ssh would take for options.
Result<std::vector<std::string>> ssh_arguments(const std::string& url);

// A stream to the engine. ssh writes its messages, and asks for passwords, on the terminal.
Result<Fd> connect_over_ssh(const std::string& url);

}  // namespace stack::cli
