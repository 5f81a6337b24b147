// System calls for the monitor and init without a C library: each returns the kernel's value, -errno on failure. These
// programs run once per container, so every page counts.
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

namespace stack::runtime::sys {

#if defined(__x86_64__)

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

#else
#error "add the system call convention of this machine"
#endif

inline long pointer(const void* p) { return reinterpret_cast<long>(p); }

struct TimeSpec {
  int64_t seconds;
  int64_t nanoseconds;
};

struct PollFd {
  int fd;
  short events;
  short revents;
};
constexpr short kPollIn = 1, kPollPri = 2, kPollOut = 4, kPollErr = 8, kPollHup = 16;

constexpr int kEintr = 4, kEagain = 11, kEnospc = 28;
constexpr int kAtFdcwd = -100;

// Open flags that are equal on all supported architectures, and one that is not.
constexpr int kWriteOnly = 1, kReadWrite = 2, kCreate = 0100, kTruncate = 01000, kAppend = 02000,
              kNonblock = 04000, kCloexec = 02000000, kNoctty = 0400;

inline long read(int fd, void* to, size_t size) {
  return call(__NR_read, fd, pointer(to), static_cast<long>(size));
}
inline long write(int fd, const void* from, size_t size) {
  return call(__NR_write, fd, pointer(from), static_cast<long>(size));
}
inline long pread(int fd, void* to, size_t size, long offset) {
  return call(__NR_pread64, fd, pointer(to), static_cast<long>(size), offset);
}
inline long close(int fd) { return call(__NR_close, fd); }
inline long openat(int directory, const char* name, int flags, int mode) {
  return call(__NR_openat, directory, pointer(name), flags, mode);
}
inline long poll(PollFd* fds, size_t count, const TimeSpec* timeout) {
  return call(__NR_ppoll, pointer(fds), static_cast<long>(count), pointer(timeout), 0, 0);
}
inline long clock(int which, TimeSpec* out) { return call(__NR_clock_gettime, which, pointer(out)); }
inline long renameat(int directory, const char* from, const char* to) {
  return call(__NR_renameat2, directory, pointer(from), directory, pointer(to), 0);
}
inline long unlinkat(int directory, const char* name) {
  return call(__NR_unlinkat, directory, pointer(name), 0);
}
inline long fsync(int fd) { return call(__NR_fsync, fd); }
inline long ftruncate(int fd, long size) { return call(__NR_ftruncate, fd, size); }
inline long lseek(int fd, long offset, int whence) { return call(__NR_lseek, fd, offset, whence); }
inline long fcntl(int fd, int command, long argument) { return call(__NR_fcntl, fd, command, argument); }
inline long ioctl(int fd, unsigned long request, const void* argument) {
  return call(__NR_ioctl, fd, static_cast<long>(request), pointer(argument));
}
inline long flock(int fd, int operation) { return call(__NR_flock, fd, operation); }
inline long getpid() { return call(__NR_getpid); }
inline long duplicate(int from, int to) { return call(__NR_dup3, from, to, 0); }
inline long pipe(int (&ends)[2]) { return call(__NR_pipe2, pointer(ends), kCloexec); }
// Anonymous memory, allocated on first access; -errno on failure.
inline long map_memory(size_t size) {
  return call(__NR_mmap, 0, static_cast<long>(size), 3 /* READ | WRITE */, 0x22 /* PRIVATE | ANONYMOUS */, -1,
              0);
}
inline long unmap_memory(void* memory, size_t size) {
  return call(__NR_munmap, pointer(memory), static_cast<long>(size));
}
[[noreturn]] inline void exit(int code) {
  for (;;) call(__NR_exit_group, code);
}
inline long execve(const char* path, char* const* args, char* const* env) {
  return call(__NR_execve, pointer(path), pointer(args), pointer(env));
}
// fork(2)
inline long fork() { return call(__NR_clone, 17 /* SIGCHLD */, 0, 0, 0, 0); }
inline long setsid() { return call(__NR_setsid); }
inline long close_range(unsigned first, unsigned last, unsigned flags) {
  return call(__NR_close_range, first, last, flags);
}
inline long wait4(int pid, int* status, int options) {
  return call(__NR_wait4, pid, pointer(status), options, 0);
}

// The kernel's layout of a signal disposition.
struct SignalAction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};
inline long set_signal(int number, long handler) {
  SignalAction action = {reinterpret_cast<void (*)(int)>(handler), 0, nullptr, 0};
  return call(__NR_rt_sigaction, number, pointer(&action), 0, 8);
}
constexpr long kDefaultAction = 0, kIgnore = 1;

}  // namespace stack::runtime::sys
