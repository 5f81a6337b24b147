// Further processes in a running container: `exec`, health checks.
#pragma once

#include <string>

#include "runtime/monitor/client.h"

namespace stack::runtime {

struct ExecRequest {
  pid_t target_pid = -1;    // a process of the container, in our PID namespace
  int target_pidfd = -1;    // pidfd of that process, used to join its namespaces
  std::string cgroup_path;  // of the container
  std::string process;      // text of an OCI `process` object; `terminal` and `consoleSize` are honored
  std::string seccomp_bpf;
  unsigned seccomp_flags = 0;
  bool want_stdin = false;  // a pipe, otherwise /dev/null; ignored if process.terminal is true
  bool want_output = true;  // pipes for stdout and stderr, otherwise /dev/null
  // Not empty: a session that outlives the engine. Its monitor holds the streams, listens on <run_dir>/monitor.sock, stores
  // <run_dir>/exit.json, and reads no output before the first request_attach(). run_dir must exist, mode 0700.
  std::string run_dir;
  std::string id;  // for Hello
};

struct ExecSession {
  // Messages: Started (terminal in stdio) | Failed, then Exited. With run_dir, the monitor accepts the same
  // requests as a container's, and the exit must be acknowledged; otherwise it accepts none, and resize_terminal()
  // sets the size.
  Fd control;
  pid_t pid = -1;  // the helper process, our child: reap it when pidfd is readable
  Fd pidfd;
  Stdio stdio;  // our ends of the pipes, available immediately; blocking. Empty with run_dir
};

// Spawns a helper that enters the container, and returns immediately. Closing `control` does not end the process.
Result<ExecSession> launch_exec(const ExecRequest& request, const MonitorProgram& program);

}  // namespace stack::runtime
