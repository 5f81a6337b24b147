#include "runtime/launch/exec.h"

#include "runtime/launch/launch_request.h"

namespace stack::runtime {

namespace {

struct Pipes {
  Pipe in, out, err;
};

Result<> make_pipes(const ExecRequest& request, bool terminal, Pipes& pipes) {
  if (terminal) return {};
  if (request.want_stdin) {
    TRY_ASSIGN(pipes.in, make_pipe());
  }
  if (request.want_output) {
    TRY_ASSIGN(pipes.out, make_pipe());
    TRY_ASSIGN(pipes.err, make_pipe());
  }
  return {};
}

}  // namespace

Result<ExecSession> launch_exec(const ExecRequest& request, const MonitorProgram& program) {
  TRY_ASSIGN(Json process, parse_json(request.process).in("exec process"));
  Pipes pipes;
  TRY(make_pipes(request, bool_or(process, "terminal"), pipes));
  FdTable table;
  Json text{{"target_pid", request.target_pid},
            {"target_pidfd", table.add(request.target_pidfd)},
            {"cgroup_path", request.cgroup_path},
            {"process", std::move(process)},
            {"stdin_fd", table.add(pipes.in.read.get())},
            {"stdout_fd", table.add(pipes.out.write.get())},
            {"stderr_fd", table.add(pipes.err.write.get())}};
  Fd filter;
  if (!request.seccomp_bpf.empty()) {
    TRY_ASSIGN(filter, sealed_memfd("stack-seccomp", request.seccomp_bpf));
    text["seccomp_fd"] = table.add(filter.get());
    text["seccomp_flags"] = request.seccomp_flags;
  }
  bool outlives = !request.run_dir.empty();
  if (outlives) {
    text["container_id"] = request.id;
    text["run_dir"] = text["state_dir"] = request.run_dir;
    text["stdin_once"] = text["keep_output"] = true;
    text["stdin_write_fd"] = table.add(pipes.in.write.get());
    text["stdout_read_fd"] = table.add(pipes.out.read.get());
    text["stderr_read_fd"] = table.add(pipes.err.read.get());
  }
  TRY_ASSIGN(Monitor helper, spawn_launcher(program, "exec", std::move(text), std::move(table)));
  ExecSession session;
  session.control = std::move(helper.control);
  session.pid = helper.pid;
  session.pidfd = std::move(helper.pidfd);
  if (outlives) return session;
  session.stdio.stdin_write = std::move(pipes.in.write);
  session.stdio.stdout_read = std::move(pipes.out.read);
  session.stdio.stderr_read = std::move(pipes.err.read);
  return session;
}

}  // namespace stack::runtime
