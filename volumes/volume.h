// A named volume, and how it is mounted.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace stack::volumes {

// The desired volume. `options` are those of Docker's `local` driver: type, o, device.
struct VolumeSpec {
  std::string name;              // "" = anonymous: 64 random hexadecimal digits
  std::string driver = "local";  // "" means local, the only driver
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

struct Volume {
  std::string name;
  std::string driver = "local";
  std::string scope = "local";
  std::string mountpoint;  // <root>/<name>/_data
  std::string created;     // RFC 3339, UTC
  bool anonymous = false;
  std::map<std::string, std::string> options;
  std::map<std::string, std::string> labels;
};

// Docker's member names: Name, Driver, Scope, Mountpoint, CreatedAt, Options, Labels.
Json volume_to_json(const Volume& volume);

// How a volume's file system is mounted on the host.
struct VolumeMount {
  // "bind": `source` is a host directory, usually the volume's _data.
  // Other values are file system types to mount ("tmpfs", "nfs", "ext4", ...).
  std::string type = "bind";
  std::string source;
  bool recursive = false;          // bind: include submounts
  unsigned long flags = 0;         // MS_RDONLY, MS_NOSUID, ...
  std::string filesystem_options;  // comma-separated options other than flags
};

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. The error states the rule, like Docker's.
Result<> check_volume_name(std::string_view name);

// Pure. A `local` volume without a device is its own directory; with o=bind or type=none, the device is bind-mounted; other
// types are passed on. Errors: device missing, relative bind device, unknown option.
Result<VolumeMount> mount_of(const Volume& volume);

// Whether the options of its file system set mode or owner of its top directory (uid=1000).
bool sets_owner(const Volume& volume);

}  // namespace stack::volumes
