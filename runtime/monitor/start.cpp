// The entry point and the four functions that compilers call implicitly, for programs without a C library.
#include <stddef.h>

#include "runtime/monitor/system_calls.h"

extern "C" {

int program_main(int argc, char** argv, char** env);

[[noreturn]] void program_entry(long* stack) {
  int argc = static_cast<int>(stack[0]);
  char** argv = reinterpret_cast<char**>(stack + 1);
  stack::runtime::sys::exit(program_main(argc, argv, argv + argc + 1));
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call program_entry\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n and sp,x0,#-16\n bl program_entry\n");
#endif

void* memcpy(void* to, const void* from, size_t size) {
  char* t = static_cast<char*>(to);
  const char* f = static_cast<const char*>(from);
  for (size_t i = 0; i < size; ++i) t[i] = f[i];
  return to;
}

void* memmove(void* to, const void* from, size_t size) {
  char* t = static_cast<char*>(to);
  const char* f = static_cast<const char*>(from);
  if (t < f) {
    for (size_t i = 0; i < size; ++i) t[i] = f[i];
  } else {
    for (size_t i = size; i > 0; --i) t[i - 1] = f[i - 1];
  }
  return to;
}

void* memset(void* to, int value, size_t size) {
  char* t = static_cast<char*>(to);
  for (size_t i = 0; i < size; ++i) t[i] = static_cast<char>(value);
  return to;
}

int memcmp(const void* left, const void* right, size_t size) {
  const unsigned char* l = static_cast<const unsigned char*>(left);
  const unsigned char* r = static_cast<const unsigned char*>(right);
  for (size_t i = 0; i < size; ++i) {
    if (l[i] != r[i]) return l[i] < r[i] ? -1 : 1;
  }
  return 0;
}

}  // extern "C"
