// Opens mount sources inside trees that others can change: files of images, and paths below volumes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "engine/container/container.h"
#include "images/store/store.h"

namespace stack::engine {

// The opened sources by mount destination, for runtime::LaunchRequest::mount_sources: slave and shared binds, image
// mounts (the image's files, read-only), and volumes with a subpath. Subpaths resolve only below the image or volume, so
// links created by a container cannot redirect another mount outside. NotFound if a subpath does not exist. Blocks.
Result<std::map<std::string, Fd>> open_mount_sources(const std::vector<MountPoint>& mounts,
                                                     images::ImageStore& images);

}  // namespace stack::engine
