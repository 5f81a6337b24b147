// Files of a live tree as a tar stream: what `docker cp` and `docker export` send. The tree may change, and
// be hostile, while it is read: everything is done on descriptors, and links are never followed.
#pragma once

#include <set>
#include <string>

#include "base/result.h"
#include "images/archive/tar_writer.h"

namespace stack::images {

// Writes what `fd` (O_PATH is enough) is: a file, a link, a device, or a directory with all below it, under
// `name` in the archive. A directory named "" has no entry of its own, and its children no prefix; "/" gives
// absolute names, as Docker's clients expect of a root. Sockets are left out, and what vanishes meanwhile; a
// file that shrinks is filled up with zeros. Ends the archive. `hollow`: names of directories in the top one that
// are written without what is in them.
Result<> write_tree_tar(int fd, const std::string& name, const ByteSink& sink,
                        const std::set<std::string>& hollow = {});

}  // namespace stack::images
