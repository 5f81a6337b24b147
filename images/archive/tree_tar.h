// Files of a live tree as a tar stream, for `docker cp` and `docker export`. The tree may change while it is read
// and may be hostile: all access is through descriptors, and links are never followed.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

// Writes the object of `fd` (O_PATH is enough), which is a file, a link, a device, or a directory with everything
// below it, under `name` in the archive. A directory named "" has no entry of its own, and its children have no
// prefix; "/" gives absolute names, as Docker's clients expect of a root. Sockets and files that vanish meanwhile
// are left out; a file that shrinks is padded with zeros. Ends the archive. Directories of
// file systems that show the kernel's state, such as /proc, are written without their contents, as are the top-level
// directories named in `hollow`; "." is the object itself.
Result<> write_tree_tar(int fd, const std::string& name, const ByteSink& sink,
                        const std::set<std::string>& hollow = {});

}  // namespace stack::images
