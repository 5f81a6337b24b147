#include "runtime/container/hooks.h"

#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "base/fd.h"
#include "base/process.h"

namespace stack::runtime {

namespace {

[[noreturn]] void become_hook(const OciHook& hook, int state, int failure) {
  std::vector<std::string> words = hook.args;
  if (words.empty()) words.push_back(hook.path);
  std::vector<char*> args = argument_pointers(words);
  std::vector<char*> env = argument_pointers(hook.env);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(state, STDIN_FILENO) >= 0 && ::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
    ::execve(hook.path.c_str(), args.data(), hook.own_env ? env.data() : environ);
  int reason = errno;
  (void)!::write(failure, &reason, sizeof(reason));
  ::_exit(127);
}

int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Returns false on timeout.
Result<bool> wait_until_ended(int pidfd, int timeout_seconds) {
  if (timeout_seconds <= 0) return true;
  int64_t end = now_ms() + int64_t{timeout_seconds} * 1000;
  for (;;) {
    int64_t left = end - now_ms();
    if (left <= 0) return false;
    pollfd poll{pidfd, POLLIN, 0};
    int ready = ::poll(&poll, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Error::last_errno("poll");
  }
}

Result<> finish(const OciHook& hook, pid_t pid) {
  TRY_ASSIGN(Fd pidfd, open_pidfd(pid));
  TRY_ASSIGN(bool ended, wait_until_ended(pidfd.get(), hook.timeout_seconds));
  if (!ended) (void)signal_pidfd(pidfd.get(), SIGKILL);
  TRY_ASSIGN(int status, wait_for(pid));
  if (!ended)
    return Error(ErrorKind::Timeout,
                 "still running after " + std::to_string(hook.timeout_seconds) + " seconds, killed");
  if (WIFSIGNALED(status)) return Error("killed by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0) return Error("exit status " + std::to_string(WEXITSTATUS(status)));
  return {};
}

Result<> run_hook(const OciHook& hook, const std::string& state_text) {
  // A memory file instead of a pipe, so that a hook that does not read it cannot block or kill us.
  TRY_ASSIGN(Fd state, sealed_memfd("state", state_text));
  TRY_ASSIGN(Pipe failure, make_pipe());
  pid_t pid = ::fork();
  if (pid < 0) return Error::last_errno("fork");
  if (pid == 0) become_hook(hook, state.get(), failure.write.get());
  failure.write.reset();
  int reason = 0;
  bool failed = ::read(failure.read.get(), &reason, sizeof(reason)) == static_cast<ssize_t>(sizeof(reason));
  Result<> done = finish(hook, pid);
  if (failed) return Error::from_errno("execute", reason);
  return done;
}

}  // namespace

std::string hook_state_text(const HookState& state, std::string_view status, pid_t pid) {
  Json out{{"ociVersion", state.oci_version},
           {"id", state.id},
           {"status", status},
           {"bundle", state.bundle},
           {"root", state.rootfs}};
  if (pid > 0) out["pid"] = pid;
  if (!state.annotations.empty()) out["annotations"] = state.annotations;
  return to_text(out);
}

Result<> run_hooks(const std::vector<OciHook>& hooks, std::string_view kind, const std::string& state_text) {
  for (const OciHook& hook : hooks)
    TRY(run_hook(hook, state_text).in(std::string(kind) + " hook " + hook.path));
  return {};
}

}  // namespace stack::runtime
