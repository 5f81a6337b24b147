#include "runtime/container/start.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/process.h"
#include "runtime/container/namespaces.h"

namespace stack::runtime {

namespace {

// A pid or time namespace is entered by the children of the process that joins it.
Result<> join_for_children(const std::vector<JoinedNamespace>& joined) {
  for (const JoinedNamespace& ns : joined) {
    if (ns.type != CLONE_NEWPID && ns.type != CLONE_NEWTIME) continue;
    if (::setns(ns.fd.get(), ns.type) != 0) return Error::last_errno("join namespace");
  }
  return {};
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
  TRY(join_for_children(resources.joined));
  if (plan.spec.new_namespace(CLONE_NEWTIME)) TRY(unshare_time(plan.spec.time_offsets));
  TRY_ASSIGN(SocketPair sync, make_socket_pair(SOCK_SEQPACKET));
  resources.sync = sync.theirs.get();

  int pidfd = -1;
  clone_args args{};
  args.flags = clone_flags(plan.spec) | CLONE_PIDFD;
  if (plan.netns_fd >= 0) args.flags &= ~static_cast<uint64_t>(CLONE_NEWNET);
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (resources.cgroup.unified) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(resources.cgroup.unified.get());
  }
  long pid = ::syscall(SYS_clone3, &args, sizeof(args));
  if (pid < 0) return Error::last_errno("clone3");
  if (pid == 0) {
    sync.ours.reset();
    run_child(plan, resources);
  }
  NewContainer made{static_cast<pid_t>(pid), Fd(pidfd), std::move(sync.ours)};
  Result<> mapped = map_ids(plan, made);
  if (!mapped) {
    (void)signal_pidfd(made.pidfd.get(), SIGKILL);
    return std::move(mapped).error();
  }
  return made;
}

}  // namespace stack::runtime
