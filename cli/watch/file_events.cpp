#include "cli/watch/file_events.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "base/files.h"

namespace stack::cli {

namespace {

constexpr uint32_t kWatchedEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM |
                                    IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

Error watch_error(const std::string& directory) {
  if (errno == ENOSPC)
    return Error(
        "watch " + directory +
        ": no more inotify watches; raise the sysctl fs.inotify.max_user_watches or ignore directories");
  return Error::last_errno("watch " + directory);
}

struct Entry {
  std::string path;
  bool directory = false;
};

std::vector<Entry> entries_of(const std::string& directory) {
  std::vector<Entry> entries;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  while (dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    Entry found{directory == "/" ? "/" + name : directory + "/" + name, entry->d_type == DT_DIR};
    struct stat info{};
    if (entry->d_type == DT_UNKNOWN && ::lstat(found.path.c_str(), &info) == 0)
      found.directory = S_ISDIR(info.st_mode);
    entries.push_back(std::move(found));
  }
  return entries;
}

bool is_below(const std::string& directory, const std::string& path) {
  return path == directory || directory == "/" || path.starts_with(directory + "/");
}

}  // namespace

Result<FileEvents> FileEvents::open(std::function<bool(const std::string&)> skip) {
  Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify && errno == EMFILE)
    return Error("watch: no more inotify instances; raise the sysctl fs.inotify.max_user_instances");
  if (!inotify) return Error::last_errno("inotify");
  return FileEvents(std::move(inotify), std::move(skip));
}

Result<> FileEvents::add(const std::string& path) {
  if (is_directory(path)) {
    roots_.insert(path);
    return watch_tree(path, nullptr);
  }
  files_.insert(path);
  return watch_directory(directory_name(path));
}

Result<> FileEvents::watch_directory(const std::string& directory) {
  int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), kWatchedEvents);
  if (watch < 0) return watch_error(directory);
  directories_[watch] = directory;
  return {};
}

// Adds the watch before listing the directory, so that entries created in between are not missed.
Result<> FileEvents::watch_tree(const std::string& directory, std::set<std::string>* found) {
  std::vector<std::string> open{directory};
  while (!open.empty()) {
    std::string current = std::move(open.back());
    open.pop_back();
    Result<> watched = watch_directory(current);
    // The directory may already have been removed.
    if (!watched && current != directory && !path_exists(current)) continue;
    if (!watched && found != nullptr && !path_exists(current)) return {};
    TRY(watched);
    for (Entry& entry : entries_of(current)) {
      if (found) found->insert(entry.path);
      if (entry.directory && !skip_(entry.path)) open.push_back(std::move(entry.path));
    }
  }
  return {};
}

void FileEvents::forget_tree(const std::string& directory) {
  for (auto each = directories_.begin(); each != directories_.end();) {
    if (is_below(directory, each->second)) {
      ::inotify_rm_watch(inotify_.get(), each->first);
      each = directories_.erase(each);
    } else {
      ++each;
    }
  }
}

bool FileEvents::is_watched(const std::string& path) const {
  if (files_.contains(path)) return true;
  for (const std::string& root : roots_)
    if (is_below(root, path)) return true;
  return false;
}

Result<> FileEvents::take(int watch, uint32_t mask, const std::string& name, std::set<std::string>& changed) {
  auto at = directories_.find(watch);
  if (at == directories_.end()) return {};
  const std::string directory = at->second;
  if ((mask & IN_IGNORED) != 0) {
    directories_.erase(at);
    return {};
  }
  if (name.empty()) return {};
  std::string path = directory == "/" ? "/" + name : directory + "/" + name;
  if (!is_watched(path)) return {};
  changed.insert(path);
  if ((mask & IN_ISDIR) == 0) return {};
  if ((mask & (IN_MOVED_FROM | IN_DELETE)) != 0) forget_tree(path);
  if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0 && !skip_(path)) TRY(watch_tree(path, &changed));
  return {};
}

Result<std::set<std::string>> FileEvents::read() {
  std::set<std::string> changed;
  bool overflow = false;
  alignas(inotify_event) std::array<char, 65536> buffer;
  for (;;) {
    ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += sizeof(inotify_event) + event->len;
      overflow = overflow || (event->mask & IN_Q_OVERFLOW) != 0;
      TRY(take(event->wd, event->mask, event->len > 0 ? std::string(event->name) : std::string(), changed));
    }
  }
  if (!overflow) return changed;
  for (const std::string& root : roots_) TRY(watch_tree(root, &changed));
  changed.insert(files_.begin(), files_.end());
  return changed;
}

}  // namespace stack::cli
