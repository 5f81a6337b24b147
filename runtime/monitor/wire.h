// The layout of messages between the engine, the launcher, and the monitor. Plain values of fixed size, because the monitor
// is built without a standard library. Both ends must come from the same build (kMagic changes with the layout).
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace stack::runtime::wire {

constexpr uint32_t kMagic = 0x53544b32;    // "STK2"
constexpr size_t kMaxMessage = 48 * 1024;  // fits kMaxHeld names and the preceding fields
constexpr int kMaxHeld = 200;
constexpr int kMaxReaders = 16;
constexpr size_t kNameSize = 160;
constexpr size_t kIdSize = 80;

enum Type : uint16_t {
  // monitor to engine
  kCreated = 1,
  kStarted,
  kFailed,
  kExited,
  kHello,
  kAttached,
  kOomKilled,
  kStdinClosed,
  kRefused,
  // engine to monitor
  kStart = 100,
  kResize,
  kAttach,
  kHold,
  kDropHeld,
  kLogSettings,
  kAcknowledgeExit,
  kEngineLeaves,
};

// Descriptors in a message follow the order of these bits.
enum FdBits : uint32_t {
  kPidfd = 1,
  kStdin = 2,
  kStdout = 4,
  kStderr = 8,
  kTerminal = 16,
  kNetns = 32,
};

struct Header {
  uint32_t magic = kMagic;
  uint16_t type = 0;
  uint16_t unused = 0;
  uint32_t token = 0;
  uint32_t fd_bits = 0;
};

// kCreated, kStarted; followed by notes, each ended by '\0'.
struct ProcessMessage {
  Header header;
  int32_t pid = -1;
};

// kFailed; followed by step, object and text, each ended by '\0'.
struct FailedMessage {
  Header header;
  int32_t code = 0;
  int32_t exit_code = 0;
};

struct ExitStatus {
  int32_t exit_code = 0;
  int32_t signal = 0;
  uint8_t oom_killed = 0;
  uint8_t status_known = 0;
  uint8_t unused[6] = {};
  int64_t finished_at_ns = 0;  // since the epoch
  uint64_t log_dropped = 0;    // bytes of output that could not be logged
};

struct ExitedMessage {
  Header header;
  ExitStatus status;
};

// Followed by the names of the held descriptors, which come after those of fd_bits, in the same order.
struct HelloMessage {
  Header header;
  int32_t pid = -1;
  int32_t monitor_pid = -1;
  uint8_t has_exited = 0;
  uint8_t readers_lost = 0;
  uint8_t unused[6] = {};
  ExitStatus status;
  char id[kIdSize] = {};
};

// kRefused: followed by text. kHold: followed by names, each ended by '\0'. kDropHeld: the name.
// kStart: header.token is the number of requests that follow and come first.
// kAttached, kAcknowledgeExit, kEngineLeaves, kOomKilled, kStdinClosed: the header alone. Before its command exits, an exec
// session takes kAcknowledgeExit as advance notice: it ends at the exit.
struct PlainMessage {
  Header header;
};

struct ResizeMessage {
  Header header;
  uint16_t height = 0;
  uint16_t width = 0;
  uint32_t unused = 0;
};

enum AttachFlags : uint32_t { kAttachStdin = 1, kAttachOutput = 2, kAttachLossless = 4, kAttachResume = 8 };

struct AttachMessage {
  Header header;
  uint32_t flags = 0;
  uint32_t unused = 0;
  uint64_t position[2] = {};  // kAttachResume: bytes of stdout and stderr that the reader has
};

enum LogDriverNumber : uint32_t { kLogNone = 0, kLogJson = 1, kLogJournal = 2 };

struct LogValues {
  uint32_t driver = kLogNone;
  int32_t max_file = 1;
  int64_t max_size = 0;     // <= 0: unbounded
  int64_t buffer_size = 0;  // > 0: non-blocking, with a buffer of this size
  char name[256] = {};      // below the log directory; "": no file
  uint32_t fields_size = 0;
  char fields[4096] =
      {};  // kLogJson: text of each record before the time; kLogJournal: fields of each message
};

// One descriptor: the log directory.
struct LogMessage {
  Header header;
  LogValues log;
};

// A frame on an attached stream: Docker's 8-byte header.
enum Stream : uint8_t { kStreamStdout = 1, kStreamStderr = 2, kStreamGap = 4 };
struct Frame {
  uint8_t stream = 0;
  uint8_t zero[3] = {};
  uint8_t length[4] = {};  // big-endian
};

// ---- launcher to monitor: the contents of descriptor kStateFd ----

constexpr int kStateFd = 3;

enum WatchFlags : uint32_t {
  kWatchTerminal = 1,
  kWatchStdinOnce = 2,
  kWatchAdopted = 4,  // the process is not our child
  kWatchExec = 8,     // an exec session: no log; without a listener no attach either, and it ends with the process
  kWatchGreet = 16,   // send Hello on the control socket immediately
  kWatchKeepOutput = 32,
};

struct MonitorState {
  uint32_t magic = kMagic;
  uint32_t flags = 0;
  int32_t pid = -1;
  int32_t control = -1;
  int32_t listener = -1;
  int32_t pidfd = -1;
  int32_t netns = -1;
  int32_t stdin_write = -1;
  int32_t stdout_read = -1;
  int32_t stderr_read = -1;
  int32_t terminal = -1;
  int32_t oom_file = -1;   // read for "oom_kill N"
  int32_t oom_event = -1;  // version 1: eventfd; version 2: oom_file itself is polled for POLLPRI
  int32_t state_dir = -1;
  int32_t run_dir = -1;
  int32_t log_dir = -1;
  int32_t held_count = 0;
  uint32_t requests_first = 0;  // number of engine requests to handle before reading the container's output
  uint64_t oom_kills_before = 0;
  LogValues log;
  struct {
    int32_t fd;
    char name[kNameSize];
  } held[kMaxHeld];
  char id[kIdSize] = {};
  char engine_lock[1024] = {};
  char engine_argv[4096] = {};  // words, each ended by '\0'; the list ended by an empty word
};

}  // namespace stack::runtime::wire
