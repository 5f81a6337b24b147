#include "runtime/launch/handover.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/files.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/launch/launch_request.h"

extern char** environ;

namespace stack::runtime {

namespace {

void copy_text(char* to, size_t size, const std::string& text) {
  size_t length = std::min(text.size(), size - 1);
  std::memcpy(to, text.data(), length);
  to[length] = '\0';
}

Result<int> open_directory(const std::string& path) {
  TRY_ASSIGN(Fd fd, open_file(path, O_PATH | O_DIRECTORY));
  return fd.release();
}

Result<> fill_log(const Json& request, wire::MonitorState& state) {
  LogSettings log = log_from_json(request.value("log", Json::object()));
  if (log.driver == LogDriver::None) return {};
  state.log = log_to_wire(log);
  if (log.path.empty()) return {};
  TRY_ASSIGN(Fd directory, open_file(directory_name(log.path), O_RDONLY | O_DIRECTORY));
  state.log_dir = directory.release();
  return {};
}

Result<> fill_engine(const Json& request, wire::MonitorState& state) {
  Json engine = request.value("engine", Json::object());
  std::string words;
  for (const Json& word : engine.value("argv", Json::array())) words += word.get<std::string>() + '\0';
  if (words.size() + 1 >= sizeof(state.engine_argv)) return invalid("the engine's command line is too long");
  std::memcpy(state.engine_argv, words.data(), words.size());
  copy_text(state.engine_lock, sizeof(state.engine_lock), string_or(engine, "lock"));
  return {};
}

void fill_held(const Json& request, wire::MonitorState& state) {
  for (const Json& held : request.value("held", Json::array())) {
    if (state.held_count >= wire::kMaxHeld) return;
    auto& entry = state.held[state.held_count++];
    entry.fd = static_cast<int32_t>(int_or(held, "fd", -1));
    copy_text(entry.name, sizeof(entry.name), string_or(held, "name"));
  }
}

}  // namespace

Result<> fill_monitor_state(const Json& request, wire::MonitorState& state) {
  copy_text(state.id, sizeof(state.id), string_or(request, "container_id"));
  TRY_ASSIGN(state.state_dir, open_directory(string_or(request, "state_dir")).in("state directory"));
  TRY_ASSIGN(state.run_dir, open_directory(string_or(request, "run_dir")).in("run directory"));
  TRY(fill_log(request, state).in("log"));
  TRY(fill_engine(request, state));
  fill_held(request, state);
  if (bool_or(request, "stdin_once")) state.flags |= wire::kWatchStdinOnce;
  if (bool_or(request, "keep_output")) state.flags |= wire::kWatchKeepOutput;
  return {};
}

void open_oom_watch(const Cgroups& cgroups, const std::string& cgroup_path, wire::MonitorState& state) {
  if (cgroup_path.empty()) return;
  std::string file = cgroups.oom_file(cgroup_path);
  if (file.empty()) return;
  Fd counter(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!counter) return;
  state.oom_kills_before = cgroups.oom_kills(cgroup_path);
  if (cgroups.mode() != CgroupMode::V2) {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    std::string line = std::to_string(event.get()) + " " + std::to_string(counter.get());
    bool registered = event && write_file(directory_name(file) + "/cgroup.event_control", line).has_value();
    if (registered) state.oom_event = event.release();
  }
  state.oom_file = counter.release();
}

Result<Fd> listen_in(const std::string& run_dir) {
  TRY_ASSIGN(Fd directory, open_file(run_dir, O_PATH | O_DIRECTORY).in("run directory"));
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::last_errno("socket");
  ::unlinkat(directory.get(), "monitor.sock", 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  copy_text(address.sun_path, sizeof(address.sun_path),
            "/proc/self/fd/" + std::to_string(directory.get()) + "/monitor.sock");
  mode_t before = ::umask(0177);
  int bound = ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  int reason = errno;
  ::umask(before);
  if (bound != 0) return Error::from_errno("bind monitor.sock in " + run_dir, reason);
  if (::listen(socket.get(), 16) != 0) return Error::last_errno("listen on monitor.sock");
  return socket;
}

Error become_monitor(int monitor_fd, const wire::MonitorState& state) {
  Fd memory(::memfd_create("stack-monitor-state", MFD_CLOEXEC));
  if (!memory) return Error::last_errno("memfd_create");
  Result<> written = write_all(memory.get(), {reinterpret_cast<const char*>(&state), sizeof(state)});
  if (!written) return std::move(written).error();
  // The state reuses the number of the request descriptor, which is no longer needed.
  std::vector<int> kept = {state.control,     state.listener,    state.pidfd,       state.netns,
                           state.stdin_write, state.stdout_read, state.stderr_read, state.terminal,
                           state.oom_file,    state.oom_event,   state.state_dir,   state.run_dir,
                           state.log_dir};
  for (int i = 0; i < state.held_count; ++i) kept.push_back(state.held[i].fd);
  if (::syscall(SYS_close_range, 3, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0)
    return Error::last_errno("close_range");
  for (int fd : kept) {
    if (fd >= 0 && ::fcntl(fd, F_SETFD, 0) != 0) return Error::last_errno("keep descriptor");
  }
  std::array<char, 16> number{};
  if (::fcntl(memory.get(), F_SETFD, 0) != 0) return Error::last_errno("keep descriptor");
  copy_text(number.data(), number.size(), std::to_string(memory.get()));
  std::array<char, 16> name{"stack-monitor"};
  std::array<char, wire::kIdSize> id{};
  copy_text(id.data(), id.size(), state.id);
  std::array<char*, 4> args{name.data(), number.data(), id.data(), nullptr};
  ::syscall(SYS_execveat, monitor_fd, "", args.data(), environ, AT_EMPTY_PATH);
  return Error::last_errno("execute stack-monitor");
}

}  // namespace stack::runtime
