// Unpacks a tar stream into a directory, in overlay's on-disk form. The archive is untrusted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/archive/tar_reader.h"

namespace stack::images {

struct UnpackOptions {
  // Layers: ".wh.NAME" makes a whiteout, ".wh..wh..opq" an opaque directory. Otherwise these are ordinary
  // names.
  bool whiteouts = true;
  // Device nodes need real root; without this they are an error.
  bool devices = true;
  // For archives unpacked over an image's tree: a directory's entry keeps an existing link to a directory.
  bool follow_links = false;
  // Names are below this directory of the target ("app/data").
  std::string below;
  // An entry for the top ("./") has no effect.
  bool keep_root = false;
  // Maps the name of an entry, or of a hard link's target; called with clean names.
  std::function<std::string(const std::string& name)> rename;
  // With follow_links, replacing a directory with something else or vice versa is a Conflict unless this is set.
  // Without follow_links a later entry always wins.
  bool replace_kinds = false;
  // Owner of everything, instead of the archive's.
  bool override_owner = false;
  uid_t uid = 0;
  gid_t gid = 0;
  // The calling thread's file mode creation mask is zero: modes need not be set after creation. Saves two calls per
  // file.
  bool mask_is_zero = false;
};

struct UnpackReport {
  int64_t content_size = 0;  // bytes of all regular files, holes included
  // Directories created as parents, without an entry of their own; relative paths, parents first.
  std::vector<std::string> implied_directories;
};

// Unpacks into the existing directory. No entry can be written, linked, or read outside of it, even with "..",
// absolute names, or zero bytes: links in its parents are followed below the directory only. Attributes
// trusted.overlay.* and user.overlay.* of the archive are dropped. Later entries win over earlier ones. After an
// error the directory is incomplete; callers unpack into staging.
Result<> unpack_tar(TarReader& reader, int directory, const UnpackOptions& options = {},
                    UnpackReport* report = nullptr);

// Opens a file of tar bytes, plain or compressed with gzip, bzip2, xz, or zstd (detected by content, also
// concatenated), read from its current position; the descriptor must outlive the source.
Result<ByteSource> open_decompressed(int fd);

// Whether the file's content begins like an archive that open_decompressed() and TarReader can read. Keeps the
// position.
Result<bool> looks_like_tar(int fd);

}  // namespace stack::images
