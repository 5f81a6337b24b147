// Copying between the caller's files and a container: `cp` of both command lines.
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

// `path` in the container, absolute, to `destination` of the caller; "-": a tar stream on stdout.
Result<> copy_from_container(Session& session, const CopyContainer& container, std::string path,
                             const std::string& destination, bool follow_link);

struct CopyToOptions {
  bool follow_link = false;
  bool archive = false;  // owners are kept
};

// `source_path` of the caller ("-": a tar stream on stdin) to `path` in the container, absolute.
Result<> copy_to_container(Session& session, const CopyContainer& container, const std::string& source_path,
                           std::string path, const CopyToOptions& options);

}  // namespace stack::cli
