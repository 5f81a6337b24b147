// What is mounted from inside something that others may change: files of images, and paths below volumes.
#pragma once

#include <map>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "engine/container/container.h"
#include "images/store/store.h"

namespace stack::engine {

// Opened sources by mount destination, for runtime::LaunchRequest::mount_sources: binds that are slave or
// shared to the host's mount, image mounts (the image's files, read-only) and volumes with a subpath. Subpaths
// are resolved below the image or the volume only: what a container made of a volume cannot lead another mount
// out of it. NotFound where a subpath does not exist.
Result<std::map<std::string, Fd>> open_mount_sources(const Container& container, images::ImageStore& images);

}  // namespace stack::engine
