#include "runtime/oci/self.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace stack::runtime::oci {

namespace {

constexpr const char* kSelf = "/proc/self/exe";

bool on_read_only_mount() {
  struct statvfs info{};
  return ::statvfs(kSelf, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

bool is_sealed_copy() {
  Fd self(::open(kSelf, O_RDONLY | O_CLOEXEC));
  int seals = self ? ::fcntl(self.get(), F_GET_SEALS) : -1;
  return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

Result<Fd> mount_read_only() {
  Fd tree(::open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return Error::last_errno("open_tree");
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0)
    return Error::last_errno("mount_setattr");
  return tree;
}

}  // namespace

Result<> run_from_protected_copy(char** argv, char** env) {
  if (on_read_only_mount()) return {};
  Result<Fd> copy = mount_read_only();
  if (!copy) {
    if (is_sealed_copy()) return {};
    TRY_ASSIGN(std::string contents, read_file(kSelf));
    copy = sealed_memfd("stack-runtime", contents);
  }
  TRY(copy);
  ::syscall(SYS_execveat, copy->get(), "", argv, env, AT_EMPTY_PATH);
  return Error::last_errno("execute a protected copy of this program");
}

}  // namespace stack::runtime::oci
