/*
 * The floor: only the system calls that no container start can do without, in one process, with nothing read, parsed or
 * recorded. What a container engine needs beyond this time is its own.
 *
 *   bench_floor ROOTFS UPPER WORK [CGROUP]
 *
 * runs /true in new mount, pid, network, ipc, uts and cgroup namespaces, on an overlay of ROOTFS, with the file systems,
 * devices, masked paths, capabilities and a seccomp filter of the size of Docker's, and returns its exit code. CGROUP is a
 * cgroup2 directory to be born into.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  _exit(125);
}

static void mount_at(const char* source, const char* target, const char* type, unsigned long flags,
                     const char* data) {
  if (mount(source, target, type, flags, data) != 0) fail(target);
}

static void make_devices(void) {
  static const struct {
    const char* path;
    unsigned major, minor;
  } devices[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                 {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
  static const char* const links[][2] = {{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
                                         {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
                                         {"pts/ptmx", "dev/ptmx"},          {"/proc/kcore", "dev/core"}};
  for (size_t i = 0; i < sizeof devices / sizeof devices[0]; ++i)
    if (mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) != 0)
      fail(devices[i].path);
  for (size_t i = 0; i < sizeof links / sizeof links[0]; ++i)
    if (symlink(links[i][0], links[i][1]) != 0) fail(links[i][1]);
}

static void make_root(const char* rootfs, const char* upper, const char* work) {
  char options[4096];
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", rootfs, upper, work);
  mount_at(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  mount_at("overlay", rootfs, "overlay", 0, options);
  if (chdir(rootfs) != 0) fail("chdir");
  mount_at("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  make_devices();
  if (mkdir("dev/pts", 0755) != 0 || mkdir("dev/shm", 01777) != 0 || mkdir("dev/mqueue", 0755) != 0)
    fail("mkdir dev");
  mount_at("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620");
  mount_at("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
  mount_at("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL);
  static const char* const masked[] = {"proc/kcore", "proc/keys", "proc/timer_list"};
  for (size_t i = 0; i < sizeof masked / sizeof masked[0]; ++i)
    if (access(masked[i], F_OK) == 0) mount_at("dev/null", masked[i], NULL, MS_BIND, NULL);
  static const char* const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                          "proc/sysrq-trigger"};
  for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; ++i) {
    if (access(read_only[i], F_OK) != 0) continue;
    mount_at(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL);
    mount_at(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
             NULL);
  }
  if (syscall(SYS_pivot_root, ".", ".") != 0) fail("pivot_root");
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) fail("umount");
}

static void filter_calls(void) {
  /* As many instructions as Docker's profile compiles to; all of them allow. */
  static struct sock_filter code[400];
  const unsigned count = sizeof code / sizeof code[0];
  code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
  for (unsigned i = 1; i + 1 < count; ++i)
    code[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100000 + i, 0, 0);
  code[count - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)count, code};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) fail("seccomp");
}

static void drop_rights(void) {
  /* Docker's fourteen. */
  const uint64_t kept = 0xa80425fbULL;
  for (int cap = 0; cap < 41; ++cap)
    if (((kept >> cap) & 1) == 0) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{(uint32_t)kept, (uint32_t)kept, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, data) != 0) fail("capset");
}

int main(int argc, char** argv) {
  if (argc < 4) return 125;
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  args.exit_signal = SIGCHLD;
  if (argc > 4) {
    int cgroup = open(argv[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cgroup >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = (__u64)(unsigned)cgroup;
    }
  }
  long child = syscall(SYS_clone3, &args, sizeof args);
  if (child < 0) fail("clone3");
  if (child == 0) {
    setsid();
    sethostname("floor", 5);
    make_root(argv[1], argv[2], argv[3]);
    /* Without no-new-privileges, setting a filter needs a right that is dropped next. */
    filter_calls();
    drop_rights();
    syscall(SYS_close_range, 3, ~0U, 0);
    char* arguments[] = {"/true", NULL};
    char* environment[] = {"PATH=/usr/bin:/bin", NULL};
    execve("/true", arguments, environment);
    fail("execve");
  }
  int status = 0;
  while (waitpid((pid_t)child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
