// The host's side of `cp`: files of the caller as a tar stream, a tar stream as files of the caller, and
// Docker's rules of what is called how where. https://docs.docker.com/reference/cli/docker/container/cp/
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace stack::transfer {

// One end of a copy, as far as the rules need to know it.
struct CopyPath {
  std::string path;  // as written, absolute: a "/" or "/." at its end counts
  bool exists = false;
  bool is_directory = false;
};

// Where a tar stream is to be unpacked, and what its top entry ("web" or ".") is to be called there.
struct Placement {
  std::string directory;
  std::string name;  // "": as it is
};

// Docker's table: destination is a directory / is something else / is not there yet, source is a directory or
// not. Errors: "cannot copy directory", "no such directory".
Result<Placement> place_copy(const CopyPath& source, const CopyPath& destination);

// What the archive of this source calls its top: its last component, "." for a path that ends with "/.".
std::string top_name(const std::string& path);

// Looks at a source of the caller's. `follow`: a link at the end is followed, else copied as a link. NotFound
// where it does not exist.
struct HostSource {
  CopyPath info;
  Fd fd;
};
Result<HostSource> open_source(const std::string& path, bool follow);

// Looks at a destination of the caller's; links are followed. Where it does not exist its parent must be a
// directory.
Result<CopyPath> find_destination(const std::string& path);

using ByteSink = std::function<Result<>(std::string_view bytes)>;
using ByteSource = std::function<Result<size_t>(char* buffer, size_t size)>;

// Writes the source as a tar stream under `name`.
Result<> pack(const HostSource& source, const std::string& name, const ByteSink& sink);

// Unpacks into an existing directory; everything belongs to the caller. The top is renamed as the placement
// says.
Result<> unpack(const ByteSource& source, const std::string& top, const Placement& placement);

}  // namespace stack::transfer
