// The short notations of the Compose Specification, each into its long form. Pure; errors are texts without a
// place.
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
// "80", "3000-3010"; each 1..65535 (0 too if `zero`), ascending.
struct PortRange {
  uint32_t first = 0;
  uint32_t last = 0;
};
Result<PortRange> parse_port_range(std::string_view text, bool zero = false);
bool is_ip_address(std::string_view text);

// "[SOURCE:]TARGET[:OPTIONS]". A source that looks like a path is a bind mount. Both paths are left as
// written.
// A colon behind the letter of a Windows drive separates nothing, where the text can only be meant so.
Result<VolumeMount> parse_volume(std::string_view text);

// C:\x, C:/x, \\.\pipe\x: of another system, and no path here.
bool is_windows_path(std::string_view path);

// "SOURCE[:TARGET[:PERMISSIONS]]", or a CDI device name.
Result<DeviceMapping> parse_device(std::string_view text);

// A command line into words as a shell would: quotes and backslashes; no expansion. Ends at an unquoted ; & |
// < or >, as the reference does; parentheses are an error.
Result<std::vector<std::string>> split_words(std::string_view text);

// "host=ip", "host:ip", "host:[ip6]" -> "host=ip".
Result<std::string> parse_extra_host(std::string_view text);

// "no", "always", "unless-stopped", "on-failure[:N]".
Result<RestartPolicy> parse_restart(std::string_view text);

// always, never, missing, if_not_present, build, refresh, daily, weekly, every_<duration>.
bool is_pull_policy(std::string_view text);

}  // namespace stack::compose
