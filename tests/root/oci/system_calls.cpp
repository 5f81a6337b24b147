#include "system_calls.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>

namespace stack::runtime::test {

namespace {

constexpr long kFollow = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;

[[noreturn]] void become_traced(const std::vector<std::string>& words) {
  std::vector<char*> args;
  for (const std::string& word : words) args.push_back(const_cast<char*>(word.c_str()));
  args.push_back(nullptr);
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  ::execv(args[0], args.data());
  ::_exit(127);
}

// The signal to deliver to the stopped process; 0: the stop was caused by us.
long signal_to_deliver(int status) {
  int signal = WSTOPSIG(status);
  bool ours = signal == SIGTRAP || signal == SIGSTOP || (status >> 16) != 0;
  return ours ? 0 : signal;
}

}  // namespace

CountedRun run_counted(const std::vector<std::string>& words) {
  CountedRun out;
  pid_t first = ::fork();
  if (first == 0) become_traced(words);
  int status = 0;
  if (::waitpid(first, &status, 0) != first || !WIFSTOPPED(status)) return out;
  ::ptrace(PTRACE_SETOPTIONS, first, nullptr, kFollow);
  ::ptrace(PTRACE_SYSCALL, first, nullptr, nullptr);
  std::set<pid_t> commands;
  std::set<pid_t> inside;  // processes between entry and return of a call
  for (;;) {
    pid_t pid = ::waitpid(-1, &status, __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return out;
    if (!WIFSTOPPED(status)) {
      if (pid == first) out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      bool entry = inside.insert(pid).second;
      if (entry && !commands.contains(pid)) ++out.system_calls;
      if (!entry) inside.erase(pid);
      ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
      continue;
    }
    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8) && pid != first) commands.insert(pid);
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, signal_to_deliver(status));
  }
}

}  // namespace stack::runtime::test
