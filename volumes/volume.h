// A named volume, and how a container's mount namespace gets it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace stack::volumes {

// What a volume shall be. `options` are Docker's for the `local` driver: type, o, device.
struct VolumeSpec {
  std::string name;              // "" = anonymous: 64 random hexadecimal digits are chosen
  std::string driver = "local";  // "" counts as local; nothing else exists
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

// How the volume is mounted: what mount(2) or the mount fd calls need, made inside the container's namespace.
struct VolumeMount {
  // "bind": `source` is a host directory or file to be bound (the common case: the volume's _data).
  // Anything else is a filesystem type to be mounted anew ("tmpfs", "nfs", "ext4", ...).
  std::string type = "bind";
  std::string source;
  bool recursive = false;          // bind: with everything mounted below
  unsigned long flags = 0;         // MS_RDONLY, MS_NOSUID, ...
  std::string filesystem_options;  // comma separated, what is left after the flags
};

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes. The text names the rule, as Docker's does.
Result<> check_volume_name(std::string_view name);

// Pure. A `local` volume without device is its own directory; with o=bind or type=none the device is bound;
// every other type is passed through. Errors: device missing, relative bind device, unknown option key.
Result<VolumeMount> mount_of(const Volume& volume);

}  // namespace stack::volumes
