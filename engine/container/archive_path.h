// Paths in a container for GET, HEAD and PUT /containers/{id}/archive, by Docker's rules. Blocking; for the
// pool.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "runtime/rootfs/container_files.h"

namespace stack::engine {

// A path that was found, held by its descriptor.
struct FoundPath {
  Fd fd;             // O_PATH; a link itself, unless the path ended with "/" or "/."
  std::string name;  // what the archive calls it
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
  bool override_owner = false;      // copyUIDGID: to these
  uid_t uid = 0;
  gid_t gid = 0;
};

// Unpacks the tar file, plain or compressed, into the existing directory. Invalid where it is none, NotFound
// where it is not there; an error with code EROFS where it may not be written.
Result<> extract_archive(const runtime::ContainerFiles& files, const std::string& path, int archive,
                         const ExtractOptions& options, const std::string& container_id);

}  // namespace stack::engine
