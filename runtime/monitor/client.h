// The engine's side of `stack-monitor`, the small process that is each container's parent.
//
// clang-format off
// The messages for one container:
//   launch()            spawns a monitor; returns immediately
//   Created             (only with hold_before_start) namespaces, mounts, and cgroup exist; send_start() continues
//   Started | Failed    the command was executed | a typed reason; nothing is left behind
//   Exited              repeated on every connection until send_acknowledge_exit(); then the monitor exits
// clang-format on
//
// The control descriptor is a SOCK_SEQPACKET socket: wait until it is readable, then call receive_message() until it
// returns nullopt. No function blocks. After the engine dies, connect_monitor() and Hello restore everything.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace stack::runtime {

// The monitor's program files, opened once so that containers cannot write to them: a private read-only bind mount, or
// otherwise a sealed copy in memory. Keep one per engine; it must outlive each launch() call.
class MonitorProgram {
 public:
  // `path`: the installed stack-launch; stack-monitor and stack-init must be in the same folder.
  static Result<MonitorProgram> open(const std::string& path);

  int launcher() const { return launcher_.get(); }
  int resident() const { return resident_.get(); }
  int init() const { return init_.get(); }

 private:
  Fd launcher_;
  Fd resident_;
  Fd init_;
};

// A container's root directory. With lower_dirs: an overlay mounted only in the container's mount namespace; `path`, if
// set, is the mount point there (default: state_dir, which it hides). Without lower_dirs: `path` itself, bind-mounted.
struct Rootfs {
  std::string path;
  std::vector<std::string> lower_dirs;  // topmost first
  std::string upper_dir;                // with work_dir; read-only if both are empty
  std::string work_dir;
  bool volatile_upper = false;  // overlay's "volatile": faster, contents do not survive a machine crash
};

enum class LogDriver : uint8_t {
  None,
  JsonFile,  // {"log":"...\n","stream":"stdout","time":"RFC3339Nano"} a line; 16 KiB partial messages
  Journald,  // systemd's journal; with a path, lines are also written to a file, for reading
};

struct LogSettings {
  LogDriver driver = LogDriver::JsonFile;
  std::string path;                      // rotated files are path.1 (newest) ...
  int64_t max_size = int64_t{10} << 20;  // bytes; <= 0: unbounded
  int max_file = 3;                      // total number of files; 1: the file is truncated when full
  int64_t buffer_size = 0;               // > 0: size of a memory buffer; messages that do not fit are dropped
  // JsonFile: text of each record between stream and time (",\"attrs\":{...}"). Journald: fields of each
  // message in its native protocol. At most 4096 bytes.
  std::string fields;
};

struct NamedFd {
  std::string name;
  int fd = -1;  // borrowed
};
struct OwnedNamedFd {
  std::string name;
  Fd fd;
};

// How a monitor restarts the engine.
struct EngineRestart {
  std::vector<std::string> argv;  // argv[0] is an absolute path; empty: never
  std::string lock_path;          // lock of the monitors, so that only one start is attempted at a time
};

struct LaunchRequest {
  std::string container_id;
  std::string state_dir;   // <root>/containers/<id>: exit.json is written here
  std::string run_dir;     // <run-root>/containers/<id>: monitor.sock is created here; must exist, mode 0700
  std::string oci_config;  // text of a runtime-spec config.json
  Rootfs rootfs;           // instead of the config's root.path
  int netns_fd = -1;       // network namespace to join; -1: according to the config
  // Mount destination -> O_PATH fd that replaces the source of that bind.
  std::map<std::string, int> mount_sources;
  std::string seccomp_bpf;     // compiled program (runtime/seccomp/seccomp.h); empty: no filter
  unsigned seccomp_flags = 0;  // SECCOMP_FILTER_FLAG_*
  std::string cgroup_path;     // "/stack/<id>"; empty: the container stays in the monitor's cgroup
  LogSettings log;
  bool open_stdin = false;         // false: /dev/null (no tty)
  bool stdin_once = false;         // close stdin when the first attached reader with stdin disconnects
  bool keep_output = false;        // keep the latest output from the start (AttachOptions::resume)
  bool use_init = false;           // use our init as PID 1, which reaps processes and forwards signals
  bool hold_before_start = false;  // stop at Created until send_start()
  std::vector<NamedFd> held_fds;   // held by the monitor and returned in Hello
  EngineRestart engine;
};

struct Monitor {
  Fd control;  // SOCK_SEQPACKET, non-blocking
  pid_t pid = -1;
  Fd pidfd;  // pidfd of the monitor, our child: reap it with waitid(P_PIDFD) when readable
};

// Spawns a monitor and returns immediately; the result arrives as a message.
Result<Monitor> launch(const LaunchRequest& request, const MonitorProgram& program);

// Connects to <run_dir>/monitor.sock; the first message is Hello. Replaces the monitor's previous engine connection.
// NotFound if no monitor is listening.
Result<Fd> connect_monitor(const std::string& run_dir);

// The pipe ends that the engine also holds, so that the container survives the death of its monitor.
struct Stdio {
  Fd stdin_write;  // empty without open_stdin, or with a terminal
  Fd stdout_read;
  Fd stderr_read;
  Fd terminal;  // pty master
};

// Starts a monitor for a container whose monitor was killed. Members of `stdio` may be empty; the monitor then reopens
// streams through /proc/<pid>/fd if possible. Its first message is Hello; it then behaves like any monitor. The exit status
// is known on Linux 6.15 and later (PIDFD_GET_INFO); otherwise Exited has status_known = false.
struct AdoptRequest {
  std::string container_id;
  std::string state_dir;
  std::string run_dir;
  pid_t pid = -1;
  int pidfd = -1;
  int netns_fd = -1;
  std::string cgroup_path;
  LogSettings log;
  bool tty = false;
  bool stdin_once = false;
  const Stdio* stdio = nullptr;
  std::vector<NamedFd> held_fds;
  EngineRestart engine;
};
Result<Monitor> adopt(const AdoptRequest& request, const MonitorProgram& program);

// ---- messages to the engine ----

struct Created {
  pid_t pid = -1;  // in our PID namespace
  Fd pidfd;
  Stdio stdio;
};

struct Started {
  pid_t pid = -1;
  Fd pidfd;
  Stdio stdio;                     // exec sessions: only `terminal`
  std::vector<std::string> notes;  // deviations from the request, such as a limit that cannot be raised
};

struct Failed {
  std::string step;     // "mount", "cgroup", "exec", ...
  std::string object;   // the object: a path, a name
  int code = 0;         // errno or 0
  std::string text;     // complete message, ready to print
  int exit_code = 125;  // 126 not executable, 127 not found, 125 anything else
};

struct Exited {
  int exit_code = 0;  // 128 + signal when killed
  int signal = 0;
  bool oom_killed = false;
  bool status_known = true;
  std::chrono::system_clock::time_point finished_at;
  uint64_t log_bytes_dropped = 0;  // output that was not logged: disk full, buffer full
};

// The first message after connect_monitor() and adopt(): the monitor's complete state.
struct Hello {
  std::string container_id;
  pid_t pid = -1;
  pid_t monitor_pid = -1;
  Fd pidfd;
  Fd netns;  // empty if the container has no network namespace of its own
  Stdio stdio;
  std::vector<OwnedNamedFd> held_fds;
  std::optional<Exited> exited;  // set if the container has exited
  bool readers_lost = false;     // resumable readers lost their connection with the previous engine
};

// Answer to request_attach(). The stream has the frames of Docker's attach protocol: 8 bytes {stream, 0, 0, 0, length as
// big-endian u32} and the payload. Stream 1 is stdout, 2 stderr (a terminal has only 1), 4 a gap, whose payload is the number
// of bytes dropped because the reader was too slow (big-endian u64). Bytes written to the stream go to the container's stdin
// if requested; shutdown(SHUT_WR) closes stdin.
struct Attached {
  uint32_t token = 0;
  Fd stream;  // SOCK_STREAM, non-blocking
};

// The kernel killed a process of the container because of a memory limit; the container may still be running.
struct OomKilled {};

// A reader closed the container's stdin: close Stdio::stdin_write as well, so that the container sees end of file.
struct StdinClosed {};

// A rejected request.
struct Refused {
  uint32_t token = 0;
  std::string text;
};

// The other side closed the connection.
struct Closed {};

using Message =
    std::variant<Created, Started, Failed, Exited, Hello, Attached, OomKilled, StdinClosed, Refused, Closed>;

// Reads one message without blocking; nullopt if there is none.
Result<std::optional<Message>> receive_message(int control);
Result<Message> decode_message(std::string_view bytes, std::vector<Fd> fds);

// ---- requests to the monitor ----

// `requests_first`: number of following requests (request_attach()) that are handled before reading any output, so that
// these readers miss nothing.
Result<> send_start(int control, uint32_t requests_first = 0);
Result<> send_resize(int control, uint16_t height, uint16_t width);
// The same for a pty master that we hold (exec sessions).
Result<> resize_terminal(int terminal, uint16_t height, uint16_t width);

// A reader's position in the output: bytes of each stream since the start of the process.
struct OutputPosition {
  uint64_t out = 0;
  uint64_t err = 0;
};

// A request sent directly after send_start() misses no output. It is not answered while the container is held.
struct AttachOptions {
  bool stdin_open = false;  // bytes from the stream go to the container's stdin
  bool output = true;
  // The container waits indefinitely for this reader, otherwise only while it keeps reading.
  bool lossless = false;
  // A reader that can resume with a later engine. From its first such attachment on, the monitor keeps the latest output and
  // sends output after this position again, even after the exit. Output that it no longer has arrives as a gap.
  std::optional<OutputPosition> resume;
};
// `token` is returned in Attached.
Result<> request_attach(int control, uint32_t token, AttachOptions options);

// Makes the monitor hold (or replace, by name) descriptors; at most 200 in total, names shorter than 160 bytes.
Result<> send_hold(int control, const std::vector<NamedFd>& fds);
Result<> send_drop_held(int control, const std::string& name);
Result<> send_log_settings(int control, const LogSettings& log);
// The exit status is stored, so the monitor may exit.
Result<> send_acknowledge_exit(int control);
// The engine exits intentionally: do not restart it before the container exits.
Result<> send_engine_leaves(int control);

// The exit status that a monitor stored in state_dir while no engine was running; nullopt if there is none. launch()
// removes an old one.
Result<std::optional<Exited>> read_exit_file(const std::string& state_dir);

}  // namespace stack::runtime
