// Paths in a container for GET, HEAD, and PUT /containers/{id}/archive, by Docker's rules. Blocking; run on the pool.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "runtime/rootfs/container_files.h"

namespace stack::engine {

// An existing path, held by a descriptor.
struct FoundPath {
  Fd fd;             // O_PATH; the link itself, unless the path ends with "/" or "/."
  std::string name;  // its name in the archive
  Json stat;         // {"name","size","mode","mtime","linkTarget"}: mode in Go's bits
};

// NotFound with Docker's text.
Result<FoundPath> find_path(const runtime::ContainerFiles& files, const std::string& path,
                            const std::string& container_id);

// os.FileMode of st_mode.
uint32_t go_file_mode(uint32_t mode);
// X-Docker-Container-Path-Stat.
std::string path_stat_header(const Json& stat);

struct ExtractOptions {
  bool no_overwrite_kinds = false;  // noOverwriteDirNonDir
  bool override_owner = false;      // copyUIDGID: change the owner to the IDs below
  uid_t uid = 0;
  gid_t gid = 0;
};

// Unpacks the tar file, plain or compressed, into an existing directory. Invalid if the path is not a directory,
// NotFound if it does not exist; an error with code EROFS if it is read-only.
Result<> extract_archive(const runtime::ContainerFiles& files, const std::string& path, int archive,
                         const ExtractOptions& options, const std::string& container_id);

}  // namespace stack::engine
