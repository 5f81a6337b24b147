// The addresses of file servers in mount options. nfs(5), mount.cifs(8)
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::volumes {

// Whether the kernel requires an `addr=` option for this file system type.
bool needs_server_address(std::string_view type);

// The options with `addr=ADDRESS`: a given `addr=NAME` is resolved; a missing one is derived from the device
// ("server:/export", "[fd00::1]:/export", "//server/share"). Blocks on name resolution.
Result<std::string> with_server_address(std::string_view device, std::string_view options);

// The server in a device name; "" if it names none.
std::string server_of(std::string_view device);

}  // namespace stack::volumes
