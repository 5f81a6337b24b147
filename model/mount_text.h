// Docker's and Compose's short notations of mounts and ports.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/container.h"

namespace stack {

// "source:target[:options]": an absolute source is a bind mount (made if missing), any other a volume's name.
// Options: ro, nocopy, propagation; those without meaning here (rw, z, Z, cached, ...) are ignored, as Docker
// does.
Result<MountSpec> parse_bind_mount(const std::string& text);

// Target and options "rw,size=64m,mode=755,noexec" of a tmpfs.
Result<MountSpec> parse_tmpfs_mount(const std::string& target, const std::string& options);

// "[[ip:]host:]container[/protocol]", host may be a range or empty; IPv6 addresses in brackets.
Result<PortSpec> parse_published_port(const std::string& text);

// "8080", "3000-3010" or "" into the host part of `port`.
Result<> parse_host_port(std::string_view text, PortSpec& port);

}  // namespace stack
