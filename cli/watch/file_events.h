// Recursive change notification for directories, based on inotify(7).
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
  // `skip` selects directories that are not entered.
  static Result<FileEvents> open(std::function<bool(const std::string& directory)> skip);

  // Watches a directory tree or one file. A file is watched through its directory, so that a replacement by rename is
  // noticed. Errors: the path cannot be read; the kernel's limit of watches, with the name of its sysctl.
  Result<> add(const std::string& path);

  // Becomes readable when read() has results.
  int fd() const { return inotify_.get(); }
  // Paths created, written, renamed, or removed since the last call. Does not block. All contents of a new or renamed
  // directory count as changed; after a queue overflow, all watched paths do.
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
  std::set<std::string> roots_;             // directory trees added by the caller
  std::set<std::string> files_;             // single files added by the caller
};

}  // namespace stack::cli
