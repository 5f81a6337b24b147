// Changes below directories, as the kernel tells them: inotify(7), recursive.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace stack::cli {

class FileEvents {
 public:
  // `skip`: directories that are not entered.
  static Result<FileEvents> open(std::function<bool(const std::string& directory)> skip);

  // Watches a directory with all below it, or one file (by its directory, so that replacing it by rename is
  // seen). Errors: the path cannot be read; the kernel's limit of watches, named with its setting.
  Result<> add(const std::string& path);

  // Readable when read() has something to say.
  int fd() const { return inotify_.get(); }
  // Paths that were made, written, renamed or removed since the last call. Does not block. After a rename or
  // a new directory everything in it counts as changed; after an overflow everything that is watched.
  Result<std::set<std::string>> read();

 private:
  FileEvents(Fd inotify, std::function<bool(const std::string&)> skip)
      : inotify_(std::move(inotify)), skip_(std::move(skip)) {}

  Result<> watch_tree(const std::string& directory, std::set<std::string>* found);
  Result<> watch_directory(const std::string& directory);
  void forget_tree(const std::string& directory);
  Result<> take(int watch, uint32_t mask, const std::string& name, std::set<std::string>& changed);
  bool is_watched(const std::string& path) const;

  Fd inotify_;
  std::function<bool(const std::string&)> skip_;
  std::map<int, std::string> directories_;  // by watch descriptor
  std::set<std::string> roots_;             // directories that were asked for, with all below
  std::set<std::string> files_;             // single files that were asked for
};

}  // namespace stack::cli
