// The engine's side of `stack-monitor`, the small process that is each container's parent.
//
// Life of one container:
//   launch()            spawns a monitor; returns at once
//   Created             (only with hold_before_start) namespaces, mounts, cgroup stand; send_start() lets it
//   go on Started | Failed    the command was executed | a typed reason, nothing is left behind Exited
//   repeated on every connection until send_acknowledge_exit(), then the monitor ends
// The control descriptor is a SOCK_SEQPACKET socket: wait until it is readable, then call receive_message()
// until it returns nullopt. Nothing here blocks. After the engine dies, connect_monitor() + Hello give
// everything back.
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

// The monitor's program files, opened once so that no container can ever write to them: a private read-only
// bind mount, or a sealed copy in memory where that is impossible. Keep one per engine; it must outlive each
// launch() call.
class MonitorProgram {
 public:
  // `path`: the installed stack-launch; stack-monitor and stack-init are expected in the same folder.
  static Result<MonitorProgram> open(const std::string& path);

  int launcher() const { return launcher_.get(); }
  int resident() const { return resident_.get(); }
  int init() const { return init_.get(); }

 private:
  Fd launcher_;
  Fd resident_;
  Fd init_;
};

// A container's root directory. With lower_dirs: an overlay mounted in the container's own mount namespace
// only; the host never sees it; `path`, where given, is the directory it is mounted on there (else state_dir,
// which it then hides). Without: `path` itself, bind-mounted.
struct Rootfs {
  std::string path;
  std::vector<std::string> lower_dirs;  // topmost first
  std::string upper_dir;                // with work_dir; both empty: the overlay is read-only
  std::string work_dir;
  bool volatile_upper = false;  // overlay's "volatile": faster, contents do not survive a machine crash
};

enum class LogDriver : uint8_t {
  None,
  JsonFile,  // {"log":"...\n","stream":"stdout","time":"RFC3339Nano"} a line; 16 KiB partial messages
  Journald,  // systemd's journal; with a path, the same lines go to a file as well, for reading
};

struct LogSettings {
  LogDriver driver = LogDriver::JsonFile;
  std::string path;                      // rotated files are path.1 (newest) ...
  int64_t max_size = int64_t{10} << 20;  // bytes; <= 0: unbounded
  int max_file = 3;                      // files in all; 1: the file is truncated when full
  int64_t buffer_size = 0;  // > 0: messages wait in so much memory, and are dropped where it is full
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

// How a monitor brings the engine back when it is gone.
struct EngineRestart {
  std::vector<std::string> argv;  // argv[0] is an absolute path; empty: never
  std::string lock_path;          // monitors take this lock in turn, so that one start is tried at a time
};

struct LaunchRequest {
  std::string container_id;
  std::string state_dir;   // <root>/containers/<id>: exit.json is written here
  std::string run_dir;     // <run-root>/containers/<id>: monitor.sock is made here; must exist, mode 0700
  std::string oci_config;  // text of a runtime-spec config.json
  Rootfs rootfs;           // instead of the config's root.path
  int netns_fd = -1;       // network namespace to join; -1: as the config says
  std::map<std::string, int>
      mount_sources;           // mount destination -> O_PATH fd that replaces the source of that bind
  std::string seccomp_bpf;     // compiled program (runtime/seccomp/seccomp.h); empty: no filter
  unsigned seccomp_flags = 0;  // SECCOMP_FILTER_FLAG_*
  std::string cgroup_path;     // "/stack/<id>"; empty: the container stays in the monitor's cgroup
  LogSettings log;
  bool open_stdin = false;  // false: /dev/null (no tty)
  bool stdin_once =
      false;  // the first attached reader with stdin that goes away closes the container's stdin
  bool keep_output = false;        // its latest output is kept from the start on (AttachOptions::resume)
  bool use_init = false;           // our init as pid 1, which reaps and forwards signals
  bool hold_before_start = false;  // stop at Created until send_start()
  std::vector<NamedFd> held_fds;   // kept by the monitor, handed back in Hello
  EngineRestart engine;
};

struct Monitor {
  Fd control;  // SOCK_SEQPACKET, non-blocking
  pid_t pid = -1;
  Fd pidfd;  // of the monitor, which is our child: reap it with waitid(P_PIDFD) when readable
};

// Spawns a monitor and returns at once; the outcome arrives as a message.
Result<Monitor> launch(const LaunchRequest& request, const MonitorProgram& program);

// Connects to <run_dir>/monitor.sock; the first message on the descriptor is Hello. Replaces the monitor's
// former engine connection. NotFound when no monitor listens there.
Result<Fd> connect_monitor(const std::string& run_dir);

// The container's ends that the engine keeps as well, so that kill -9 of the monitor does not kill the
// container.
struct Stdio {
  Fd stdin_write;  // none without open_stdin, or with a terminal
  Fd stdout_read;
  Fd stderr_read;
  Fd terminal;  // pty master
};

// A monitor for a container whose own was killed. All of `stdio` may be empty: then what can be reopened
// through /proc/<pid>/fd is. Its first message is Hello; it then behaves as any monitor. The exit status is
// known on Linux 6.15 and later (PIDFD_GET_INFO); before, Exited arrives with status_known = false.
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
  pid_t pid = -1;  // in our pid namespace
  Fd pidfd;
  Stdio stdio;
};

struct Started {
  pid_t pid = -1;
  Fd pidfd;
  Stdio stdio;  // exec sessions: only `terminal`
  std::vector<std::string>
      notes;  // what was done differently than asked, e.g. a limit that may not be raised
};

struct Failed {
  std::string step;     // "mount", "cgroup", "exec", ...
  std::string object;   // what it was about: a path, a name
  int code = 0;         // errno or 0
  std::string text;     // whole message, ready to print
  int exit_code = 125;  // 126 not executable, 127 not found, 125 anything else
};

struct Exited {
  int exit_code = 0;  // 128 + signal when killed
  int signal = 0;
  bool oom_killed = false;
  bool status_known = true;
  std::chrono::system_clock::time_point finished_at;
  uint64_t log_bytes_dropped = 0;  // output that could not be logged: disk full, buffer full
};

// First message after connect_monitor() and adopt(): all the monitor knows.
struct Hello {
  std::string container_id;
  pid_t pid = -1;
  pid_t monitor_pid = -1;
  Fd pidfd;
  Fd netns;  // none where the container has no namespace of its own
  Stdio stdio;
  std::vector<OwnedNamedFd> held_fds;
  std::optional<Exited> exited;  // the container ended meanwhile
  bool readers_lost = false;     // readers that can come back were cut off with the former engine
};

// Answer to request_attach(). The stream carries frames as Docker's attach protocol: 8 bytes {stream, 0, 0,
// 0, length as big-endian u32} and the payload; stream 1 stdout, 2 stderr (a terminal has only 1), 4: a gap,
// whose payload is the number of bytes left out (big-endian u64) because this reader was too slow. Bytes
// written to it go to the container's stdin where asked for; shutdown(SHUT_WR) closes that.
struct Attached {
  uint32_t token = 0;
  Fd stream;  // SOCK_STREAM, non-blocking
};

// A process of the container was killed for lack of memory (the container itself may live on).
struct OomKilled {};

// The container's stdin was closed at its reader's wish: drop Stdio::stdin_write, or the container never sees
// the end.
struct StdinClosed {};

// A request that could not be done.
struct Refused {
  uint32_t token = 0;
  std::string text;
};

// The other side is gone.
struct Closed {};

using Message =
    std::variant<Created, Started, Failed, Exited, Hello, Attached, OomKilled, StdinClosed, Refused, Closed>;

// Reads one message without waiting; nullopt: none there now.
Result<std::optional<Message>> receive_message(int control);
Result<Message> decode_message(std::string_view bytes, std::vector<Fd> fds);

// ---- requests to the monitor ----

// `requests_first`: so many further requests, sent at once after this one (request_attach()), are carried out
// before any output of the container is read, so that those readers miss nothing.
Result<> send_start(int control, uint32_t requests_first = 0);
Result<> send_resize(int control, uint16_t height, uint16_t width);
// The same for a pty master in our hands (exec sessions).
Result<> resize_terminal(int terminal, uint16_t height, uint16_t width);

// How much of the output a reader has: bytes of each stream since the start of the process.
struct OutputPosition {
  uint64_t out = 0;
  uint64_t err = 0;
};

// Sent right behind send_start(), it misses nothing of the output; while the container is held it is not
// answered.
struct AttachOptions {
  bool stdin_open = false;  // bytes from the stream go to the container's stdin
  bool output = true;
  bool lossless = false;  // the container waits for this reader for ever; else only while it goes on reading
  // A reader that can come back with a later engine: from its first such attachment on, the monitor keeps the
  // latest output, and sends what follows this position again, even after the exit. What it no longer has
  // arrives as a gap.
  std::optional<OutputPosition> resume;
};
// `token` comes back in Attached.
Result<> request_attach(int control, uint32_t token, AttachOptions options);

// Keeps (or replaces, by name) descriptors; at most 200 in all, names below 160 bytes.
Result<> send_hold(int control, const std::vector<NamedFd>& fds);
Result<> send_drop_held(int control, const std::string& name);
Result<> send_log_settings(int control, const LogSettings& log);
// The exit status is stored: the monitor may end.
Result<> send_acknowledge_exit(int control);
// The engine is about to go on purpose: do not start it again before the container exits.
Result<> send_engine_leaves(int control);

// The exit status a monitor left in state_dir while no engine was there; nullopt: none. launch() removes an
// old one.
Result<std::optional<Exited>> read_exit_file(const std::string& state_dir);

}  // namespace stack::runtime
