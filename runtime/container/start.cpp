#include "runtime/container/start.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>

#include "base/process.h"
#include "runtime/container/namespaces.h"

namespace stack::runtime {

namespace {

// Only children enter a PID or time namespace.
bool entered_by_children(int type) { return type == CLONE_NEWPID || type == CLONE_NEWTIME; }

// Joins other namespaces before a user namespace, because inside it we have no rights over namespaces of the host.
// Namespaces that only its root may join are joined after it.
Result<> join_before_clone(const ContainerPlan& plan, const ChildResources& resources) {
  std::vector<const JoinedNamespace*> later;
  for (const JoinedNamespace& ns : resources.joined) {
    if (!resources.joined_early && !entered_by_children(ns.type)) continue;
    if (ns.type == CLONE_NEWUSER) {
      later.insert(later.begin(), &ns);
    } else if (::setns(ns.fd.get(), ns.type) != 0) {
      if (errno != EPERM) return Error::last_errno("join namespace");
      later.push_back(&ns);
    }
  }
  if (plan.spec.new_namespace(CLONE_NEWTIME)) TRY(unshare_time(plan.spec.time_offsets));
  for (const JoinedNamespace* ns : later) {
    if (::setns(ns->fd.get(), ns->type) != 0) return Error::last_errno("join namespace");
  }
  return {};
}

bool needs_middle_process(const ContainerPlan& plan, const ChildResources& resources) {
  return plan.spec.new_namespace(CLONE_NEWTIME) || (resources.joined_early && !resources.joined.empty()) ||
         std::any_of(resources.joined.begin(), resources.joined.end(),
                     [](const JoinedNamespace& ns) { return entered_by_children(ns.type); });
}

// Clones the container's first process as a child of the caller or, with CLONE_PARENT, of its parent. Returns -1 and sets
// errno on failure.
long clone_child(const ContainerPlan& plan, const ChildResources& resources, uint64_t extra_flags,
                 int* pidfd) {
  clone_args args{};
  args.flags = clone_flags(plan.spec) | CLONE_PIDFD | extra_flags;
  if (plan.netns_fd >= 0) args.flags &= ~static_cast<uint64_t>(CLONE_NEWNET);
  args.pidfd = reinterpret_cast<uintptr_t>(pidfd);
  args.exit_signal = (extra_flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (resources.cgroup.unified) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(resources.cgroup.unified.get());
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid != 0) return pid;
  run_child(plan, resources);
}

// The result of the intermediate process, on a page shared with us.
struct MiddleResult {
  long pid = -1;
  int pidfd = -1;
  int code = 0;
  std::array<char, 512> text{};
};

void store_error(const Error& error, MiddleResult& result) {
  result.code = error.code();
  (void)error.text().copy(result.text.data(), result.text.size() - 1);
}

[[noreturn]] void run_middle(const ContainerPlan& plan, const ChildResources& resources,
                             MiddleResult& result) {
  Result<> joined = join_before_clone(plan, resources);
  if (!joined) {
    store_error(joined.error(), result);
    ::_exit(1);
  }
  result.pid = clone_child(plan, resources, CLONE_PARENT, &result.pidfd);
  if (result.pid < 0) store_error(Error::last_errno("clone3"), result);
  ::_exit(0);
}

// Joining namespaces would also affect us and later children such as hooks, so an intermediate process joins and clones and
// then exits. It shares our descriptors, so that we also have the pidfd; we are suspended meanwhile.
Result<long> clone_through_middle(const ContainerPlan& plan, const ChildResources& resources, int& pidfd) {
  void* page =
      ::mmap(nullptr, sizeof(MiddleResult), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return Error::last_errno("mmap");
  MiddleResult& result = *new (page) MiddleResult;
  clone_args args{};
  args.flags = CLONE_FILES | CLONE_VFORK;
  args.exit_signal = SIGCHLD;
  long middle = ::syscall(SYS_clone3, &args, sizeof(args));
  if (middle == 0) run_middle(plan, resources, result);
  Result<long> pid = result.pid;
  if (middle < 0) {
    pid = Error::last_errno("clone3");
  } else {
    (void)::waitpid(static_cast<pid_t>(middle), nullptr, 0);
    pid = result.pid;
    pidfd = result.pidfd;
    if (result.text[0] != '\0') pid = Error(result.text.data());
  }
  ::munmap(page, sizeof(MiddleResult));
  return pid;
}

// Closes ranges of consecutive descriptors at once.
void close_all(std::vector<Fd> fds) {
  std::vector<unsigned> numbers;
  for (Fd& fd : fds) {
    if (fd) numbers.push_back(static_cast<unsigned>(fd.release()));
  }
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    // ENOSYS: before Linux 5.9.
    if (::syscall(SYS_close_range, numbers[i], numbers[end - 1], 0) != 0) {
      for (size_t k = i; k < end; ++k) ::close(static_cast<int>(numbers[k]));
    }
    i = end;
  }
}

Result<> map_ids(const ContainerPlan& plan, const NewContainer& made) {
  if (!plan.spec.new_namespace(CLONE_NEWUSER)) return {};
  TRY(write_id_maps(made.pid, plan.spec).in("user namespace"));
  return send_report(made.sync.get(), ReportKind::Mapped);
}

}  // namespace

Result<NewContainer> clone_container(const ContainerPlan& plan, const ChildStdio& stdio,
                                     Cgroups::Entry cgroup) {
  ChildResources resources;
  resources.stdio = stdio;
  resources.cgroup = std::move(cgroup);
  TRY_ASSIGN(resources.joined, open_joined_namespaces(plan.spec));
  resources.joined_early = plan.spec.find_namespace(CLONE_NEWUSER) != nullptr;
  TRY_ASSIGN(SocketPair sync, make_socket_pair(SOCK_SEQPACKET));
  resources.sync = sync.theirs.get();
  resources.launcher_sync = sync.ours.get();
  int pidfd = -1;
  long pid = -1;
  if (needs_middle_process(plan, resources)) {
    TRY_ASSIGN(pid, clone_through_middle(plan, resources, pidfd));
  } else {
    pid = clone_child(plan, resources, 0, &pidfd);
    if (pid < 0) return Error::last_errno("clone3");
  }
  resources.cgroup.tasks.push_back(std::move(resources.cgroup.unified));
  close_all(std::move(resources.cgroup.tasks));
  NewContainer made{static_cast<pid_t>(pid), Fd(pidfd), std::move(sync.ours)};
  Result<> mapped = map_ids(plan, made);
  if (!mapped) {
    (void)signal_pidfd(made.pidfd.get(), SIGKILL);
    return std::move(mapped).error();
  }
  return made;
}

}  // namespace stack::runtime
