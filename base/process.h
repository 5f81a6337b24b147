// Spawns programs, and refers to processes by pidfd.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack {

struct SpawnRequest {
  std::string program;            // absolute path, or looked up in PATH if it has no '/'
  std::vector<std::string> args;  // argv without argv[0]
  std::vector<std::string> env;   // "K=V"; used only if replace_env
  bool replace_env = false;
  std::string directory;     // working directory of the child; "" = ours
  std::map<int, int> fds;    // child descriptor -> our descriptor; all others are closed on exec
  bool new_session = false;  // setsid(2) in the child
};

// argv or envp for execve(2): pointers into `words`, which must outlive them, and a terminating null.
std::vector<char*> argument_pointers(const std::vector<std::string>& words);

// posix_spawn(3), so that none of our code runs between fork and exec. Inherits stdin, stdout, and stderr unless in `fds`.
// The child starts with default signal dispositions and an empty signal mask.
Result<pid_t> spawn(const SpawnRequest& request);

// pidfd_open(2).
Result<Fd> open_pidfd(pid_t pid);
// pidfd_send_signal(2). Succeeds if the process has already exited (ESRCH).
Result<> signal_pidfd(int pidfd, int signal);
// Whether a process catches the signal or keeps it for later (SigCgt and SigBlk of proc_pid_status(5)). The first
// process of a PID namespace never notices other signals, except SIGKILL and SIGSTOP (pid_namespaces(7)). True if
// unknown.
bool notices_signal(pid_t pid, int signal);
// waitpid(2) until the child exits; returns the raw wait status.
Result<int> wait_for(pid_t pid);
// The exit code in shell convention: exit status, or 128 + signal.
int exit_code_of(int wait_status);

struct CapturedRun {
  int exit_code = 0;
  std::string output;  // stdout and stderr combined
};
// Runs to completion and captures up to 1 MiB of output. Blocks.
Result<CapturedRun> run_captured(SpawnRequest request);

}  // namespace stack
