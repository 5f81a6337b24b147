// stack-monitor: the program that stack-launch executes once the container runs. argv[1] is the descriptor of its
// MonitorState.
#include "runtime/monitor/monitor.h"

#include "runtime/monitor/system_calls.h"

namespace {

using namespace stack::runtime;

wire::MonitorState state;
alignas(MonitorLoop) char loop_memory[sizeof(MonitorLoop)];

int parse_number(const char* text) {
  int value = 0;
  while (*text >= '0' && *text <= '9') value = value * 10 + (*text++ - '0');
  return value;
}

bool read_state(int fd) {
  if (sys::pread(fd, &state, sizeof(state), 0) != static_cast<long>(sizeof(state))) return false;
  sys::close(fd);
  return state.magic == wire::kMagic;
}

}  // namespace

inline void* operator new(size_t, void* where) noexcept { return where; }

extern "C" int program_main(int argc, char** argv, char** env) {
  if (argc < 2 || !read_state(parse_number(argv[1]))) {
    constexpr char kText[] = "stack-monitor must be started by stack-launch\n";
    sys::write(2, kText, sizeof(kText) - 1);
    return 125;
  }
  // In static memory, without a destructor call at exit.
  MonitorLoop* loop = new (loop_memory) MonitorLoop(state, env);
  loop->run();
  return 0;
}
