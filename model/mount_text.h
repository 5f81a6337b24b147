// Docker's and Compose's short notations of mounts and ports.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/container.h"

namespace stack {

// "source:target[:options]": an absolute source is a bind mount (created if missing), otherwise a volume name. Options: ro,
// nocopy, propagation; options without effect (rw, z, Z, cached, ...) are ignored, like in Docker.
Result<MountSpec> parse_bind_mount(const std::string& text);

// The target and options of a tmpfs: "rw,size=64m,mode=755,noexec".
Result<MountSpec> parse_tmpfs_mount(const std::string& target, const std::string& options);

// "[[ip:]host:]container[/protocol]", host may be a range or empty; IPv6 addresses in brackets.
Result<PortSpec> parse_published_port(const std::string& text);

// Parses "8080", "3000-3010", or "" into the host part of `port`.
Result<> parse_host_port(std::string_view text, PortSpec& port);

}  // namespace stack
