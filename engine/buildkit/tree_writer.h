// Writes the files of a client's folder, as fsutil's stream brings them, into a folder of ours.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::engine {

// One entry of the stream.
struct SyncedFile {
  std::string path;      // "src/main.c"
  uint32_t mode = 0;     // os.FileMode of Go
  int64_t modified = 0;  // nanoseconds since 1970
  std::string link;      // of a symbolic link its target, of a file the path of which it is another name
};

// Blocks. Paths cannot lead out of the folder: names with "..", absolute ones and those below a symbolic link are refused.
class TreeWriter {
 public:
  static Result<TreeWriter> open(const std::string& directory);

  // True where the entry's content is needed; it then comes under this number.
  Result<bool> add(uint32_t number, const SyncedFile& file);
  Result<> write(uint32_t number, std::string_view bytes);
  // The content is complete.
  Result<> end(uint32_t number);
  // The times of directories, which each entry changes.
  Result<> finish();
  // Contents that are still to come.
  size_t unfinished() const { return wanted_.size(); }

 private:
  struct Wanted {
    SyncedFile file;
    Fd content;  // open once the first byte has come
  };
  explicit TreeWriter(Fd root) : root_(std::move(root)) {}
  Result<Fd> open_parent(const std::string& path, std::string& name) const;
  Result<> open_content(Wanted& wanted) const;
  Result<> add_link(const SyncedFile& file) const;

  Fd root_;
  std::map<uint32_t, Wanted> wanted_;
  std::vector<std::pair<std::string, int64_t>> directories_;  // with their times
};

}  // namespace stack::engine
