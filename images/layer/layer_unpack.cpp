#include "images/layer/layer_unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "base/copy_tree.h"
#include "base/fd.h"
#include "base/files.h"
#include "base/path.h"
#include "base/rooted_path.h"
#include "base/text.h"

namespace stack::images {

namespace {

constexpr std::string_view kWhiteout = ".wh.";
// Directory times are kept in memory until the end.
constexpr size_t kMostDirectories = 2'000'000;
constexpr std::string_view kOpaque = ".wh..wh..opq";
// At the top of layers that Docker's aufs driver made: data of the driver, not of the image.
constexpr std::string_view kAufsData = ".wh..wh.";

// Cleaned like in Docker, relative, without "..", which must not lead outside: "" is the root itself.
Result<std::string> safe_name(const std::string& name) {
  std::string out;
  for (const std::string& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return invalid("entry leads outside: " + name);
      size_t slash = out.rfind('/');
      out.erase(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (part.size() > NAME_MAX) return invalid("name is too long: " + part.substr(0, 40) + "...");
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

class Unpacker {
 public:
  Unpacker(TarReader& reader, int root, const UnpackOptions& options)
      : reader_(reader), root_(root), options_(options) {}

  Result<> run() {
    for (;;) {
      TRY_ASSIGN(std::optional<TarMember> member, reader_.next());
      if (!member) break;
      TRY(entry(*member).in(member->name));
    }
    return finish_directories();
  }

  UnpackReport report() { return {content_size_, {implied_.begin(), implied_.end()}}; }

 private:
  Result<> entry(const TarMember& member) {
    if (std::string_view("0123456S").find(member.type) == std::string_view::npos) return {};
    TRY_ASSIGN(std::string path, safe_name(member.name));
    if (path.empty() && member.type != '5') return invalid("the root must be a directory");
    if (options_.rename && !path.empty()) path = options_.rename(path);
    if (path.empty()) return options_.keep_root ? Result<>() : root_entry(member);
    if (options_.whiteouts && path.starts_with(kAufsData) && path != kOpaque) return {};
    TRY_ASSIGN(path, resolved(placed(path)));
    std::string name = last_component(path);
    TRY_ASSIGN(int parent, parent_directory(parent_path(path)));
    if (options_.whiteouts && name.starts_with(kWhiteout)) return whiteout(parent, parent_path(path), name);
    if (member.type == '5') return directory(parent, path, name, member);
    if (member.type == '0') return file(parent, path, name, member);
    TRY(make_room(parent, path, name));
    if (member.type == '1') return hard_link(parent, name, member);
    return special(parent, name, member);
  }

  std::string placed(const std::string& path) const {
    return options_.below.empty() ? path : options_.below + "/" + path;
  }

  // The path without links of earlier entries in its parents: entries below a link belong to its target, as in Docker. What
  // does not exist yet stays as it is.
  Result<std::string> resolved(const std::string& path) {
    std::string parent = parent_path(path);
    if (options_.follow_links || parent.empty() || (parent_ && parent == parent_path_)) return path;
    if (open_below_without_links(root_, parent, O_PATH | O_DIRECTORY)) return path;
    TRY_ASSIGN(std::string real, without_links(parent));
    return join_path(real, last_component(path));
  }

  Result<std::string> without_links(const std::string& path) const {
    constexpr int kMostLinks = 40;  // as in path_resolution(7)
    std::vector<std::string> names = split(path, '/');
    std::deque<std::string> left(names.begin(), names.end());
    std::string real;
    for (int links = 0; !left.empty();) {
      std::string name = std::move(left.front());
      left.pop_front();
      if (name.empty() || name == ".") continue;
      if (name == "..") {
        real = parent_path(real);
        continue;
      }
      std::string next = join_path(real, name);
      TRY_ASSIGN(std::optional<std::string> target, link_target(next));
      if (!target) {
        real = std::move(next);
        continue;
      }
      if (++links > kMostLinks) return path;  // a loop: the later entry replaces the link
      if (target->starts_with('/')) real.clear();
      names = split(*target, '/');
      left.insert(left.begin(), names.begin(), names.end());
    }
    return real;
  }

  // nullopt if nothing or something else is there.
  Result<std::optional<std::string>> link_target(const std::string& path) const {
    Result<Fd> found = open_below_without_links(root_, path, O_PATH | O_NOFOLLOW);
    struct stat info{};
    if (!found || ::fstat(found->get(), &info) != 0 || !S_ISLNK(info.st_mode))
      return std::optional<std::string>();
    std::string target(PATH_MAX, '\0');
    ssize_t length = ::readlinkat(found->get(), "", target.data(), target.size());
    if (length < 0) return Error::last_errno("read link " + path);
    target.resize(static_cast<size_t>(length));
    return std::optional(std::move(target));
  }

  uid_t owner(const TarMember& member) const {
    return options_.override_owner ? options_.uid : id(member.uid);
  }
  gid_t group(const TarMember& member) const {
    return options_.override_owner ? options_.gid : id(member.gid);
  }
  static uint32_t id(int64_t value) { return static_cast<uint32_t>(value); }

  static Result<> check_owner(const TarMember& member) {
    // 4294967295 is -1, which chown(2) leaves alone.
    if (member.uid < 0 || member.uid > UINT32_MAX || member.gid < 0 || member.gid > UINT32_MAX)
      return invalid("owner out of range");
    return {};
  }

  Result<> root_entry(const TarMember& member) {
    TRY(check_owner(member));
    TRY(set_attributes(root_, member));
    if (::fchown(root_, owner(member), group(member)) != 0) return Error::last_errno("chown");
    if (::fchmod(root_, member.mode) != 0) return Error::last_errno("chmod");
    return {};
  }

  // Opens the parent without following links and creates missing directories. Kept open while more entries follow
  // in it.
  Result<int> parent_directory(const std::string& path) {
    if (path.empty()) return root_;
    if (parent_ && path == parent_path_) return parent_.get();
    int flags = O_RDONLY | O_DIRECTORY;
    Result<Fd> found =
        options_.follow_links ? open_below(root_, path, flags) : open_below_without_links(root_, path, flags);
    if (!found) {
      TRY_ASSIGN(parent_, make_parents(path));
    } else {
      parent_ = std::move(*found);
    }
    struct stat info{};
    if (::fstat(parent_.get(), &info) != 0) return Error::last_errno("stat " + path);
    parent_group_ = info.st_gid;
    parent_path_ = path;
    return parent_.get();
  }

  Result<Fd> make_parents(const std::string& path) {
    Fd current(::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!current) return Error::last_errno("open");
    std::string done;
    for (const std::string& part : split(path, '/')) {
      done += (done.empty() ? "" : "/") + part;
      TRY_ASSIGN(current, enter(current, done, part));
    }
    return current;
  }

  Result<Fd> enter(const Fd& current, const std::string& done, const std::string& part) {
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd next(::openat(current.get(), part.c_str(), flags));
    if (next) return next;
    if (options_.follow_links && (errno == ELOOP || errno == ENOTDIR)) {
      Result<Fd> followed = open_below(root_, done, O_RDONLY | O_DIRECTORY);
      if (followed) return followed;
    }
    // A file or link of this archive in the way of a directory: the later entry wins.
    if (errno != ENOENT && ::unlinkat(current.get(), part.c_str(), 0) != 0)
      return Error::last_errno("replace " + done);
    if (::mkdirat(current.get(), part.c_str(), 0755) != 0)
      return Error::last_errno("create directory " + done);
    implied_.insert(done);
    if (options_.override_owner &&
        ::fchownat(current.get(), part.c_str(), options_.uid, options_.gid, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("chown " + done);
    next.reset(::openat(current.get(), part.c_str(), flags));
    if (!next) return Error::last_errno("open " + done);
    return next;
  }

  // Removes the file of an earlier entry with this name.
  Result<> make_room(int parent, const std::string& path, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR) return Error::last_errno("replace");
    if (options_.follow_links && !options_.replace_kinds)
      return conflict("cannot overwrite directory \"" + path + "\" with non-directory");
    forget_directories(path);
    return remove_tree("/proc/self/fd/" + std::to_string(parent) + "/" + name);
  }

  void forget_directories(const std::string& path) {
    parent_.reset();
    parent_path_.clear();
    auto inside = [&](const std::string& item) { return item == path || item.starts_with(path + "/"); };
    std::erase_if(times_, [&](const auto& item) { return inside(item.first); });
    std::erase_if(implied_, inside);
  }

  Result<> whiteout(int parent, const std::string& parent_path, const std::string& name) {
    if (name == kOpaque) return opaque(parent, parent_path);
    std::string hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(kWhiteout))
      return invalid("bad whiteout name");
    struct stat info{};
    // Only lower layers are hidden: files of this layer stay.
    if (::fstatat(parent, hidden.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(info.st_mode)) {
        Fd fd(::openat(parent, hidden.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (fd) return mark_opaque(fd.get());
      }
      return {};
    }
    if (::mknodat(parent, hidden.c_str(), S_IFCHR, makedev(0, 0)) != 0) return Error::last_errno("whiteout");
    return {};
  }

  Result<> opaque(int parent, const std::string& parent_path) {
    if (parent_path.empty()) return {};  // overlay cannot represent an opaque root
    return mark_opaque(parent);
  }

  static Result<> mark_opaque(int directory) {
    if (::fsetxattr(directory, "trusted.overlay.opaque", "y", 1, 0) == 0) return {};
    if (errno == EPERM && ::fsetxattr(directory, "user.overlay.opaque", "y", 1, 0) == 0) return {};
    return Error::last_errno("mark directory opaque");
  }

  Result<> directory(int parent, const std::string& path, const std::string& name, const TarMember& member) {
    TRY(check_owner(member));
    struct stat info{};
    bool there = ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    bool was_whiteout = there && S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
    bool keep = there && (S_ISDIR(info.st_mode) || (options_.follow_links && S_ISLNK(info.st_mode)));
    if (keep && S_ISLNK(info.st_mode) && !leads_to_directory(path)) keep = false;
    if (there && !keep && options_.follow_links && !options_.replace_kinds)
      return conflict("cannot overwrite non-directory \"" + path + "\" with directory");
    if (there && !keep) {
      if (::unlinkat(parent, name.c_str(), 0) != 0) return Error::last_errno("replace");
    }
    if (!keep && ::mkdirat(parent, name.c_str(), 0700) != 0) return Error::last_errno("create directory");
    Fd fd;
    if (keep && S_ISLNK(info.st_mode)) {
      TRY_ASSIGN(fd, open_below(root_, path, O_RDONLY | O_DIRECTORY));
      return {};  // the link's target keeps its own attributes
    }
    fd.reset(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return Error::last_errno("open directory");
    if (::fchown(fd.get(), owner(member), group(member)) != 0) return Error::last_errno("chown");
    TRY(set_attributes(fd.get(), member));
    if (was_whiteout && options_.whiteouts) TRY(mark_opaque(fd.get()));
    if (::fchmod(fd.get(), member.mode) != 0) return Error::last_errno("chmod");
    times_[path] = member.mtime;
    if (times_.size() > kMostDirectories) return invalid("too many directories");
    implied_.erase(path);
    if (path == parent_path_) parent_group_ = group(member);
    return {};
  }

  bool leads_to_directory(const std::string& path) const {
    return open_below(root_, path, O_PATH | O_DIRECTORY).has_value();
  }

  Result<> hard_link(int parent, const std::string& name, const TarMember& member) {
    TRY_ASSIGN(std::string target, safe_name(member.link_name));
    if (target.empty()) return invalid("bad hard link");
    if (options_.rename) target = options_.rename(target);
    TRY_ASSIGN(target, resolved(placed(target)));
    Result<Fd> folder = options_.follow_links
                            ? open_below(root_, parent_path(target), O_PATH | O_DIRECTORY)
                            : open_below_without_links(root_, parent_path(target), O_PATH | O_DIRECTORY);
    if (!folder) return std::move(folder).error().in("hard link to " + target);
    // Without AT_SYMLINK_FOLLOW, this links to a symbolic link itself, never to its target.
    if (::linkat(folder->get(), last_component(target).c_str(), parent, name.c_str(), 0) != 0)
      return Error::last_errno("hard link to " + target);
    return {};
  }

  Result<Fd> create(int parent, const std::string& path, const std::string& name, mode_t mode) {
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd fd(::openat(parent, name.c_str(), flags, mode));
    if (fd) return fd;
    if (errno != EEXIST) return Error::last_errno("create");
    TRY(make_room(parent, path, name));
    fd.reset(::openat(parent, name.c_str(), flags, mode));
    if (!fd) return Error::last_errno("create");
    return fd;
  }

  // A new file in a directory of root's group already belongs to root.
  bool is_owned_when_made(int parent, const TarMember& member) const {
    return made_by_root_ && owner(member) == 0 && group(member) == 0 && parent != root_ && parent_group_ == 0;
  }

  Result<> file(int parent, const std::string& path, const std::string& name, const TarMember& member) {
    TRY(check_owner(member));
    bool mode_stays = options_.mask_is_zero && (member.mode & 07000) == 0;
    TRY_ASSIGN(Fd fd, create(parent, path, name, mode_stays ? member.mode : 0600));
    TRY(member.pieces ? sparse_content(fd.get(), member) : content(fd.get(), member.size));
    content_size_ += member.size;
    if (!is_owned_when_made(parent, member) && ::fchown(fd.get(), owner(member), group(member)) != 0)
      return Error::last_errno("chown");
    TRY(set_attributes(fd.get(), member));  // after chown, which clears capabilities
    if (!mode_stays && ::fchmod(fd.get(), member.mode) != 0) return Error::last_errno("chmod");
    timespec times[2] = {{member.mtime, 0}, {member.mtime, 0}};
    if (::futimens(fd.get(), times) != 0) return Error::last_errno("set times");
    return {};
  }

  Result<> content(int fd, int64_t size) {
    while (size > 0) {
      TRY_ASSIGN(size_t n, reader_.read(buffer_.data(), std::min(buffer_.size(), static_cast<size_t>(size))));
      if (n == 0) return invalid("unexpected end of content");
      TRY(write_all(fd, std::string_view(buffer_.data(), n)));
      size -= static_cast<int64_t>(n);
    }
    return {};
  }

  Result<> sparse_content(int fd, const TarMember& member) {
    for (auto [offset, length] : *member.pieces) {
      if (::lseek(fd, offset, SEEK_SET) < 0) return Error::last_errno("seek");
      TRY(content(fd, length));
    }
    if (::ftruncate(fd, member.size) != 0) return Error::last_errno("truncate");
    return {};
  }

  Result<> special(int parent, const std::string& name, const TarMember& member) {
    TRY(check_owner(member));
    if (member.type == '2') {
      if (member.link_name.empty()) return invalid("symbolic link without a target");
      if (::symlinkat(member.link_name.c_str(), parent, name.c_str()) != 0)
        return Error::last_errno("create link");
    } else {
      TRY(make_node(parent, name, member));
    }
    if (::fchownat(parent, name.c_str(), owner(member), group(member), AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("chown");
    if (member.type != '2' && ::fchmodat(parent, name.c_str(), member.mode, 0) != 0)
      return Error::last_errno("chmod");
    timespec times[2] = {{member.mtime, 0}, {member.mtime, 0}};
    if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return Error::last_errno("set times");
    return {};
  }

  Result<> make_node(int parent, const std::string& name, const TarMember& member) {
    mode_t kind = member.type == '3' ? S_IFCHR : member.type == '4' ? S_IFBLK : S_IFIFO;
    if (kind != S_IFIFO && !options_.devices) return unsupported("device nodes are not allowed here");
    dev_t device = makedev(member.device_major, member.device_minor);
    // Character device 0/0 is overlay's whiteout: an archive must not contain one.
    if (kind == S_IFCHR && device == makedev(0, 0)) return invalid("device 0/0");
    if (::mknodat(parent, name.c_str(), kind | 0600, kind == S_IFIFO ? 0 : device) != 0)
      return Error::last_errno("create node");
    return {};
  }

  static Result<> set_attributes(int fd, const TarMember& member) {
    for (const auto& [name, value] : member.xattrs) {
      if (!is_portable_attribute(name)) continue;
      if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) == 0) continue;
      if (errno == ENOTSUP || errno == EPERM) continue;
      return Error::last_errno("set attribute " + name);
    }
    return {};
  }

  // Done last, because creating entries changes the times; the map's reverse order is deepest first.
  Result<> finish_directories() {
    for (auto item = times_.rbegin(); item != times_.rend(); ++item) {
      Result<Fd> fd = options_.follow_links
                          ? open_below(root_, item->first, O_RDONLY | O_DIRECTORY)
                          : open_below_without_links(root_, item->first, O_RDONLY | O_DIRECTORY);
      if (!fd) continue;  // replaced by a later entry
      timespec times[2] = {{item->second, 0}, {item->second, 0}};
      if (::futimens(fd->get(), times) != 0) return Error::last_errno("set times of " + item->first);
    }
    return {};
  }

  TarReader& reader_;
  int root_;
  const UnpackOptions& options_;
  std::string parent_path_;
  Fd parent_;
  gid_t parent_group_ = 0;
  bool made_by_root_ = ::geteuid() == 0 && ::getegid() == 0;
  std::map<std::string, int64_t> times_;
  std::set<std::string> implied_;
  int64_t content_size_ = 0;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

Result<> unpack_tar(TarReader& reader, int directory, const UnpackOptions& options, UnpackReport* report) {
  Unpacker unpacker(reader, directory, options);
  TRY(unpacker.run().in("unpack"));
  if (report != nullptr) *report = unpacker.report();
  return {};
}

}  // namespace stack::images
