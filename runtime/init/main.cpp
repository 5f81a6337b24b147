// stack-init: process 1 of a container with `init: true`. Starts the command, forwards signals, reaps orphans, and exits
// like the command. argv: stack-init <executable> -- <command> <arguments...>
#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"

namespace {

using namespace stack::runtime;

constexpr int kSigchld = 17, kSigttin = 21, kSigttou = 22;
constexpr int kNoCommand = 127, kNotExecutable = 126, kEnoent = 2, kEchild = 10;
constexpr unsigned long kSetForeground = 0x5410;  // TIOCSPGRP
constexpr int kBlock = 0, kSetMask = 2;

void change_mask(int how, uint64_t mask) {
  sys::call(__NR_rt_sigprocmask, how, sys::pointer(&mask), 0, sizeof(mask));
}

[[noreturn]] void run_command(const char* executable, char** args, char** env) {
  // A new process group in the foreground of the terminal, if there is one, like a shell.
  int group = static_cast<int>(sys::getpid());
  sys::call(__NR_setpgid, 0, 0);
  sys::ioctl(0, kSetForeground, &group);
  sys::set_signal(kSigttin, sys::kDefaultAction);
  sys::set_signal(kSigttou, sys::kDefaultAction);
  change_mask(kSetMask, 0);
  long result = sys::execve(executable, args, env);
  constexpr char kText[] = "stack-init: the command cannot be executed\n";
  sys::write(2, kText, sizeof(kText) - 1);
  sys::exit(result == -kEnoent ? kNoCommand : kNotExecutable);
}

int exit_code(int status) { return (status & 0x7f) == 0 ? status >> 8 & 0xff : 128 + (status & 0x7f); }

// Reaps all exited processes; returns the command's exit code, or -1 if it still runs.
int reap(int command) {
  int code = -1;
  for (;;) {
    int status = 0;
    long pid = sys::wait4(-1, &status, 1 /* WNOHANG */);
    if (pid <= 0) return code;
    if (pid == command) code = exit_code(status);
  }
}

struct SignalInfo {
  int number;
  char rest[124];
};

int supervise(int command) {
  uint64_t all = ~uint64_t{0};
  for (;;) {
    SignalInfo info = {};
    long number = sys::call(__NR_rt_sigtimedwait, sys::pointer(&all), sys::pointer(&info), 0, sizeof(all));
    if (number < 0) continue;
    if (number == kSigchld) {
      int code = reap(command);
      if (code >= 0) return code;
    } else {
      sys::call(__NR_kill, command, number);
    }
  }
}

}  // namespace

extern "C" int program_main(int argc, char** argv, char** env) {
  if (argc < 4 || !same_text(argv[2], "--")) {
    constexpr char kText[] = "usage: stack-init EXECUTABLE -- COMMAND [ARGUMENT...]\n";
    sys::write(2, kText, sizeof(kText) - 1);
    return 125;
  }
  change_mask(kBlock, ~uint64_t{0});
  sys::set_signal(kSigttin, sys::kIgnore);
  sys::set_signal(kSigttou, sys::kIgnore);
  long command = sys::fork();
  if (command < 0) return 125;
  if (command == 0) run_command(argv[1], argv + 3, env);
  return supervise(static_cast<int>(command));
}
