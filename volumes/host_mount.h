// Mounts of volumes with driver options, on the host. mount(2), mount(8)
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "volumes/volume.h"

namespace stack::volumes {

// Mounts on the directory `target`. A regular file as the device of a disk file system gets a loop device. For nfs and cifs,
// `addr=` is resolved, or derived from the device, because the kernel takes only addresses. Blocks. The errors name the device.
Result<> mount_on_host(const VolumeMount& mount, const std::string& target);

// Whether something is mounted on `path` itself.
bool is_mount_point(const std::string& path);
// The mount points at and below `path`, the deepest first.
Result<std::vector<std::string>> mount_points_below(const std::string& path);
// Unmounts what is mounted on `target`, also several layers. Idempotent. Conflict while a process of the host uses it.
Result<> unmount_on_host(const std::string& target);

}  // namespace stack::volumes
