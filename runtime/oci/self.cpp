#include "runtime/oci/self.h"

#include <fcntl.h>
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

}  // namespace

Result<> run_from_protected_copy(char** argv, char** env) {
  if (on_protected_mount || on_read_only_mount()) return {};
  if (is_sealed_copy()) return {};
  TRY_ASSIGN(std::string contents, read_file(kSelf));
  TRY_ASSIGN(Fd copy, sealed_memfd("stack-runtime", contents));
  ::syscall(SYS_execveat, copy.get(), "", argv, env, AT_EMPTY_PATH);
  return Error::last_errno("execute a protected copy of this program");
}

}  // namespace stack::runtime::oci
