// A view of a stack of layer directories as overlayfs would show them, without mounts and without root: whiteouts
// and opaque directories hide, symbolic links stay inside. Layers are immutable, so results are cached.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::images {

struct ViewEntry {
  std::string path;  // relative to the root, without links: "usr/bin/sh"; "" is the root
  struct stat info{};
  size_t layer = 0;  // index of the layer that contains it
};

// Not thread-safe; cheap to make.
class LayerView {
 public:
  // Top first. The directories must exist. No layers: an empty root.
  static Result<LayerView> open(const std::vector<std::string>& layer_dirs);

  // Resolves `path` from the root, links followed in its parents and, with `follow`, at its end too.
  // nullopt if the path or one of its parents does not exist. ELOOP after 40 links.
  Result<std::optional<ViewEntry>> find(std::string_view path, bool follow) const;

  // The result of `mkdir -p path`: links are resolved in the existing part, the rest is appended. The result has no
  // ".." and is relative to the root. Invalid if a component is not a directory.
  Result<std::string> resolve_for_creation(std::string_view path) const;

  // Entries of the directory with this resolved path (as in ViewEntry::path), sorted by name.
  Result<std::vector<ViewEntry>> list(const std::string& directory) const;

  // Does not follow a link at the end. Opens with O_NOFOLLOW and O_NONBLOCK.
  Result<Fd> open_entry(const ViewEntry& entry, int flags) const;
  Result<std::string> read_link(const ViewEntry& entry) const;
  // Content of a small file, following links; nullopt if it does not exist or is not a regular file.
  Result<std::optional<std::string>> read_file(std::string_view path, size_t limit = size_t{4} << 20) const;

  // Extended attributes of a directory of the view, for copying it up.
  const std::string& layer_directory(size_t layer) const { return directories_[layer]; }

 private:
  // Layers that take part in a directory, top first.
  using Members = std::vector<size_t>;
  Result<Members> members(const std::string& directory) const;
  Result<std::optional<ViewEntry>> child(const std::string& directory, const std::string& name) const;
  struct Walk;

  std::vector<std::string> directories_;
  std::vector<Fd> roots_;
  mutable std::unordered_map<std::string, Members> known_;
};

// The numeric ids of Docker's "user[:group]" (names are looked up in the view's /etc/passwd and /etc/group). With
// only a user id, the group has the same number, as in COPY --chown. Invalid for unknown names.
struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
  bool operator==(const Owner&) const = default;
};
Result<Owner> find_owner(const LayerView& view, std::string_view text);

}  // namespace stack::images
