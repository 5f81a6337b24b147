#include "runtime/container/mount_calls.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/rootfs/overlay.h"

namespace stack::runtime {

namespace {

constexpr uint64_t kNoSymlinks = 0x00200000;      // MOUNT_ATTR_NOSYMFOLLOW
constexpr unsigned long kNoSymlinksFlag = 0x100;  // MS_NOSYMFOLLOW

Error context_error(const Fd& fs, const std::string& what) {
  Error error = Error::last_errno(what);
  std::string log = mount_context_log(fs.get());
  return log.empty() ? error : Error::from_errno(what + " (" + log + ")", error.code());
}

Result<> set_option(const Fd& fs, const std::string& option) {
  size_t equals = option.find('=');
  int result = 0;
  if (equals == std::string::npos) {
    result = ::fsconfig(fs.get(), FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0);
  } else {
    std::string key = option.substr(0, equals);
    result = ::fsconfig(fs.get(), FSCONFIG_SET_STRING, key.c_str(), option.c_str() + equals + 1, 0);
  }
  if (result != 0) return context_error(fs, "option " + option);
  return {};
}

// MOUNT_ATTR_* as MS_*.
unsigned long mount_flags(uint64_t attributes) {
  unsigned long flags = 0;
  if ((attributes & MOUNT_ATTR_RDONLY) != 0) flags |= MS_RDONLY;
  if ((attributes & MOUNT_ATTR_NOSUID) != 0) flags |= MS_NOSUID;
  if ((attributes & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
  if ((attributes & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((attributes & MOUNT_ATTR_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((attributes & kNoSymlinks) != 0) flags |= kNoSymlinksFlag;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME) flags |= MS_NOATIME;
  if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) flags |= MS_STRICTATIME;
  return flags;
}

struct SuperblockWord {
  std::string_view word;
  unsigned long flag;
};
constexpr SuperblockWord kSuperblockWords[] = {
    {"sync", MS_SYNCHRONOUS},  {"async", 0},
    {"dirsync", MS_DIRSYNC},   {"mand", MS_MANDLOCK},
    {"lazytime", MS_LAZYTIME}, {"iversion", MS_I_VERSION},
};

// Removes the options that mount(2) represents as flags, and returns the flags.
unsigned long take_superblock_flags(std::vector<std::string>& options) {
  unsigned long flags = 0;
  for (const SuperblockWord& row : kSuperblockWords) {
    if (std::erase(options, row.word) > 0) flags |= row.flag;
  }
  return flags;
}

}  // namespace

Result<Fd> mount_new(const std::string& type, const std::string& source, const std::vector<std::string>& data,
                     uint64_t attributes) {
  Fd fs(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!fs) return Error::last_errno("file system type " + type);
  if (!source.empty() && source != type && source != "none") TRY(set_option(fs, "source=" + source));
  for (const std::string& option : data) TRY(set_option(fs, option));
  if (::fsconfig(fs.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return context_error(fs, "create " + type);
  Fd mount(::fsmount(fs.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount) return context_error(fs, "fsmount " + type);
  return mount;
}

Result<> mount_new_on(int target, const std::string& type, const std::string& source,
                      const std::vector<std::string>& data, uint64_t attributes) {
  if (::fchdir(target) != 0) return Error::last_errno("fchdir");
  return mount_new_here(".", type, source, data, attributes);
}

Result<> mount_new_here(const std::string& name, const std::string& type, const std::string& source,
                        const std::vector<std::string>& data, uint64_t attributes) {
  std::vector<std::string> words = data;
  unsigned long flags = mount_flags(attributes) | take_superblock_flags(words);
  std::string options = join(words, ",");
  const char* what = source.empty() ? type.c_str() : source.c_str();
  if (::mount(what, name.c_str(), type.c_str(), flags, options.empty() ? nullptr : options.c_str()) != 0)
    return Error::last_errno("mount " + type + (options.empty() ? "" : " (" + options + ")"));
  return {};
}

Result<Fd> clone_mount(int fd, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  Fd copy(::open_tree(fd, "", flags | (recursive ? AT_RECURSIVE : 0U)));
  if (!copy) return Error::last_errno("open_tree");
  return copy;
}

Result<Fd> clone_mount_at(const std::string& path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  Fd copy(::open_tree(AT_FDCWD, path.c_str(), flags | (recursive ? AT_RECURSIVE : 0U)));
  if (!copy) return Error::last_errno("bind source " + path);
  return copy;
}

Result<> change_mount(int mount, uint64_t set, uint64_t clear, bool recursive, uint64_t propagation) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U);
  if (::mount_setattr(mount, "", flags, &attributes, sizeof(attributes)) != 0)
    return Error::last_errno("mount_setattr");
  return {};
}

Result<> attach_mount(int mount, int target) {
  if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return Error::last_errno("move_mount");
  return {};
}

Result<> attach_mount_to_path(int mount, const std::string& path) {
  if (::move_mount(mount, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) != 0)
    return Error::last_errno("move_mount " + path);
  return {};
}

Result<> attach_mount_at(int mount, int parent, const std::string& name) {
  if (::move_mount(mount, "", parent, name.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return Error::last_errno("move_mount " + name);
  return {};
}

}  // namespace stack::runtime
