#include "runtime/monitor/client.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <cstring>

#include "base/descriptor_limit.h"
#include "base/files.h"
#include "base/json.h"
#include "runtime/launch/launch_request.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

namespace {

// Above all descriptor numbers used in a spawned child, so that it is not overwritten before execve.
constexpr int kProgramFdFloor = 512;

Result<Fd> move_up(const Fd& fd) {
  int high = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kProgramFdFloor);
  if (high < 0) return Error::last_errno("duplicate program descriptor");
  return Fd(high);
}

// Opens the file through a read-only mount, so that writing to /proc/<pid>/exe fails with EROFS.
// CVE-2019-5736
Result<Fd> open_read_only_mount(const std::string& path) {
  Fd tree(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) return Error::last_errno("open_tree " + path);
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) != 0)
    return Error::last_errno("mount_setattr " + path);
  return tree;
}

Result<Fd> open_program(const std::string& path) {
  if (::access(path.c_str(), X_OK) != 0) return Error::last_errno("program " + path);
  Result<Fd> mounted = open_read_only_mount(path);
  if (mounted) return move_up(*mounted);
  TRY_ASSIGN(std::string contents, read_file(path));
  TRY_ASSIGN(Fd copy, sealed_memfd(base_name(path), contents));
  return move_up(copy);
}

Result<> check_names(const std::vector<NamedFd>& fds) {
  if (fds.size() > wire::kMaxHeld) return invalid("too many held descriptors");
  for (const NamedFd& held : fds) {
    if (held.name.empty() || held.name.size() >= wire::kNameSize || held.name.find('\0') != std::string::npos)
      return invalid("held descriptor: invalid name \"" + held.name + "\"");
    if (held.fd < 0) return invalid("held descriptor " + held.name + " is not open");
  }
  return {};
}

// ---- messages ----

template <typename T>
Result<T> read_struct(std::string_view bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) return invalid("monitor message is too short");
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

template <typename T>
std::string_view rest_after(std::string_view bytes) {
  return bytes.substr(sizeof(T));
}

std::vector<std::string> read_words(std::string_view bytes) {
  std::vector<std::string> out;
  while (!bytes.empty()) {
    size_t end = std::min(bytes.find('\0'), bytes.size());
    out.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

// Returns a message's descriptors in the order of the bits.
class FdQueue {
 public:
  FdQueue(uint32_t bits, std::vector<Fd> fds) : bits_(bits), fds_(std::move(fds)) {}
  Fd take(uint32_t bit) { return (bits_ & bit) != 0 ? next() : Fd(); }
  Fd next() { return used_ < fds_.size() ? std::move(fds_[used_++]) : Fd(); }

 private:
  uint32_t bits_;
  std::vector<Fd> fds_;
  size_t used_ = 0;
};

Stdio take_stdio(FdQueue& fds) {
  Stdio out;
  out.stdin_write = fds.take(wire::kStdin);
  out.stdout_read = fds.take(wire::kStdout);
  out.stderr_read = fds.take(wire::kStderr);
  out.terminal = fds.take(wire::kTerminal);
  return out;
}

Exited to_exited(const wire::ExitStatus& status) {
  Exited out;
  out.exit_code = status.exit_code;
  out.signal = status.signal;
  out.oom_killed = status.oom_killed != 0;
  out.status_known = status.status_known != 0;
  out.log_bytes_dropped = status.log_dropped;
  out.finished_at =
      std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(status.finished_at_ns)));
  return out;
}

Result<Message> decode_process(std::string_view bytes, FdQueue fds, bool started) {
  TRY_ASSIGN(wire::ProcessMessage message, read_struct<wire::ProcessMessage>(bytes));
  Fd pidfd = fds.take(wire::kPidfd);
  Stdio stdio = take_stdio(fds);
  if (!started) return Message(Created{message.pid, std::move(pidfd), std::move(stdio)});
  return Message(Started{message.pid, std::move(pidfd), std::move(stdio),
                         read_words(rest_after<wire::ProcessMessage>(bytes))});
}

Result<Message> decode_failed(std::string_view bytes) {
  TRY_ASSIGN(wire::FailedMessage message, read_struct<wire::FailedMessage>(bytes));
  std::vector<std::string> words = read_words(rest_after<wire::FailedMessage>(bytes));
  words.resize(3);
  return Message(Failed{words[0], words[1], message.code, words[2], message.exit_code});
}

Result<Message> decode_hello(std::string_view bytes, FdQueue fds) {
  TRY_ASSIGN(wire::HelloMessage message, read_struct<wire::HelloMessage>(bytes));
  Hello hello;
  hello.container_id.assign(message.id, ::strnlen(message.id, sizeof(message.id)));
  hello.pid = message.pid;
  hello.monitor_pid = message.monitor_pid;
  hello.pidfd = fds.take(wire::kPidfd);
  hello.stdio = take_stdio(fds);
  hello.netns = fds.take(wire::kNetns);
  if (message.has_exited != 0) hello.exited = to_exited(message.status);
  hello.readers_lost = message.readers_lost != 0;
  for (std::string& name : read_words(rest_after<wire::HelloMessage>(bytes)))
    hello.held_fds.push_back({std::move(name), fds.next()});
  return Message(std::move(hello));
}

template <typename T>
std::string_view bytes_of(const T& message) {
  return {reinterpret_cast<const char*>(&message), sizeof(message)};
}

template <typename T = wire::PlainMessage>
T make_message(uint16_t type) {
  T message;
  message.header.type = type;
  return message;
}

Result<> send_plain(int control, uint16_t type) {
  return send_with_fds(control, bytes_of(make_message(type)), {});
}

Result<> check_log(const LogSettings& log) {
  if (log.driver == LogDriver::None || (log.driver == LogDriver::Journald && log.path.empty())) return {};
  if (log.fields.size() > sizeof(wire::LogValues::fields))
    return invalid("the log attributes of the container are longer than " +
                   std::to_string(sizeof(wire::LogValues::fields)) + " bytes");
  if (!log.path.starts_with('/')) return invalid("log path must be absolute: \"" + log.path + "\"");
  if (base_name(log.path).size() >= sizeof(wire::LogValues::name) - 8)
    return invalid("log file name is too long");
  return {};
}

}  // namespace

Result<Monitor> spawn_launcher(const MonitorProgram& program, const std::string& mode, Json request,
                               FdTable table) {
  request["monitor_fd"] = table.add(program.resident());
  request["init_fd"] = table.add(program.init());
  if (std::optional<uint64_t> limit = callers_descriptor_limit()) request["descriptor_limit"] = *limit;
  TRY_ASSIGN(SocketPair control, make_socket_pair(SOCK_SEQPACKET));
  TRY_ASSIGN(Fd text, sealed_memfd("stack-request", to_text(request)));
  if (table.fds().size() + kFirstExtraFd >= kProgramFdFloor)
    return invalid("too many descriptors for one launch");
  SpawnRequest spawned;
  spawned.program = "/proc/self/fd/" + std::to_string(program.launcher());
  spawned.args = {mode};
  spawned.fds = table.fds();
  spawned.fds[kControlFd] = control.theirs.get();
  spawned.fds[kRequestFd] = text.get();
  spawned.new_session = true;
  Monitor out;
  TRY_ASSIGN(out.pid, spawn(spawned));
  TRY_ASSIGN(out.pidfd, open_pidfd(out.pid));
  TRY(set_nonblocking(control.ours.get(), true));
  out.control = std::move(control.ours);
  return out;
}

Result<MonitorProgram> MonitorProgram::open(const std::string& path) {
  MonitorProgram out;
  std::string folder = directory_name(path);
  TRY_ASSIGN(out.launcher_, open_program(path));
  TRY_ASSIGN(out.resident_, open_program(folder + "/stack-monitor"));
  TRY_ASSIGN(out.init_, open_program(folder + "/stack-init"));
  return out;
}

Result<Monitor> launch(const LaunchRequest& request, const MonitorProgram& program) {
  TRY(check_names(request.held_fds));
  TRY(check_log(request.log));
  if (request.container_id.empty() || request.container_id.size() >= wire::kIdSize)
    return invalid("invalid container ID \"" + request.container_id + "\"");
  FdTable table;
  Json rootfs{{"path", request.rootfs.path},
              {"lower_dirs", request.rootfs.lower_dirs},
              {"upper_dir", request.rootfs.upper_dir},
              {"work_dir", request.rootfs.work_dir},
              {"volatile", request.rootfs.volatile_upper}};
  Json sources = Json::object();
  for (const auto& [destination, fd] : request.mount_sources) sources[destination] = table.add(fd);
  Json text{{"container_id", request.container_id},
            {"state_dir", request.state_dir},
            {"run_dir", request.run_dir},
            {"oci_config", request.oci_config},
            {"rootfs", std::move(rootfs)},
            {"netns_fd", table.add(request.netns_fd)},
            {"mount_sources", std::move(sources)},
            {"cgroup_path", request.cgroup_path},
            {"log", log_to_json(request.log)},
            {"open_stdin", request.open_stdin},
            {"stdin_once", request.stdin_once},
            {"keep_output", request.keep_output},
            {"use_init", request.use_init},
            {"hold", request.hold_before_start},
            {"held", named_fds_to_json(request.held_fds, table)},
            {"engine", engine_to_json(request.engine)}};
  Fd filter;
  if (!request.seccomp_bpf.empty()) {
    // As a memfd, because it is binary.
    TRY_ASSIGN(filter, sealed_memfd("stack-seccomp", request.seccomp_bpf));
    text["seccomp_fd"] = table.add(filter.get());
    text["seccomp_flags"] = request.seccomp_flags;
  }
  return spawn_launcher(program, "launch", std::move(text), std::move(table));
}

Result<Monitor> adopt(const AdoptRequest& request, const MonitorProgram& program) {
  TRY(check_names(request.held_fds));
  TRY(check_log(request.log));
  FdTable table;
  Json text{{"container_id", request.container_id},
            {"state_dir", request.state_dir},
            {"run_dir", request.run_dir},
            {"pid", request.pid},
            {"pidfd", table.add(request.pidfd)},
            {"netns_fd", table.add(request.netns_fd)},
            {"cgroup_path", request.cgroup_path},
            {"log", log_to_json(request.log)},
            {"tty", request.tty},
            {"stdin_once", request.stdin_once},
            {"held", named_fds_to_json(request.held_fds, table)},
            {"engine", engine_to_json(request.engine)}};
  if (request.stdio != nullptr) {
    text["stdin_fd"] = table.add(request.stdio->stdin_write.get());
    text["stdout_fd"] = table.add(request.stdio->stdout_read.get());
    text["stderr_fd"] = table.add(request.stdio->stderr_read.get());
    text["terminal_fd"] = table.add(request.stdio->terminal.get());
  }
  return spawn_launcher(program, "adopt", std::move(text), std::move(table));
}

Result<Fd> connect_monitor(const std::string& run_dir) {
  // Through a descriptor, because the path may be longer than a socket address.
  Fd directory(::open(run_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return not_found("monitor: " + Error::last_errno("open " + run_dir).text());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::last_errno("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/monitor.sock";
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return not_found("no monitor is listening in " + run_dir);
    return Error::last_errno("connect to the monitor in " + run_dir);
  }
  // The monitor must run as our user (CVE-2020-15257 is about the opposite direction).
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Error::last_errno("peer of the monitor's socket");
  if (peer.uid != ::geteuid())
    return conflict("monitor.sock in " + run_dir + " belongs to user " + std::to_string(peer.uid));
  return socket;
}

// ---- receive ----

Result<Message> decode_message(std::string_view bytes, std::vector<Fd> fds) {
  if (bytes.empty()) return Message(Closed{});
  TRY_ASSIGN(wire::Header header, read_struct<wire::Header>(bytes));
  if (header.magic != wire::kMagic) return invalid("the monitor uses a different protocol version");
  FdQueue queue(header.fd_bits, std::move(fds));
  switch (header.type) {
    case wire::kCreated:
      return decode_process(bytes, std::move(queue), false);
    case wire::kStarted:
      return decode_process(bytes, std::move(queue), true);
    case wire::kFailed:
      return decode_failed(bytes);
    case wire::kHello:
      return decode_hello(bytes, std::move(queue));
    case wire::kOomKilled:
      return Message(OomKilled{});
    case wire::kStdinClosed:
      return Message(StdinClosed{});
    case wire::kAttached:
      return Message(Attached{header.token, queue.next()});
    case wire::kRefused:
      return Message(Refused{header.token, std::string(rest_after<wire::PlainMessage>(bytes))});
    case wire::kExited: {
      TRY_ASSIGN(wire::ExitedMessage message, read_struct<wire::ExitedMessage>(bytes));
      return Message(to_exited(message.status));
    }
    default:
      return invalid("unknown monitor message " + std::to_string(header.type));
  }
}

Result<std::optional<Message>> receive_message(int control) {
  Result<MessageWithFds> received = receive_with_fds(control, wire::kMaxMessage);
  if (!received) {
    int code = received.error().code();
    if (code == EAGAIN || code == EWOULDBLOCK) return std::optional<Message>();
    if (code == ECONNRESET) return std::optional<Message>(Closed{});
    return std::move(received).error();
  }
  TRY_ASSIGN(Message message, decode_message(received->bytes, std::move(received->fds)));
  return std::optional<Message>(std::move(message));
}

// ---- send ----

Result<> send_start(int control, uint32_t requests_first) {
  auto message = make_message(wire::kStart);
  message.header.token = requests_first;
  return send_with_fds(control, bytes_of(message), {});
}
Result<> send_acknowledge_exit(int control) { return send_plain(control, wire::kAcknowledgeExit); }
Result<> send_engine_leaves(int control) { return send_plain(control, wire::kEngineLeaves); }

Result<> send_resize(int control, uint16_t height, uint16_t width) {
  auto message = make_message<wire::ResizeMessage>(wire::kResize);
  message.height = height;
  message.width = width;
  return send_with_fds(control, bytes_of(message), {});
}

Result<> resize_terminal(int terminal, uint16_t height, uint16_t width) {
  winsize size{};
  size.ws_row = height;
  size.ws_col = width;
  if (::ioctl(terminal, TIOCSWINSZ, &size) != 0) return Error::last_errno("resize terminal");
  return {};
}

Result<> request_attach(int control, uint32_t token, AttachOptions options) {
  auto message = make_message<wire::AttachMessage>(wire::kAttach);
  message.header.token = token;
  message.flags =
      (options.stdin_open ? wire::kAttachStdin : 0U) | (options.output ? wire::kAttachOutput : 0U) |
      (options.lossless ? wire::kAttachLossless : 0U) | (options.resume ? wire::kAttachResume : 0U);
  if (options.resume) {
    message.position[0] = options.resume->out;
    message.position[1] = options.resume->err;
  }
  return send_with_fds(control, bytes_of(message), {});
}

Result<> send_hold(int control, const std::vector<NamedFd>& fds) {
  TRY(check_names(fds));
  std::string bytes(bytes_of(make_message(wire::kHold)));
  std::vector<int> numbers;
  for (const NamedFd& held : fds) {
    bytes += held.name;
    bytes += '\0';
    numbers.push_back(held.fd);
  }
  return send_with_fds(control, bytes, numbers);
}

Result<> send_drop_held(int control, const std::string& name) {
  return send_with_fds(control, std::string(bytes_of(make_message(wire::kDropHeld))) + name + '\0', {});
}

Result<> send_log_settings(int control, const LogSettings& log) {
  TRY(check_log(log));
  auto message = make_message<wire::LogMessage>(wire::kLogSettings);
  message.log = log_to_wire(log);
  if (log.driver == LogDriver::None || log.path.empty()) return send_with_fds(control, bytes_of(message), {});
  TRY_ASSIGN(Fd directory, open_file(directory_name(log.path), O_RDONLY | O_DIRECTORY));
  int fd = directory.get();
  return send_with_fds(control, bytes_of(message), {&fd, 1});
}

Result<std::optional<Exited>> read_exit_file(const std::string& state_dir) {
  std::string path = state_dir + "/exit.json";
  Result<std::string> text = read_file(path, 4096);
  if (!text && text.error().code() == ENOENT) return std::optional<Exited>();
  if (!text) return std::move(text).error();
  TRY_ASSIGN(Json json, parse_json(*text).in(path));
  wire::ExitStatus status;
  status.exit_code = static_cast<int32_t>(int_or(json, "exit_code"));
  status.signal = static_cast<int32_t>(int_or(json, "signal"));
  status.oom_killed = bool_or(json, "oom_killed");
  status.status_known = bool_or(json, "status_known");
  status.finished_at_ns = int_or(json, "finished_at_ns");
  return std::optional<Exited>(to_exited(status));
}

}  // namespace stack::runtime
