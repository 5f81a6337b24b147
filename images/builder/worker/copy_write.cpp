#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <set>

#include "base/copy_tree.h"
#include "base/files.h"
#include "base/path.h"
#include "base/rooted_path.h"
#include "base/text.h"
#include "images/builder/worker/copy.h"

namespace stack::builder {

namespace {

using images::LayerView;
using images::Owner;
using images::ViewEntry;

// Makes directories and files in an empty layer directory. Paths are real paths in the image, without links.
class LayerWriter {
 public:
  LayerWriter(const LayerView& base, Fd root) : base_(base), root_(std::move(root)) {}

  // Ensures the directory and its parents, copied up from the base or created.
  Result<> ensure_directory(const std::string& path, Owner owner) {
    if (path.empty() || made_.contains(path)) return {};
    TRY(ensure_directory(parent_path(path), owner));
    TRY_ASSIGN(std::optional<ViewEntry> below, find_below(path));
    if (below && !S_ISDIR(below->info.st_mode)) return conflict("/" + path + " is not a directory");
    if (below) return copy_up(path, *below);
    made_new_ = true;
    struct stat info{};
    info.st_mode = S_IFDIR | 0755;
    info.st_uid = owner.uid;
    info.st_gid = owner.gid;
    return make_directory(path, info, nullptr);
  }

  Result<> copy_up(const std::string& path, const ViewEntry& below) {
    TRY_ASSIGN(Fd source, base_.open_entry(below, O_RDONLY | O_DIRECTORY));
    in_base_.insert(path);
    return make_directory(path, below.info, &source);
  }

  // The base's entry at this path; a link at the end is not followed.
  Result<std::optional<ViewEntry>> find_below(const std::string& path) const {
    std::string parent = parent_path(path);
    // A directory that is only in this layer has no counterpart in the base.
    if (!parent.empty() && made_.contains(parent) && !in_base_.contains(parent))
      return std::optional<ViewEntry>();
    return base_.find(path, false);
  }

  Result<> make_directory(const std::string& path, const struct stat& info, const Fd* attributes_of) {
    TRY_ASSIGN(int parent, open_parent(path));
    std::string name = last_component(path);
    if (::mkdirat(parent, name.c_str(), 0700) != 0) return Error::last_errno("create directory /" + path);
    Fd directory(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) return Error::last_errno("create directory /" + path);
    if (::fchown(directory.get(), info.st_uid, info.st_gid) != 0) return Error::last_errno("chown /" + path);
    if (attributes_of != nullptr) TRY(copy_extended_attributes(attributes_of->get(), directory.get()));
    if (::fchmod(directory.get(), info.st_mode & 07777) != 0) return Error::last_errno("chmod /" + path);
    made_.insert(path);
    if (info.st_mtim.tv_sec != 0) times_[path] = info;
    return {};
  }

  // A descriptor of the parent, kept while more files follow in it.
  Result<int> open_parent(const std::string& path) {
    std::string parent = parent_path(path);
    if (parent.empty()) return root_.get();
    if (!parent_ || parent_path_ != parent) {
      TRY_ASSIGN(parent_, open_below_without_links(root_.get(), parent, O_RDONLY | O_DIRECTORY));
      parent_path_ = parent;
    }
    return parent_.get();
  }

  Result<> file(const std::string& path, const CopyItem& item) {
    TRY_ASSIGN(int parent, open_parent(path));
    std::string name = last_component(path);
    if (taken(path) && ::unlinkat(parent, name.c_str(), 0) != 0) return Error::last_errno("replace /" + path);
    files_.insert(path);
    if (item.entry.info.st_nlink > 1 && S_ISREG(item.mode) && !item.inline_content) {
      std::pair<dev_t, ino_t> identity{item.entry.info.st_dev, item.entry.info.st_ino};
      auto [found, first] = links_.try_emplace(identity, path);
      if (!first && ::linkat(root_.get(), found->second.c_str(), parent, name.c_str(), 0) == 0) return {};
    }
    if (S_ISREG(item.mode)) return regular(parent, name, item).in("/" + path);
    return special(parent, name, item).in("/" + path);
  }

  bool taken(const std::string& path) const { return files_.contains(path); }
  bool is_made(const std::string& path) const { return made_.contains(path); }
  bool made_new() const { return made_new_; }

  // Last: writing into a directory changes its times.
  Result<> finish() {
    for (const auto& [path, info] : times_) {
      TRY_ASSIGN(Fd directory, open_below_without_links(root_.get(), path, O_RDONLY | O_DIRECTORY));
      TRY(set_times_at(directory.get(), ".", info));
    }
    return {};
  }

 private:
  static Result<> regular(int parent, const std::string& name, const CopyItem& item) {
    Fd target(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!target) return Error::last_errno("create");
    if (item.inline_content) {
      TRY(write_all(target.get(), item.content));
    } else {
      TRY_ASSIGN(Fd source, item.from->view->open_entry(item.entry, O_RDONLY));
      TRY(copy_file_bytes(source.get(), target.get(), item.entry.info.st_size));
      if (::fchown(target.get(), item.owner.uid, item.owner.gid) != 0) return Error::last_errno("chown");
      TRY(copy_extended_attributes(source.get(), target.get()));
    }
    if (item.inline_content && ::fchown(target.get(), item.owner.uid, item.owner.gid) != 0)
      return Error::last_errno("chown");
    if (::fchmod(target.get(), item.mode & 07777) != 0) return Error::last_errno("chmod");
    timespec times[2] = {item.entry.info.st_mtim, item.entry.info.st_mtim};
    if (!item.inline_content && ::futimens(target.get(), times) != 0) return Error::last_errno("set times");
    return {};
  }

  static Result<> special(int parent, const std::string& name, const CopyItem& item) {
    if (S_ISLNK(item.mode)) {
      if (::symlinkat(item.link_target.c_str(), parent, name.c_str()) != 0)
        return Error::last_errno("create link");
    } else if (::mknodat(parent, name.c_str(), item.mode, item.entry.info.st_rdev) != 0) {
      return Error::last_errno("create node");
    }
    if (::fchownat(parent, name.c_str(), item.owner.uid, item.owner.gid, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("chown");
    if (!S_ISLNK(item.mode) && ::fchmodat(parent, name.c_str(), item.mode & 07777, 0) != 0)
      return Error::last_errno("chmod");
    return set_times_at(parent, name.c_str(), item.entry.info);
  }

  const LayerView& base_;
  Fd root_;
  std::set<std::string> made_;     // directories of this layer
  std::set<std::string> in_base_;  // those that the base has too
  std::set<std::string> files_;
  std::map<std::string, struct stat> times_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
  std::string parent_path_;
  Fd parent_;
  bool made_new_ = false;
};

// Places the items of a plan below a destination.
class Placement {
 public:
  Placement(const CopyPlan& plan, const CopyTarget& target, LayerWriter& writer)
      : plan_(plan), target_(target), writer_(writer) {}

  Result<> run() {
    TRY_ASSIGN(std::string destination, target_.base->resolve_for_creation(target_.destination));
    TRY_ASSIGN(std::optional<ViewEntry> there, target_.base->find(destination, false));
    bool is_directory = there && S_ISDIR(there->info.st_mode);
    if (plan_.single_file && !is_directory && !target_.destination_is_directory) {
      TRY(writer_.ensure_directory(parent_path(destination), target_.new_directories));
      return writer_.file(destination, plan_.items.front());
    }
    if (there && !is_directory) return conflict("cannot copy to /" + destination + ": not a directory");
    real_[""] = destination;
    if (plan_.items.empty()) return {};
    TRY(writer_.ensure_directory(destination, target_.new_directories));
    for (const CopyItem& item : plan_.items)
      if (!item.is_root) TRY(place(item));
    return {};
  }

 private:
  Result<> place(const CopyItem& item) {
    auto parent = real_.find(parent_path(item.target));
    if (parent == real_.end()) return Error("copy: parent of " + item.target + " was not planned");
    std::string path = join_path(parent->second, last_component(item.target));
    if (S_ISDIR(item.mode)) return directory(item, path);
    if (writer_.is_made(path)) return conflict("cannot copy a file over the directory /" + path);
    TRY_ASSIGN(std::optional<ViewEntry> below, writer_.find_below(path));
    if (below && S_ISDIR(below->info.st_mode))
      return conflict("cannot copy a file over the directory /" + path);
    return writer_.file(path, item);
  }

  Result<> directory(const CopyItem& item, std::string path) {
    TRY_ASSIGN(std::optional<ViewEntry> below, writer_.find_below(path));
    if (below && S_ISLNK(below->info.st_mode)) {
      TRY_ASSIGN(std::optional<ViewEntry> followed, target_.base->find(path, true));
      if (!followed || !S_ISDIR(followed->info.st_mode))
        return conflict("cannot copy a directory over the link /" + path);
      path = followed->path;
      below = std::move(followed);
    }
    if (below && !S_ISDIR(below->info.st_mode))
      return conflict("cannot copy to /" + path + ": not a directory");
    if (writer_.taken(path)) return conflict("cannot copy a directory over the file /" + path);
    real_[item.target] = path;
    if (writer_.is_made(path)) return {};
    if (below) return writer_.ensure_directory(path, target_.new_directories);
    return make(item, path);
  }

  Result<> make(const CopyItem& item, const std::string& path) {
    struct stat info = item.entry.info;
    info.st_mode = item.mode;
    info.st_uid = item.owner.uid;
    info.st_gid = item.owner.gid;
    Result<Fd> source = item.from->view->open_entry(item.entry, O_RDONLY | O_DIRECTORY);
    return writer_.make_directory(path, info, source ? &*source : nullptr);
  }

  const CopyPlan& plan_;
  const CopyTarget& target_;
  LayerWriter& writer_;
  std::map<std::string, std::string> real_;  // item target -> path in the image
};

}  // namespace

Result<> write_plan(const CopyPlan& plan, const CopyTarget& target) {
  TRY_ASSIGN(Fd root, open_file(target.layer, O_RDONLY | O_DIRECTORY));
  LayerWriter writer(*target.base, std::move(root));
  Placement placement(plan, target, writer);
  TRY(placement.run());
  return writer.finish();
}

Result<bool> write_directory(const LayerView& base, const std::string& layer, const std::string& path,
                             Owner owner) {
  TRY_ASSIGN(std::string real, base.resolve_for_creation(path));
  TRY_ASSIGN(std::optional<ViewEntry> there, base.find(real, false));
  if (there && S_ISDIR(there->info.st_mode)) return false;
  if (there) return conflict("/" + real + " is not a directory");
  TRY_ASSIGN(Fd root, open_file(layer, O_RDONLY | O_DIRECTORY));
  LayerWriter writer(base, std::move(root));
  TRY(writer.ensure_directory(real, owner));
  TRY(writer.finish());
  return writer.made_new();
}

}  // namespace stack::builder
