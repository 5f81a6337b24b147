#include "runtime/monitor/engine_start.h"

#include "runtime/monitor/system_calls.h"

namespace stack::runtime {

namespace {

constexpr int kSigpipe = 13;
constexpr int kMaxWords = 64;

[[noreturn]] void run_engine(const wire::MonitorState& state, char** env) {
  char* args[kMaxWords + 1];
  int count = 0;
  char* word = const_cast<char*>(state.engine_argv);
  while (*word != '\0' && count < kMaxWords) {
    args[count++] = word;
    while (*word != '\0') ++word;
    ++word;
  }
  args[count] = nullptr;
  sys::setsid();
  sys::close_range(3, ~0U, 0);
  sys::set_signal(kSigpipe, sys::kDefaultAction);
  sys::execve(args[0], args, env);
  sys::exit(127);
}

}  // namespace

int64_t EngineStart::delay() const {
  // Spreads attempts by PID, so that hundreds of monitors do not try at the same time.
  int64_t spread = sys::getpid() % 64 * 8;
  int64_t base = 300;
  for (int i = 0; i < attempts_ && base < 60000; ++i) base *= 2;
  return base + spread;
}

void EngineStart::attempt() {
  ++attempts_;
  // Forks twice, so that the engine does not become our child, which we would have to reap.
  long child = sys::fork();
  if (child == 0) {
    if (sys::fork() != 0) sys::exit(0);
    if (state_.engine_lock[0] != '\0') {
      long lock = sys::openat(sys::kAtFdcwd, state_.engine_lock,
                              sys::kReadWrite | sys::kCreate | sys::kCloexec, 0600);
      // Held until the engine runs (close-on-exec), so that other monitors do not start it as well.
      if (lock >= 0 && sys::flock(static_cast<int>(lock), 2 | 4 /* LOCK_EX | LOCK_NB */) != 0) sys::exit(0);
    }
    run_engine(state_, env_);
  }
  int status = 0;
  if (child > 0) sys::wait4(static_cast<int>(child), &status, 0);
}

}  // namespace stack::runtime
