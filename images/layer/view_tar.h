// A whole tree, layers merged, as one tar stream, for `docker build --output`.
#pragma once

#include "base/result.h"
#include "images/archive/tar_writer.h"
#include "images/layer/layer_view.h"

namespace stack::images {

// Everything below the root, sorted by name, parents first; hard links are written as separate files, sockets are
// left out. Ends the archive.
Result<> write_view_tar(const LayerView& view, const ByteSink& sink);

}  // namespace stack::images
