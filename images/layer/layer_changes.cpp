#include "images/layer/layer_changes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/directory.h"
#include "base/fd.h"
#include "base/files.h"
#include "images/layer/whiteout.h"

namespace stack::images {

namespace {

bool is_opaque(int directory) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    char value = 0;
    if (::fgetxattr(directory, name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

class Comparison {
 public:
  Comparison(const LayerView& lower, const std::function<bool(const std::string&)>& ignored)
      : lower_(lower), ignored_(ignored) {}

  // true: something below changed.
  Result<bool> directory(int fd, const std::string& path, bool hides_below, bool& ignored_some) {
    TRY_ASSIGN(std::vector<std::string> names, names_in(fd));
    bool changed = false;
    for (const std::string& name : names) {
      std::string child = path + "/" + name;
      if (ignored_ && ignored_(child)) {
        ignored_some = true;
        continue;
      }
      TRY_ASSIGN(bool one, entry(fd, name, child, hides_below));
      changed = changed || one;
    }
    if (!hides_below) return changed;
    TRY_ASSIGN(bool hidden, hidden_entries(path, std::set<std::string>(names.begin(), names.end())));
    return changed || hidden;
  }

  std::vector<LayerChange> take() {
    std::sort(changes_.begin(), changes_.end(),
              [](const LayerChange& a, const LayerChange& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  Result<std::optional<ViewEntry>> below(const std::string& path) const { return lower_.find(path, false); }

  void note(ChangeKind kind, const std::string& path) { changes_.push_back({kind, path}); }

  // Files hidden by an opaque directory are deleted unless a new file has the same name.
  Result<bool> hidden_entries(const std::string& path, const std::set<std::string>& present) {
    TRY_ASSIGN(std::optional<ViewEntry> former, below(path));
    if (!former || !S_ISDIR(former->info.st_mode)) return false;
    TRY_ASSIGN(std::vector<ViewEntry> entries, lower_.list(former->path));
    bool any = false;
    for (const ViewEntry& entry : entries) {
      std::string name = entry.path.substr(entry.path.rfind('/') + 1);
      if (present.contains(name)) continue;
      note(ChangeKind::Deleted, path + "/" + name);
      any = true;
    }
    return any;
  }

  Result<bool> entry(int parent, const std::string& name, const std::string& path, bool hidden) {
    struct stat info{};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;
      return Error::last_errno("stat " + path);
    }
    TRY_ASSIGN(std::optional<ViewEntry> former, below(path));
    if (is_whiteout(info)) {
      if (former) note(ChangeKind::Deleted, path);
      return former.has_value();
    }
    if (!S_ISDIR(info.st_mode)) {
      note(former ? ChangeKind::Modified : ChangeKind::Added, path);
      return true;
    }
    Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT) return false;
    if (!fd) return Error::last_errno("open " + path);
    bool ignored_some = false;
    TRY_ASSIGN(bool inside, directory(fd.get(), path, hidden || is_opaque(fd.get()), ignored_some));
    if (!former) {
      note(ChangeKind::Added, path);
      return true;
    }
    bool changed = inside || differs(info, former->info, !ignored_some);
    if (changed) note(ChangeKind::Modified, path);
    return changed;
  }

  static bool differs(const struct stat& now, const struct stat& before, bool times_count) {
    bool same = now.st_mode == before.st_mode && now.st_uid == before.st_uid && now.st_gid == before.st_gid;
    return !same || (times_count && now.st_mtim.tv_sec != before.st_mtim.tv_sec);
  }

  const LayerView& lower_;
  const std::function<bool(const std::string&)>& ignored_;
  std::vector<LayerChange> changes_;
};

}  // namespace

Result<std::vector<LayerChange>> layer_changes(const std::string& upper, const LayerView& lower,
                                               const std::function<bool(const std::string& path)>& ignored) {
  if (!is_directory(upper)) return std::vector<LayerChange>();
  TRY_ASSIGN(Fd root, open_file(upper, O_RDONLY | O_DIRECTORY));
  Comparison comparison(lower, ignored);
  bool ignored_some = false;
  TRY(comparison.directory(root.get(), "", false, ignored_some));
  return comparison.take();
}

}  // namespace stack::images
