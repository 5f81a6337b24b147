// The program's entry point, which runs before the C library's. A process that enters a container executes a
// read-only copy of this program (self.h); any library setup before that would be wasted.
//
// Nothing is ready here: no thread-local storage (errno), no relocated functions (memcpy). Therefore this file makes
// system calls directly and uses no library functions. After a failure, run_from_protected_copy() tries again and can
// report errors.
#include <linux/mount.h>
#include <sys/vfs.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/oci/self.h"

namespace {

constexpr const char* kSelf = "/proc/self/exe";
constexpr long kReadOnlyMount = 1;         // ST_RDONLY
constexpr long kEmptyPath = 0x1000;        // AT_EMPTY_PATH
constexpr long kCloneTree = 1 | 02000000;  // OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC

bool same(const char* left, const char* right) {
  while (*left != '\0' && *left == *right) {
    ++left;
    ++right;
  }
  return *left == *right;
}

bool enters_container(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (same(argv[i], "run") || same(argv[i], "exec") || same(argv[i], "create")) return true;
  }
  return false;
}

}  // namespace

extern "C" void stack_begin_protected(long* stack) {
  namespace sys = stack::runtime::sys;
  int argc = static_cast<int>(stack[0]);
  char** argv = reinterpret_cast<char**>(stack + 1);
  char** env = argv + argc + 1;
  if (!enters_container(argc, argv)) return;
  struct statfs info;
  if (sys::call(__NR_statfs, sys::pointer(kSelf), sys::pointer(&info)) == 0 &&
      (info.f_flags & kReadOnlyMount) != 0) {
    stack::runtime::oci::on_protected_mount = true;
    return;
  }
  long tree = sys::call(__NR_open_tree, sys::kAtFdcwd, sys::pointer(kSelf), kCloneTree);
  if (tree < 0) return;
  mount_attr attributes;
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  attributes.attr_clr = 0;
  attributes.propagation = 0;
  attributes.userns_fd = 0;
  if (sys::call(__NR_mount_setattr, tree, sys::pointer(""), kEmptyPath, sys::pointer(&attributes),
                sizeof(attributes)) == 0)
    sys::call(__NR_execveat, tree, sys::pointer(""), sys::pointer(argv), sys::pointer(env), kEmptyPath);
  sys::close(static_cast<int>(tree));
}

// The stack is as the kernel left it, with its pointer aligned to 16; rdx (x0) has the function that the library's
// start code must call at exit.
#if defined(__x86_64__)
asm(".globl stack_runtime_entry\n"
    ".type stack_runtime_entry,@function\n"
    "stack_runtime_entry:\n"
    " xor %ebp,%ebp\n"
    " mov %rdx,%rbx\n"
    " mov %rsp,%rdi\n"
    " call stack_begin_protected\n"
    " mov %rbx,%rdx\n"
    " jmp _start\n");
#elif defined(__aarch64__)
asm(".globl stack_runtime_entry\n"
    ".type stack_runtime_entry,%function\n"
    "stack_runtime_entry:\n"
    " mov x29,#0\n"
    " mov x19,x0\n"
    " mov x0,sp\n"
    " bl stack_begin_protected\n"
    " mov x0,x19\n"
    " mov x30,#0\n"
    " b _start\n");
#endif
