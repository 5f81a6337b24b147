// A tar stream into a directory, in overlay's on-disk form. The archive is hostile: image.md lists what was
// tried.
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
  // Existing symbolic links to directories in the way of an entry's parents are followed (inside the target)
  // instead of replaced: for archives unpacked over an image's own tree. Never for layers.
  bool follow_links = false;
  // Names are below this directory of the target ("app/data").
  std::string below;
  // An entry for the top itself ("./") changes nothing.
  bool keep_root = false;
  // Another name for an entry, and for what a hard link names; called with cleaned names.
  std::function<std::string(const std::string& name)> rename;
  // With follow_links a directory is not replaced by something else, nor something else by a directory,
  // unless this says so (Conflict). Without follow_links a later entry always wins.
  bool replace_kinds = false;
  // Owner of everything, instead of the archive's.
  bool override_owner = false;
  uid_t uid = 0;
  gid_t gid = 0;
  // The calling thread's file mode creation mask is zero: modes need not be set after the making. Saves two calls a file.
  bool mask_is_zero = false;
};

struct UnpackReport {
  int64_t content_size = 0;  // bytes of all regular files, holes included
  // Directories made because something is in them, without an entry of their own; relative paths, parents first.
  std::vector<std::string> implied_directories;
};

// Unpacks into the existing directory. No entry can be written, linked or read outside of it: parents are
// opened step by step without following links, "..", absolute names and zero bytes notwithstanding.
// Attributes trusted.overlay.* and user.overlay.* of the archive are dropped. Later entries win over earlier
// ones. After an error the directory holds a part; callers unpack into staging.
Result<> unpack_tar(TarReader& reader, int directory, const UnpackOptions& options = {},
                    UnpackReport* report = nullptr);

// A file of tar bytes, plain or compressed by gzip, bzip2, xz or zstd (told by content, concatenations too),
// read from its current position; the descriptor must outlive the source.
Result<ByteSource> open_decompressed(int fd);

// Does this file begin like an archive open_decompressed() and TarReader can read? By content. The position
// is kept.
Result<bool> looks_like_tar(int fd);

}  // namespace stack::images
