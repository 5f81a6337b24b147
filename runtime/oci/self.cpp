#include "runtime/oci/self.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

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

// Before main, and before the standard library sets itself up: that would be done for nothing, since the
// program begins anew. Whatever fails here is left to run_from_protected_copy(), which can say so.
[[gnu::constructor(101)]] void begin_protected(int argc, char** argv, char** env) {
  bool enters = false;
  for (int i = 1; i < argc && !enters; ++i) {
    for (const char* command : {"create", "run", "exec"})
      enters = enters || std::strcmp(argv[i], command) == 0;
  }
  if (!enters || on_read_only_mount()) return;
  int tree = ::open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return;
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) == 0)
    ::syscall(SYS_execveat, tree, "", argv, env, AT_EMPTY_PATH);
  ::close(tree);
}

}  // namespace

Result<> run_from_protected_copy(char** argv, char** env) {
  if (on_read_only_mount()) return {};
  if (is_sealed_copy()) return {};
  TRY_ASSIGN(std::string contents, read_file(kSelf));
  TRY_ASSIGN(Fd copy, sealed_memfd("stack-runtime", contents));
  ::syscall(SYS_execveat, copy.get(), "", argv, env, AT_EMPTY_PATH);
  return Error::last_errno("execute a protected copy of this program");
}

}  // namespace stack::runtime::oci
