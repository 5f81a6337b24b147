// Copies files between the caller and a container: `stack cp` and `docker cp`.
// https://docs.docker.com/reference/cli/docker/container/cp/
#pragma once

#include <string>

#include "base/result.h"
#include "cli/session/session.h"

namespace stack::cli {

struct CopyContainer {
  std::string id;
  std::string name;  // for messages
};

// Copies `path` (absolute, in the container) to `destination` on the host; "-" writes a tar stream to stdout.
Result<> copy_from_container(Session& session, const CopyContainer& container, const std::string& path,
                             const std::string& destination, bool follow_link);

struct CopyToOptions {
  bool follow_link = false;
  bool archive = false;  // keep owners
};

// Copies `source_path` on the host ("-": a tar stream on stdin) to `path` (absolute, in the container).
Result<> copy_to_container(Session& session, const CopyContainer& container, const std::string& source_path,
                           const std::string& path, const CopyToOptions& options);

}  // namespace stack::cli
