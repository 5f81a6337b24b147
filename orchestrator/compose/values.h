// Converts short notations of the Compose Specification to long forms. Pure; errors have no position.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "orchestrator/compose/project.h"

namespace stack::compose {

// "[[IP:]HOST:]CONTAINER[/PROTOCOL]", ranges allowed: one entry per container port, in the reference's order.
// A host range for one container port stays a range.
Result<std::vector<PortMapping>> parse_port(std::string_view text);
// "80", "3000-3010"; each 1..65535 (also 0 if `zero`), ascending.
struct PortRange {
  uint32_t first = 0;
  uint32_t last = 0;
};
Result<PortRange> parse_port_range(std::string_view text, bool zero = false);
bool is_ip_address(std::string_view text);

// "[SOURCE:]TARGET[:OPTIONS]". A source that looks like a path is a bind mount. Both paths stay as written. A colon
// after a Windows drive letter is not a separator if the text is unambiguous.
Result<VolumeMount> parse_volume(std::string_view text);

// C:\x, C:/x, \\.\pipe\x: Windows paths, which are not paths here.
bool is_windows_path(std::string_view path);

// "SOURCE[:TARGET[:PERMISSIONS]]", or a CDI device name.
Result<DeviceMapping> parse_device(std::string_view text);

// Splits a command line like a shell: quotes and backslashes, no expansion. Stops at an unquoted ; & | < or >, like the
// reference; parentheses are errors.
Result<std::vector<std::string>> split_words(std::string_view text);

// "host=ip", "host:ip", "host:[ip6]" -> "host=ip".
Result<std::string> parse_extra_host(std::string_view text);

// "no", "always", "unless-stopped", "on-failure[:N]".
Result<RestartPolicy> parse_restart(std::string_view text);

// always, never, missing, if_not_present, build, refresh, daily, weekly, every_<duration>.
bool is_pull_policy(std::string_view text);

}  // namespace stack::compose
