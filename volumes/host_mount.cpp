#include "volumes/host_mount.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/files.h"
#include "base/text.h"
#include "volumes/loop_device.h"
#include "volumes/server_address.h"

namespace stack::volumes {

namespace {

constexpr uint64_t kMostMountInfo = 64U << 20;

Error mount_error(const VolumeMount& mount, int reason) {
  if (reason == ENODEV)
    return unsupported("this kernel does not support the file system type \"" + mount.type + "\"");
  return Error::from_errno("mount " + mount.source + " (" + mount.type + ")", reason);
}

uint64_t attributes_of(unsigned long flags) {
  const std::pair<unsigned long, uint64_t> kSame[] = {
      {MS_RDONLY, MOUNT_ATTR_RDONLY},   {MS_NOSUID, MOUNT_ATTR_NOSUID},       {MS_NODEV, MOUNT_ATTR_NODEV},
      {MS_NOEXEC, MOUNT_ATTR_NOEXEC},   {MS_NODIRATIME, MOUNT_ATTR_NODIRATIME}};
  uint64_t attributes = 0;
  for (auto [flag, attribute] : kSame)
    if ((flags & flag) != 0) attributes |= attribute;
  if ((flags & MS_NOATIME) != 0) attributes |= MOUNT_ATTR_NOATIME;
  if ((flags & MS_STRICTATIME) != 0) attributes |= MOUNT_ATTR_STRICTATIME;
  return attributes;
}

// Attaches the finished bind in one step. It is a slave of the host's mounts: as a peer, unmounting what is below it would
// also unmount it at its original place.
Result<> bind_on_host(const VolumeMount& mount, const std::string& target) {
  struct stat info{};
  if (::stat(mount.source.c_str(), &info) != 0) return Error::last_errno("device " + mount.source);
  if (!S_ISDIR(info.st_mode)) return invalid("device " + mount.source + " is not a directory");
  unsigned recursive = mount.recursive ? AT_RECURSIVE : 0U;
  Fd copy(::open_tree(AT_FDCWD, mount.source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive));
  if (!copy) return mount_error(mount, errno);
  mount_attr change{};
  change.attr_set = attributes_of(mount.flags);
  if ((change.attr_set & MOUNT_ATTR__ATIME) != 0) change.attr_clr = MOUNT_ATTR__ATIME;
  change.propagation = MS_SLAVE;
  if (::mount_setattr(copy.get(), "", AT_EMPTY_PATH | recursive, &change, sizeof change) != 0)
    return mount_error(mount, errno);
  if (::move_mount(copy.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return mount_error(mount, errno);
  return {};
}

// mountinfo writes space, tab, newline, and backslash as octal numbers.
std::string unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

}  // namespace

Result<> mount_on_host(const VolumeMount& mount, const std::string& target) {
  if (mount.type == "bind") return bind_on_host(mount, target);
  std::string source = mount.source;
  std::string options = mount.filesystem_options;
  LoopDevice loop;
  struct stat info{};
  if (source.starts_with('/') && ::stat(source.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    TRY_ASSIGN(loop, attach_loop_device(source, (mount.flags & MS_RDONLY) != 0));
    source = loop.path;
  }
  if (needs_server_address(mount.type)) {
    TRY_ASSIGN(options, with_server_address(source, options));
  }
  if (::mount(source.c_str(), target.c_str(), mount.type.c_str(), mount.flags, options.c_str()) != 0)
    return mount_error(mount, errno);
  return {};
}

bool is_mount_point(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &info) != 0) return false;
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Result<std::vector<std::string>> mount_points_below(const std::string& path) {
  TRY_ASSIGN(std::string text, read_file("/proc/self/mountinfo", kMostMountInfo));
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields = split(line, ' ');
    if (fields.size() < 5) continue;
    std::string point = unescaped(fields[4]);
    if (point == path || point.starts_with(path + "/")) found.push_back(std::move(point));
  }
  std::reverse(found.begin(), found.end());  // mountinfo lists parents first
  return found;
}

Result<> unmount_on_host(const std::string& target) {
  while (is_mount_point(target)) {
    TRY_ASSIGN(std::vector<std::string> points, mount_points_below(target));
    if (points.empty()) return {};
    for (const std::string& point : points) {
      if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL) continue;
      if (errno == EBUSY) return conflict(point + " is in use by a process of the host");
      return Error::last_errno("unmount " + point);
    }
  }
  return {};
}

}  // namespace stack::volumes
