// Access to a container's files over the API: stat of a path, and tar streams in both directions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/session/host_files.h"
#include "cli/session/session.h"

namespace stack::cli {

struct ContainerPath {
  bool is_directory = false;
  bool is_link = false;
  std::string link_target;  // absolute, in the container
};

// nullopt if the path does not exist.
Result<std::optional<ContainerPath>> find_container_path(Session& session, const std::string& container_id,
                                                         const std::string& path);

// Passes the tar stream of `path` to `take`, which reads it to the end or fails.
Result<> download(Session& session, const std::string& container_id, const std::string& path,
                  const std::function<Result<>(const transfer::ByteSource& source)>& take);

// Unpacks the tar stream written by `give` into the directory `path`. `own`: the container's user becomes the owner.
Result<> upload(Session& session, const std::string& container_id, const std::string& path, bool own,
                const std::function<Result<>(const transfer::ByteSink& sink)>& give);

}  // namespace stack::cli
