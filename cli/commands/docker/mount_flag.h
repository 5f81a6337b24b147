// -v, --mount, --tmpfs, --volumes-from of the docker command line.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli::docker_cli {

// Fills "Volumes" of the body and "Binds", "Mounts", "Tmpfs", "VolumesFrom", "VolumeDriver" of its HostConfig.
Result<> put_mounts(Json& body, Json& host, const Session& session, const Arguments& arguments);

// "type=bind,source=/a,target=/b,readonly" as an element of HostConfig.Mounts.
Result<Json> parse_mount_flag(const std::string& text, const std::string& current_directory);

}  // namespace stack::cli::docker_cli
