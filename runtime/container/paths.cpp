// Masked and read-only paths.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "runtime/container/mount_calls.h"
#include "runtime/container/setup.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

constexpr unsigned kCloneTree = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW;

// Entries that procfs may have at its top and that are links in no kernel: mounted on by name, from the working
// directory.
struct ProcName {
  std::string_view path;
  bool directory;
};
constexpr ProcName kHidden[] = {
    {"/proc/acpi", true},         {"/proc/asound", true}, {"/proc/interrupts", false},
    {"/proc/kcore", false},       {"/proc/keys", false},  {"/proc/latency_stats", false},
    {"/proc/sched_debug", false}, {"/proc/scsi", true},   {"/proc/timer_list", false},
    {"/proc/timer_stats", false},
};
constexpr std::array<std::string_view, 5> kPlain = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                    "/proc/sysrq-trigger"};

bool is_null_device(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
}

// Mounts that hide files and directories: the host's null device and an empty read-only directory, each created once.
class Covers {
 public:
  explicit Covers(const Setup& setup) : setup_(setup) {}

  // A detached mount to put over a file or a directory.
  Result<Fd> take(bool directory) { return directory ? take_directory() : take_file(); }

  // Covers a name in our own procfs, which is the working directory, with one call; a missing name needs no cover.
  // False: its kind may differ, so the caller must use the general method.
  Result<bool> put_over(const ProcName& place) {
    std::string name(place.path.substr(std::string_view("/proc/").size()));
    return place.directory ? cover_directory(name) : cover_file(name);
  }

 private:
  Result<bool> cover_directory(const std::string& name) {
    constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    int done = empty_name_.empty()
                   ? ::mount("tmpfs", name.c_str(), "tmpfs", kFlags, "mode=755,nr_inodes=2,size=4k")
                   : ::mount(empty_name_.c_str(), name.c_str(), nullptr, MS_BIND, nullptr);
    if (done != 0) return errno == ENOENT;
    if (empty_name_.empty()) empty_name_ = name;
    return true;
  }

  Result<bool> cover_file(const std::string& name) {
    const char* source = null_name_.empty() ? "/dev/null" : null_name_.c_str();
    // With the host's path as the source, it would be unclear which of the two is missing.
    if (::mount(source, name.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return errno == ENOENT && !null_name_.empty();
    if (!null_name_.empty()) return true;
    struct stat info{};
    if (::stat(name.c_str(), &info) != 0) return Error::last_errno("stat " + name);
    if (!is_null_device(info)) return invalid("/dev/null is not the null device");
    null_name_ = name;
    return true;
  }

  Result<Fd> take_file() {
    if (!null_) {
      null_ = Fd(::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC));
      struct stat info{};
      if (!null_ || ::fstat(null_.get(), &info) != 0) return Error::last_errno("open /dev/null");
      if (!is_null_device(info)) return invalid("/dev/null is not the null device");
    }
    return clone_mount(null_.get(), false);
  }

  Result<Fd> take_directory() {
    if (!empty_name_.empty()) {
      Fd copy(::open_tree(setup_.proc.get(), empty_name_.c_str(), kCloneTree));
      if (!copy) return Error::last_errno("open_tree " + empty_name_);
      return copy;
    }
    if (!empty_) {
      TRY_ASSIGN(empty_, mount_new("tmpfs", "", {"mode=755", "nr_inodes=2", "size=4k"}, MOUNT_ATTR_RDONLY));
      return empty_.duplicate();
    }
    // The first one is already attached: before Linux 6.15, only attached mounts can be cloned.
    return clone_mount(empty_.get(), false);
  }

  const Setup& setup_;
  Fd null_;
  Fd empty_;
  // Names in our procfs that are already covered.
  std::string null_name_;
  std::string empty_name_;
};

// The location of a path: a name in the procfs that we mounted, or a descriptor.
struct Place {
  int parent = -1;
  std::string name;  // "": use `fd`
  Fd fd;
  bool directory = false;
};

// nullopt: it does not exist or is not accessible.
Result<std::optional<Place>> find_place(Setup& setup, const std::string& path) {
  setup.object = path;
  Place place;
  struct stat info{};
  // The top of our own procfs has no links created by an image; one call finds the kind.
  if (setup.proc && path.starts_with("/proc/") && path.find('/', 6) == std::string::npos && path.size() > 6) {
    place.parent = setup.proc.get();
    place.name = path.substr(6);
    if (::fstatat(place.parent, place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT || errno == EACCES) return std::optional<Place>();
      return Error::last_errno("stat " + path);
    }
    if (!S_ISLNK(info.st_mode)) {
      place.directory = S_ISDIR(info.st_mode);
      return std::optional<Place>(std::move(place));
    }
    place.name.clear();
  }
  Result<Fd> fd = open_in_root(setup.root.get(), path, O_PATH);
  if (!fd && (fd.error().kind() == ErrorKind::NotFound || fd.error().code() == EACCES))
    return std::optional<Place>();
  if (!fd) return std::move(fd).error();
  if (::fstat(fd->get(), &info) != 0) return Error::last_errno("stat " + path);
  place.fd = std::move(*fd);
  place.directory = S_ISDIR(info.st_mode);
  return std::optional<Place>(std::move(place));
}

Result<> put_over(Setup& setup, Fd mount, Place place) {
  Result<> done = place.name.empty() ? attach_mount(mount.get(), place.fd.get())
                                     : attach_mount_at(mount.get(), place.parent, place.name);
  setup.keep(std::move(mount));
  setup.keep(std::move(place.fd));
  return done;
}

const ProcName* find_hidden(const Setup& setup, const std::string& path) {
  if (!setup.proc) return nullptr;
  auto found = std::find_if(std::begin(kHidden), std::end(kHidden),
                            [&](const ProcName& row) { return row.path == path; });
  return found == std::end(kHidden) ? nullptr : found;
}

Result<> mask(Setup& setup, Covers& covers, const std::string& path) {
  setup.object = path;
  if (const ProcName* known = find_hidden(setup, path)) {
    TRY_ASSIGN(bool covered, covers.put_over(*known));
    if (covered) return {};
  }
  TRY_ASSIGN(std::optional<Place> place, find_place(setup, path));
  if (!place) return {};
  TRY_ASSIGN(Fd cover, covers.take(place->directory).in(path));
  return put_over(setup, std::move(cover), std::move(*place)).in(path);
}

Result<> make_place_readonly(Setup& setup, const std::string& path) {
  TRY_ASSIGN(std::optional<Place> place, find_place(setup, path));
  if (!place) return {};
  Fd copy;
  if (place->name.empty()) {
    TRY_ASSIGN(copy, clone_mount(place->fd.get(), true).in(path));
  } else {
    copy = Fd(::open_tree(place->parent, place->name.c_str(), kCloneTree));
    if (!copy) return Error::last_errno(path);
  }
  TRY(change_mount(copy.get(), MOUNT_ATTR_RDONLY, 0, true).in(path));
  return put_over(setup, std::move(copy), std::move(*place)).in(path);
}

// Top-level names of procfs that are not links need no lookup: the bind mount itself shows whether they exist.
Result<> make_readonly(Setup& setup, const std::string& path) {
  if (!setup.proc || std::find(kPlain.begin(), kPlain.end(), path) == kPlain.end())
    return make_place_readonly(setup, path);
  setup.object = path;
  std::string name = path.substr(std::string_view("/proc/").size());
  if (::mount(name.c_str(), name.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    if (errno == ENOENT || errno == EACCES) return {};
    return Error::last_errno(path);
  }
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, name.c_str(), AT_RECURSIVE | AT_SYMLINK_NOFOLLOW, &attributes,
                      sizeof(attributes)) != 0)
    return Error::last_errno("mount_setattr " + path);
  return {};
}

}  // namespace

Result<> hide_paths(Setup& setup) {
  const OciSpec& spec = setup.plan.spec;
  if (spec.readonly_paths.empty() && spec.masked_paths.empty()) return {};
  if (setup.proc && ::fchdir(setup.proc.get()) != 0) return Error::last_errno("fchdir /proc");
  for (const std::string& path : spec.readonly_paths) TRY(make_readonly(setup, path));
  Covers covers(setup);
  for (const std::string& path : spec.masked_paths) TRY(mask(setup, covers, path));
  return {};
}

}  // namespace stack::runtime
