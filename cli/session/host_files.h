// The host side of `cp`: packs the caller's files into a tar stream, unpacks a tar stream into files, and applies
// Docker's rules for names and destinations. https://docs.docker.com/reference/cli/docker/container/cp/
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace stack::transfer {

// One end of a copy, with the properties that the rules need.
struct CopyPath {
  std::string path;  // absolute, as written: a trailing "/" or "/." is significant
  bool exists = false;
  bool is_directory = false;
};

// The directory in which to unpack a tar stream, and the new name of its top entry ("web" or ".").
struct Placement {
  std::string directory;
  std::string name;       // "": keep the name
  bool one_file = false;  // the source is not a directory
};

// Docker's table: the destination is a directory, is another file, or does not exist; the source is a directory or
// not. Errors: "cannot copy directory", "no such directory".
Result<Placement> place_copy(const CopyPath& source, const CopyPath& destination);

// The name of the top entry in the source's archive: the last component, or "." for a path that ends with "/.".
std::string top_name(const std::string& path);

// Inspects a source on the host. `follow`: follow a link at the end instead of copying it. NotFound if the source
// does not exist.
struct HostSource {
  CopyPath info;
  Fd fd;
};
Result<HostSource> open_source(const std::string& path, bool follow);

// Inspects a destination on the host and follows links. If it does not exist, its parent must be a directory.
Result<CopyPath> find_destination(const std::string& path);

using ByteSink = std::function<Result<>(std::string_view bytes)>;
using ByteSource = std::function<Result<size_t>(char* buffer, size_t size)>;

// Writes the source as a tar stream under `name`.
Result<> pack(const HostSource& source, const std::string& name, const ByteSink& sink);

// Unpacks into an existing directory. The caller owns all files. The placement renames the top entry.
Result<> unpack(const ByteSource& source, const std::string& top, const Placement& placement);

}  // namespace stack::transfer
