#include "runtime/spec/mount_options.h"

#include <sys/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace stack::runtime {

namespace {

enum class Kind : uint8_t {
  Attribute,           // of this mount
  RecursiveAttribute,  // of this mount and all submounts
  Propagation,
  Bind,
  RecursiveBind,
  Remount,
  CopyUp,
  IdMap,
  RecursiveIdMap,
  Superblock,  // passed to the file system
  Nothing,     // accepted; the default, or ignored on Linux
};

struct Row {
  std::string_view word;
  Kind kind;
  uint64_t set = 0;
  uint64_t clear = 0;
};

// Access-time modes are exclusive: setting one clears the whole field.
constexpr uint64_t kAtime = MOUNT_ATTR__ATIME;

constexpr Row kRows[] = {
    {"async", Kind::Superblock},
    {"atime", Kind::Attribute, 0, kAtime},
    {"bind", Kind::Bind},
    {"defaults", Kind::Nothing},
    {"dev", Kind::Attribute, 0, MOUNT_ATTR_NODEV},
    {"diratime", Kind::Attribute, 0, MOUNT_ATTR_NODIRATIME},
    {"dirsync", Kind::Superblock},
    {"exec", Kind::Attribute, 0, MOUNT_ATTR_NOEXEC},
    {"idmap", Kind::IdMap},
    {"iversion", Kind::Superblock},
    {"lazytime", Kind::Superblock},
    {"loud", Kind::Nothing},
    {"mand", Kind::Superblock},
    {"noatime", Kind::Attribute, MOUNT_ATTR_NOATIME, kAtime},
    {"nodev", Kind::Attribute, MOUNT_ATTR_NODEV},
    {"nodiratime", Kind::Attribute, MOUNT_ATTR_NODIRATIME},
    {"noexec", Kind::Attribute, MOUNT_ATTR_NOEXEC},
    {"noiversion", Kind::Nothing},
    {"nolazytime", Kind::Nothing},
    {"nomand", Kind::Nothing},
    {"norelatime", Kind::Attribute, 0, kAtime},
    {"nostrictatime", Kind::Attribute, 0, kAtime},
    {"nosuid", Kind::Attribute, MOUNT_ATTR_NOSUID},
    {"nosymfollow", Kind::Attribute, MOUNT_ATTR_NOSYMFOLLOW},
    {"private", Kind::Propagation, MS_PRIVATE},
    {"ratime", Kind::RecursiveAttribute, 0, kAtime},
    {"rbind", Kind::RecursiveBind},
    {"rdev", Kind::RecursiveAttribute, 0, MOUNT_ATTR_NODEV},
    {"rdiratime", Kind::RecursiveAttribute, 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", Kind::Attribute, MOUNT_ATTR_RELATIME, kAtime},
    {"remount", Kind::Remount},
    {"rexec", Kind::RecursiveAttribute, 0, MOUNT_ATTR_NOEXEC},
    {"ridmap", Kind::RecursiveIdMap},
    {"rnoatime", Kind::RecursiveAttribute, MOUNT_ATTR_NOATIME, kAtime},
    {"rnodev", Kind::RecursiveAttribute, MOUNT_ATTR_NODEV},
    {"rnodiratime", Kind::RecursiveAttribute, MOUNT_ATTR_NODIRATIME},
    {"rnoexec", Kind::RecursiveAttribute, MOUNT_ATTR_NOEXEC},
    {"rnorelatime", Kind::RecursiveAttribute, 0, kAtime},
    {"rnostrictatime", Kind::RecursiveAttribute, 0, kAtime},
    {"rnosuid", Kind::RecursiveAttribute, MOUNT_ATTR_NOSUID},
    {"rnosymfollow", Kind::RecursiveAttribute, MOUNT_ATTR_NOSYMFOLLOW},
    {"ro", Kind::Attribute, MOUNT_ATTR_RDONLY},
    {"rprivate", Kind::Propagation, MS_PRIVATE | MS_REC},
    {"rrelatime", Kind::RecursiveAttribute, MOUNT_ATTR_RELATIME, kAtime},
    {"rro", Kind::RecursiveAttribute, MOUNT_ATTR_RDONLY},
    {"rrw", Kind::RecursiveAttribute, 0, MOUNT_ATTR_RDONLY},
    {"rshared", Kind::Propagation, MS_SHARED | MS_REC},
    {"rslave", Kind::Propagation, MS_SLAVE | MS_REC},
    {"rstrictatime", Kind::RecursiveAttribute, MOUNT_ATTR_STRICTATIME, kAtime},
    {"rsuid", Kind::RecursiveAttribute, 0, MOUNT_ATTR_NOSUID},
    {"rsymfollow", Kind::RecursiveAttribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"runbindable", Kind::Propagation, MS_UNBINDABLE | MS_REC},
    {"rw", Kind::Attribute, 0, MOUNT_ATTR_RDONLY},
    {"shared", Kind::Propagation, MS_SHARED},
    {"silent", Kind::Nothing},
    {"slave", Kind::Propagation, MS_SLAVE},
    {"strictatime", Kind::Attribute, MOUNT_ATTR_STRICTATIME, kAtime},
    {"suid", Kind::Attribute, 0, MOUNT_ATTR_NOSUID},
    {"symfollow", Kind::Attribute, 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"sync", Kind::Superblock},
    {"tmpcopyup", Kind::CopyUp},
    {"unbindable", Kind::Propagation, MS_UNBINDABLE},
};

void change(uint64_t& set, uint64_t& clear, const Row& row) {
  set = (set & ~row.clear) | row.set;
  clear = (clear & ~row.set) | row.clear;
}

void apply(const Row& row, OciMount& mount) {
  switch (row.kind) {
    case Kind::Attribute:
      return change(mount.attributes_set, mount.attributes_clear, row);
    case Kind::RecursiveAttribute:
      return change(mount.recursive_set, mount.recursive_clear, row);
    case Kind::Propagation:
      mount.propagation = static_cast<unsigned long>(row.set);
      return;
    case Kind::Bind:
      mount.bind = true;
      return;
    case Kind::RecursiveBind:
      mount.bind = mount.recursive_bind = true;
      return;
    case Kind::Remount:
      mount.remount = true;
      return;
    case Kind::CopyUp:
      mount.copy_up = true;
      return;
    case Kind::IdMap:
      mount.id_mapped = true;
      return;
    case Kind::RecursiveIdMap:
      mount.id_mapped = mount.id_mapped_recursive = true;
      return;
    case Kind::Superblock:
      mount.data.emplace_back(row.word);
      return;
    case Kind::Nothing:
      return;
  }
}

}  // namespace

void apply_mount_option(std::string_view option, OciMount& mount) {
  for (const Row& row : kRows) {
    if (row.word == option) return apply(row, mount);
  }
  mount.data.emplace_back(option);
}

std::vector<std::string_view> known_mount_options() {
  std::vector<std::string_view> out;
  for (const Row& row : kRows) out.push_back(row.word);
  return out;
}

}  // namespace stack::runtime
