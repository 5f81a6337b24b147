#include "base/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/children.h"
#include "base/files.h"

extern char** environ;

namespace stack {

namespace {

struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { posix_spawn_file_actions_init(&value); }
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

struct Attributes {
  posix_spawnattr_t value;
  Attributes() { posix_spawnattr_init(&value); }
  ~Attributes() { posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
};

}  // namespace

std::vector<char*> argument_pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

Result<pid_t> spawn(const SpawnRequest& request) {
  Actions actions;
  // Targets and sources may overlap, so all sources are first duplicated above the numbers in use.
  int highest = 2;
  for (auto [target, source] : request.fds) highest = std::max({highest, target, source});
  std::vector<Fd> staged;
  for (auto [target, source] : request.fds) {
    int copy = ::fcntl(source, F_DUPFD_CLOEXEC, highest + 1);
    if (copy < 0) return Error::last_errno("spawn " + request.program + ": duplicate descriptor");
    staged.emplace_back(copy);
    posix_spawn_file_actions_adddup2(&actions.value, copy, target);
  }
  // Some libraries open descriptors without O_CLOEXEC; Asio accepts connections this way. A long-lived child with such a
  // copy keeps the connection open after the engine dies, and the client waits for its end indefinitely. They are not
  // closed in the child itself, because the program may be named by a descriptor (/proc/self/fd/N).
  if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    return Error::last_errno("spawn " + request.program + ": close_range");
  if (!request.directory.empty())
    posix_spawn_file_actions_addchdir_np(&actions.value, request.directory.c_str());
  Attributes attributes;
  short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (request.new_session) flags = static_cast<short>(flags | POSIX_SPAWN_SETSID);
  posix_spawnattr_setflags(&attributes.value, flags);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes.value, &all);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes.value, &none);
  std::vector<std::string> argv{request.program};
  argv.insert(argv.end(), request.args.begin(), request.args.end());
  std::vector<char*> argv_pointers = argument_pointers(argv);
  std::vector<char*> env_pointers = argument_pointers(request.env);
  int err = 0;
  pid_t pid = spawn_noted([&] {
    pid_t child = -1;
    err = ::posix_spawnp(&child, request.program.c_str(), &actions.value, &attributes.value,
                         argv_pointers.data(), request.replace_env ? env_pointers.data() : environ);
    return err == 0 ? child : -1;
  });
  if (err != 0) return Error::from_errno("spawn " + request.program, err);
  return pid;
}

Result<Fd> open_pidfd(pid_t pid) {
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return Error::last_errno("pidfd_open " + std::to_string(pid));
  return Fd(fd);
}

Result<> signal_pidfd(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0 || errno == ESRCH) return {};
  return Error::last_errno("send signal");
}

bool notices_signal(pid_t pid, int signal) {
  if (signal < 1 || signal > 64 || signal == SIGKILL || signal == SIGSTOP) return true;
  Result<std::string> status = read_file("/proc/" + std::to_string(pid) + "/status");
  if (!status) return true;
  auto has = [&](std::string_view field) {
    size_t at = status->find(field);
    if (at == std::string::npos) return true;
    uint64_t mask = std::strtoull(status->c_str() + at + field.size(), nullptr, 16);
    return (mask >> (signal - 1) & 1U) != 0;
  };
  return has("\nSigCgt:") || has("\nSigBlk:");
}

Result<int> wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Error::last_errno("waitpid");
  }
  forget_child(pid);
  return status;
}

int exit_code_of(int wait_status) {
  if (WIFEXITED(wait_status)) return WEXITSTATUS(wait_status);
  return 128 + WTERMSIG(wait_status);
}

Result<CapturedRun> run_captured(SpawnRequest request) {
  TRY_ASSIGN(Pipe pipe, make_pipe());
  request.fds[1] = pipe.write.get();
  request.fds[2] = pipe.write.get();
  TRY_ASSIGN(pid_t pid, spawn(request));
  pipe.write.reset();
  CapturedRun run;
  constexpr size_t kKept = size_t{1} << 20;
  std::string buffer(65536, '\0');
  for (;;) {
    ssize_t n = ::read(pipe.read.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    run.output.append(buffer.data(),
                      std::min(static_cast<size_t>(n), kKept - std::min(kKept, run.output.size())));
  }
  TRY_ASSIGN(int status, wait_for(pid));
  run.exit_code = exit_code_of(status);
  return run;
}

}  // namespace stack
