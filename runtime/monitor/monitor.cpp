#include "runtime/monitor/monitor.h"

#include "runtime/monitor/text.h"

namespace stack::runtime {

namespace {

constexpr unsigned long kGetPtyPeer = 0x5441;     // TIOCGPTPEER
constexpr unsigned long kSetWindowSize = 0x5414;  // TIOCSWINSZ
constexpr int kPidfdType = 3;                     // P_PIDFD
constexpr int kExitedOption = 4;                  // WEXITED
constexpr int kExitedCode = 1;                    // CLD_EXITED
constexpr int kMonotonic = 1, kRealtime = 0;
// Maximum time that output waits for readers whose engine died.
constexpr int64_t kReturnMs = 10000;
// A reader that disconnects this shortly before its engine did not leave intentionally.
constexpr int64_t kSameDeathMs = 1000;

// ioctl(PIDFD_GET_INFO), Linux 6.13; the exit code since 6.15. include/uapi/linux/pidfd.h
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroup;
  uint32_t ids[11];
  int32_t exit_code;
};
constexpr uint64_t kPidfdInfoExit = 8;
constexpr unsigned long kGetPidfdInfo = 0xc0000000UL | sizeof(PidfdInfo) << 16 | 0xff << 8 | 11;

struct WaitInfo {  // siginfo_t as waitid(2) fills it
  int signal, error, code;
  int padding;
  int pid, uid, status;
  char rest[100];
};

struct WindowSize {
  uint16_t rows, columns, x, y;
};

int64_t milliseconds() {
  sys::TimeSpec now = {0, 0};
  sys::clock(kMonotonic, &now);
  return now.seconds * 1000 + now.nanoseconds / 1000000;
}

bool has(const sys::PollFd& poll, short events) { return (poll.revents & events) != 0; }

void close_fd(int& fd) {
  if (fd >= 0) sys::close(fd);
  fd = -1;
}

void make_nonblocking(int fd) {
  if (fd < 0) return;
  long flags = sys::fcntl(fd, 3 /* F_GETFL */, 0);
  sys::fcntl(fd, 4 /* F_SETFL */, flags | sys::kNonblock);
}

}  // namespace

// Descriptors polled in one round; the kernel skips entries with fd -1.
struct MonitorLoop::Polled {
  enum Slot { kControl, kListener, kPidfd, kStdout, kStderr, kTerminal, kStdin, kOom, kLog, kReaders };
  sys::PollFd fds[kReaders + wire::kMaxReaders];
};

void MonitorLoop::begin() {
  sys::set_signal(13 /* SIGPIPE */, sys::kIgnore);
  make_nonblocking(state_.stdin_write);
  make_nonblocking(state_.stdout_read);
  make_nonblocking(state_.stderr_read);
  make_nonblocking(state_.terminal);
  make_nonblocking(state_.control);
  make_nonblocking(state_.listener);
  log_.open(state_.log_dir, state_.log);
  oom_seen_ = state_.oom_kills_before;
  if (state_.terminal >= 0) {
    // Keeps the other end open, so that a program that briefly closes its terminal does not hang it up permanently.
    long peer = sys::ioctl(
        state_.terminal, kGetPtyPeer,
        reinterpret_cast<const void*>(static_cast<long>(sys::kReadWrite | sys::kNoctty | sys::kCloexec)));
    if (peer >= 0) terminal_peer_ = static_cast<int>(peer);
  }
  if ((state_.flags & wire::kWatchKeepOutput) != 0) history_.begin();
  if ((state_.flags & wire::kWatchAdopted) != 0) open_stat_file();
  if ((state_.flags & wire::kWatchGreet) != 0) greet();
}

void MonitorLoop::run() {
  begin();
  while (!done_) step();
  if (state_.run_dir >= 0 && state_.listener >= 0) sys::unlinkat(state_.run_dir, "monitor.sock");
}

void MonitorLoop::step() {
  Polled polled;
  auto set = [&](int slot, int fd, short events) { polled.fds[slot] = {fd, events, 0}; };
  int64_t held_for = readers_.holding(milliseconds());
  if (held_for == 0) held_for = awaiting_readers();
  bool hold_output = held_for != 0 || state_.requests_first > 0;
  bool input_pending = input_held_ > input_sent_;
  set(Polled::kControl, state_.control, unreported_ != 0 ? sys::kPollIn | sys::kPollOut : sys::kPollIn);
  set(Polled::kListener, state_.listener, sys::kPollIn);
  set(Polled::kPidfd, exited_ || state_.requests_first > 0 ? -1 : state_.pidfd, sys::kPollIn);
  set(Polled::kStdout, hold_output ? -1 : state_.stdout_read, sys::kPollIn);
  set(Polled::kStderr, hold_output ? -1 : state_.stderr_read, sys::kPollIn);
  set(Polled::kTerminal, hold_output ? -1 : state_.terminal, sys::kPollIn);
  int input = state_.terminal >= 0 ? state_.terminal : state_.stdin_write;
  set(Polled::kStdin, input_pending ? input : -1, sys::kPollOut);
  bool counter_only = state_.oom_event < 0;
  set(Polled::kOom,
      exited_        ? -1
      : counter_only ? state_.oom_file
                     : state_.oom_event,
      counter_only ? sys::kPollPri : sys::kPollIn);
  set(Polled::kLog, log_.waiting_fd(), sys::kPollOut);
  for (int i = 0; i < wire::kMaxReaders; ++i) {
    const Reader& reader = readers_.at(i);
    short events = reader.full ? sys::kPollOut : short{0};
    if (!reader.input_over && !input_pending) events = static_cast<short>(events | sys::kPollIn);
    set(Polled::kReaders + i, reader.fd, events);
  }
  sys::TimeSpec wait = {0, 0};
  sys::TimeSpec* timeout = nullptr;
  int64_t left = held_for > 0 ? held_for : -1;
  if (next_engine_start_ != 0) {
    int64_t start = next_engine_start_ - milliseconds();
    if (start < 0) start = 0;
    if (left < 0 || start < left) left = start;
  }
  if (left >= 0) {
    wait = {left / 1000, left % 1000 * 1000000};
    timeout = &wait;
  }
  if (sys::poll(polled.fds, sizeof(polled.fds) / sizeof(polled.fds[0]), timeout) >= 0) handle(polled);
  consider_engine_start();
}

void MonitorLoop::handle(const Polled& polled) {
  constexpr short kReadable = sys::kPollIn | sys::kPollHup | sys::kPollErr;
  // Handles requests before output, so that a reader requested with the start misses nothing. Requests may close polled
  // descriptors, so the rest is polled again.
  if (has(polled.fds[Polled::kControl], kReadable)) return read_requests();
  if (has(polled.fds[Polled::kControl], sys::kPollOut)) send_untold();
  if (has(polled.fds[Polled::kStdout], kReadable)) read_output(state_.stdout_read, wire::kStreamStdout, out_);
  if (has(polled.fds[Polled::kStderr], kReadable)) read_output(state_.stderr_read, wire::kStreamStderr, err_);
  if (has(polled.fds[Polled::kTerminal], kReadable)) read_output(state_.terminal, wire::kStreamStdout, out_);
  log_.flush();
  if (has(polled.fds[Polled::kStdin], sys::kPollOut | sys::kPollErr | sys::kPollHup)) write_input();
  for (int i = 0; i < wire::kMaxReaders; ++i) {
    const sys::PollFd& poll = polled.fds[Polled::kReaders + i];
    Reader& reader = readers_.at(i);
    if (reader.fd < 0 || reader.fd != poll.fd || poll.revents == 0) continue;
    if (has(poll, sys::kPollOut)) reader.full = false;
    if (has(poll, sys::kPollHup | sys::kPollErr) && (reader.flags & wire::kAttachResume) != 0)
      reader_left_ = milliseconds();
    if (has(poll, sys::kPollIn)) {
      read_input(reader);
    } else if (has(poll, sys::kPollHup | sys::kPollErr)) {
      readers_.close(reader);
    }
  }
  if (has(polled.fds[Polled::kOom], sys::kPollIn | sys::kPollPri | sys::kPollErr)) note_oom();
  if (has(polled.fds[Polled::kPidfd], sys::kPollIn)) note_exit();
  if (has(polled.fds[Polled::kListener], sys::kPollIn)) accept_engine();
}

// ---- the container's output ----

void MonitorLoop::read_output(int& fd, wire::Stream stream, LineLogger& logger) {
  long n = sys::read(fd, output_, sizeof(output_));
  if (n == -sys::kEagain || n == -sys::kEintr) return;
  if (n <= 0) {  // end of file, or EIO from a terminal that is no longer open
    logger.finish(log_);
    close_fd(fd);
    return;
  }
  logger.add(log_, output_, static_cast<size_t>(n));
  history_.add(stream, output_, static_cast<size_t>(n));
  readers_.deliver(stream, output_, static_cast<size_t>(n), milliseconds());
}

// After the exit: reads the remaining output from the pipes. Waits at most one second for readers that do not read,
// including lossless ones.
void MonitorLoop::drain_output() {
  struct {
    int& fd;
    wire::Stream stream;
    LineLogger& logger;
  } streams[] = {{state_.stdout_read, wire::kStreamStdout, out_},
                 {state_.stderr_read, wire::kStreamStderr, err_},
                 {state_.terminal, wire::kStreamStdout, out_}};
  close_fd(terminal_peer_);
  for (auto& stream : streams) {
    // A pipe shared with a process outside the container may never end, so the number of reads is limited.
    for (int round = 0; round < 1024 && stream.fd >= 0; ++round) {
      if (readers_.holding(milliseconds()) != 0) {
        sys::TimeSpec moment = {0, 1000000};
        sys::poll(nullptr, 0, &moment);
        for (int i = 0; i < wire::kMaxReaders; ++i) {
          Reader& reader = readers_.at(i);
          sys::PollFd room = {reader.fd, sys::kPollOut, 0};
          sys::TimeSpec none = {0, 0};
          if (reader.full && sys::poll(&room, 1, &none) == 1) reader.full = false;
        }
        if (readers_.holding(milliseconds()) != 0) continue;
      }
      sys::PollFd poll = {stream.fd, sys::kPollIn, 0};
      sys::TimeSpec none = {0, 0};
      if (sys::poll(&poll, 1, &none) != 1) break;
      read_output(stream.fd, stream.stream, stream.logger);
    }
    stream.logger.finish(log_);
    close_fd(stream.fd);
  }
  log_.close();
}

// ---- exit ----

// The wait status of a process that is not our child; -1 if unknown. It is in /proc/<pid>/stat until the new parent reaps
// the process, then in the pidfd (Linux 6.15).
int MonitorLoop::read_foreign_status() {
  for (int round = 0; round < 200; ++round) {
    PidfdInfo info = {};
    info.mask = kPidfdInfoExit;
    if (sys::ioctl(state_.pidfd, kGetPidfdInfo, &info) == 0 && (info.mask & kPidfdInfoExit) != 0)
      return info.exit_code;
    char text[1024];
    long n = stat_file_ < 0 ? -1 : sys::pread(stat_file_, text, sizeof(text) - 1, 0);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) --n;
    long end = n;
    while (n > 0 && text[n - 1] >= '0' && text[n - 1] <= '9') --n;
    if (n > 0 && n < end) {
      int status = 0;
      for (; n < end; ++n) status = status * 10 + (text[n] - '0');
      return status;
    }
    sys::TimeSpec moment = {0, 5000000};
    sys::poll(nullptr, 0, &moment);
  }
  return -1;
}

// Opens the file while the pidfd shows that the process is alive, so that it belongs to this process.
void MonitorLoop::open_stat_file() {
  char path[64];
  TextWriter out(path, sizeof(path));
  out.add("/proc/").number(state_.pid).add("/stat").done();
  long fd = sys::openat(sys::kAtFdcwd, path, sys::kCloexec, 0);
  if (fd < 0) return;
  sys::PollFd poll = {state_.pidfd, sys::kPollIn, 0};
  sys::TimeSpec none = {0, 0};
  if (sys::poll(&poll, 1, &none) == 0) {
    stat_file_ = static_cast<int>(fd);
  } else {
    sys::close(static_cast<int>(fd));
  }
}

void MonitorLoop::read_exit_status() {
  status_ = wire::ExitStatus();
  sys::TimeSpec now = {0, 0};
  sys::clock(kRealtime, &now);
  status_.finished_at_ns = now.seconds * 1000000000 + now.nanoseconds;
  if ((state_.flags & wire::kWatchAdopted) != 0) {
    int raw = read_foreign_status();
    status_.status_known = raw >= 0 ? 1 : 0;
    status_.signal = raw >= 0 ? raw & 0x7f : 0;
    status_.exit_code = raw < 0 ? 255 : status_.signal != 0 ? 128 + status_.signal : raw >> 8 & 0xff;
    return;
  }
  WaitInfo info = {};
  long result = sys::call(__NR_waitid, kPidfdType, state_.pidfd, sys::pointer(&info), kExitedOption, 0);
  status_.status_known = result == 0 ? 1 : 0;
  if (result != 0) {
    status_.exit_code = 255;
  } else if (info.code == kExitedCode) {
    status_.exit_code = info.status;
  } else {
    status_.signal = info.status;
    status_.exit_code = 128 + info.status;
  }
}

uint64_t MonitorLoop::count_oom_kills() {
  if (state_.oom_file < 0) return 0;
  char text[1024];
  long n = sys::pread(state_.oom_file, text, sizeof(text) - 1, 0);
  if (n <= 0) return 0;
  text[n] = '\0';
  constexpr char kKey[] = "oom_kill ";
  for (char* at = text; *at != '\0'; ++at) {
    if (at != text && at[-1] != '\n') continue;
    size_t i = 0;
    while (kKey[i] != '\0' && at[i] == kKey[i]) ++i;
    if (kKey[i] != '\0') continue;
    uint64_t count = 0;
    for (at += i; *at >= '0' && *at <= '9'; ++at) count = count * 10 + static_cast<uint64_t>(*at - '0');
    return count;
  }
  return 0;
}

void MonitorLoop::note_oom() {
  char event[8];
  if (state_.oom_event >= 0) sys::read(state_.oom_event, event, sizeof(event));
  uint64_t count = count_oom_kills();
  if (count > oom_seen_) report(kOom);
  if (count > oom_seen_) oom_seen_ = count;
}

void MonitorLoop::note_exit() {
  exited_ = true;
  read_exit_status();
  if ((state_.flags & wire::kWatchExec) != 0) {
    report(kExit);
    return;
  }
  drain_output();
  note_oom();
  status_.oom_killed = oom_seen_ > state_.oom_kills_before ? 1 : 0;
  status_.log_dropped = log_.dropped_bytes();
  close_input();
  write_exit_file(state_.control < 0);
  readers_.close_all();
  report(kExit);
}

void MonitorLoop::write_exit_file(bool durable) {
  if (state_.state_dir < 0) return;
  char text[256];
  TextWriter out(text, sizeof(text));
  out.add("{\"exit_code\":").number(status_.exit_code).add(",\"signal\":").number(status_.signal);
  out.add(",\"oom_killed\":").add(status_.oom_killed != 0 ? "true" : "false");
  out.add(",\"status_known\":").add(status_.status_known != 0 ? "true" : "false");
  out.add(",\"finished_at_ns\":").number(status_.finished_at_ns).add("}\n");
  long fd = sys::openat(state_.state_dir, "exit.json.new",
                        sys::kWriteOnly | sys::kCreate | sys::kTruncate | sys::kCloexec, 0600);
  if (fd < 0) return;
  bool whole = sys::write(static_cast<int>(fd), text, out.used()) == static_cast<long>(out.used());
  if (durable) sys::fsync(static_cast<int>(fd));
  sys::close(static_cast<int>(fd));
  if (whole) sys::renameat(state_.state_dir, "exit.json.new", "exit.json");
}

// ---- stdin ----

void MonitorLoop::close_input() {
  if (state_.stdin_write < 0) return;
  close_fd(state_.stdin_write);
  report(kStdinEnd);
}

void MonitorLoop::read_input(Reader& reader) {
  if (input_held_ > input_sent_) return;
  long n = sys::read(reader.fd, input_, sizeof(input_));
  if (n == -sys::kEagain || n == -sys::kEintr) return;
  bool wanted = (reader.flags & wire::kAttachStdin) != 0;
  if (n > 0) {
    if (!wanted) return;
    input_held_ = static_cast<size_t>(n);
    input_sent_ = 0;
    write_input();
    return;
  }
  // The reader has ended its input but may keep reading; a broken connection is closed at its hang-up.
  reader.input_over = true;
  if (n < 0) readers_.close(reader);
  if (wanted && (state_.flags & wire::kWatchStdinOnce) != 0 && (state_.flags & wire::kWatchTerminal) == 0) {
    input_ends_ = true;
    write_input();
  }
}

void MonitorLoop::write_input() {
  int fd = state_.terminal >= 0 ? state_.terminal : state_.stdin_write;
  while (input_sent_ < input_held_) {
    long n = fd < 0 ? 0 : sys::write(fd, input_ + input_sent_, input_held_ - input_sent_);
    if (n == -sys::kEintr) continue;
    if (n == -sys::kEagain) return;
    if (n <= 0) {  // stdin has no reader
      input_sent_ = input_held_;
      break;
    }
    input_sent_ += static_cast<size_t>(n);
  }
  input_sent_ = input_held_ = 0;
  if (input_ends_) close_input();
}

// ---- the engine ----

bool MonitorLoop::send_type(wire::Type type) {
  wire::PlainMessage message;
  message.header.type = type;
  return send_message(state_.control, &message, sizeof(message), nullptr, 0) != -sys::kEagain;
}

bool MonitorLoop::send_exit() {
  wire::ExitedMessage message;
  message.header.type = wire::kExited;
  message.status = status_;
  return send_message(state_.control, &message, sizeof(message), nullptr, 0) != -sys::kEagain;
}

// Sends as much as the engine's socket accepts; the rest follows later.
void MonitorLoop::send_untold() {
  bool room = state_.control >= 0;
  auto sent = [&](Unreported what, bool done) {
    if (done) unreported_ &= ~static_cast<uint32_t>(what);
    return done;
  };
  if (room && (unreported_ & kStdinEnd) != 0) room = sent(kStdinEnd, send_type(wire::kStdinClosed));
  if (room && (unreported_ & kOom) != 0) room = sent(kOom, send_type(wire::kOomKilled));
  if (room && (unreported_ & kExit) != 0) (void)sent(kExit, send_exit());
  // The status of an exec session matters only to its own engine.
  bool exec = (state_.flags & wire::kWatchExec) != 0;
  if (exec && exited_ && (state_.control < 0 || (unreported_ & kExit) == 0)) done_ = true;
}

void MonitorLoop::report(Unreported what) {
  unreported_ |= what;
  send_untold();
}

void MonitorLoop::refuse(uint32_t token, const char* text) {
  struct {
    wire::PlainMessage plain;
    char text[128];
  } message;
  message.plain = wire::PlainMessage();
  message.plain.header.type = wire::kRefused;
  message.plain.header.token = token;
  TextWriter out(message.text, sizeof(message.text));
  out.add(text);
  send_message(state_.control, &message, sizeof(message.plain) + out.used(), nullptr, 0);
}

void MonitorLoop::greet() {
  wire::HelloMessage hello;
  hello.header.type = wire::kHello;
  hello.pid = state_.pid;
  hello.monitor_pid = static_cast<int32_t>(sys::getpid());
  hello.has_exited = exited_ ? 1 : 0;
  hello.readers_lost = readers_lost_ != 0 ? 1 : 0;
  hello.status = status_;
  for (size_t i = 0; i < wire::kIdSize; ++i) hello.id[i] = state_.id[i];
  int fds[kMaxMessageFds];
  int count = 0;
  auto add = [&](int fd, uint32_t bit) {
    if (fd < 0) return;
    hello.header.fd_bits |= bit;
    fds[count++] = fd;
  };
  add(state_.pidfd, wire::kPidfd);
  add(state_.stdin_write, wire::kStdin);
  add(state_.stdout_read, wire::kStdout);
  add(state_.stderr_read, wire::kStderr);
  add(state_.terminal, wire::kTerminal);
  add(state_.netns, wire::kNetns);
  TextWriter out(message_, sizeof(message_));
  const char* bytes = reinterpret_cast<const char*>(&hello);
  for (size_t i = 0; i < sizeof(hello); ++i) out.add(bytes[i]);
  for (int i = 0; i < state_.held_count; ++i) {
    out.add(state_.held[i].name).add('\0');
    fds[count++] = state_.held[i].fd;
  }
  // The greeting contains everything except OOM kills.
  unreported_ &= kOom;
  if (send_message(state_.control, message_, out.used(), fds, count) < 0) lose_engine();
}

void MonitorLoop::accept_engine() {
  long fd = accept(state_.listener);
  if (fd < 0) return;
  if (!peer_is_us(static_cast<int>(fd))) {
    sys::close(static_cast<int>(fd));
    return;
  }
  // The newest connection replaces the previous one, whose pending requests are still handled.
  if (state_.control >= 0) read_requests();
  close_fd(state_.control);
  state_.control = static_cast<int>(fd);
  engine_left_ = false;
  next_engine_start_ = 0;
  engine_.reset();
  greet();
}

void MonitorLoop::note_lost_readers() {
  int64_t now = milliseconds();
  bool just_left = reader_left_ != 0 && now - reader_left_ < kSameDeathMs;
  if (readers_.any_resumable() || just_left) readers_lost_ = now;
}

// Remaining milliseconds that output waits for disconnected readers; 0 = none.
int64_t MonitorLoop::awaiting_readers() const {
  int64_t left = readers_lost_ == 0 ? 0 : readers_lost_ + kReturnMs - milliseconds();
  return left > 0 ? left : 0;
}

void MonitorLoop::lose_engine() {
  close_fd(state_.control);
  note_lost_readers();
  if (exited_) write_exit_file(true);
  if (engine_.possible() && (!engine_left_ || exited_)) next_engine_start_ = milliseconds() + engine_.delay();
}

void MonitorLoop::consider_engine_start() {
  bool wanted = state_.control < 0 && engine_.possible() && (exited_ || !engine_left_) && !done_;
  if (!wanted) {
    next_engine_start_ = 0;
    return;
  }
  int64_t now = milliseconds();
  if (next_engine_start_ == 0) next_engine_start_ = now + (exited_ ? 0 : engine_.delay());
  if (now < next_engine_start_) return;
  engine_.attempt();
  next_engine_start_ = milliseconds() + engine_.delay();
}

// Handles pending requests, up to a limit, so that a busy engine does not starve the container's output.
void MonitorLoop::read_requests() {
  static Received received;
  for (int i = 0; i < 64 && state_.control >= 0 && !done_; ++i) {
    receive_message(state_.control, message_, sizeof(message_), received);
    if (received.size == -sys::kEagain) return;
    if (received.size <= 0) {
      state_.requests_first = 0;
      if ((state_.flags & wire::kWatchExec) != 0) {
        close_fd(state_.control);  // the command continues without us
        send_untold();
      } else {
        lose_engine();
      }
      return;
    }
    if (state_.requests_first > 0) --state_.requests_first;
    handle_request(received);
  }
}

void MonitorLoop::handle_request(const Received& received) {
  size_t size = static_cast<size_t>(received.size);
  wire::Header header;
  bool complete = size >= sizeof(header);
  if (complete) __builtin_memcpy(&header, message_, sizeof(header));
  bool takes_fds = complete && (header.type == wire::kHold || header.type == wire::kLogSettings);
  for (int i = 0; !takes_fds && i < received.fd_count; ++i) sys::close(received.fds[i]);
  if (!complete || header.magic != wire::kMagic) return;
  const char* rest = message_ + sizeof(wire::PlainMessage);
  size_t rest_size = size - sizeof(wire::PlainMessage);
  switch (header.type) {
    case wire::kResize: {
      wire::ResizeMessage message;
      if (size < sizeof(message)) return;
      __builtin_memcpy(&message, message_, sizeof(message));
      WindowSize window = {message.height, message.width, 0, 0};
      if (state_.terminal >= 0) sys::ioctl(state_.terminal, kSetWindowSize, &window);
      return;
    }
    case wire::kAttach: {
      wire::AttachMessage message;
      if (size < sizeof(message)) return;
      __builtin_memcpy(&message, message_, sizeof(message));
      attach(message);
      return;
    }
    case wire::kHold:
      hold(rest, rest_size, received);
      return;
    case wire::kDropHeld:
      drop_held(rest, rest_size);
      return;
    case wire::kLogSettings: {
      wire::LogMessage message;
      if (size < sizeof(message)) {
        for (int i = 0; i < received.fd_count; ++i) sys::close(received.fds[i]);
        return;
      }
      __builtin_memcpy(&message, message_, sizeof(message));
      change_log(message, received);
      return;
    }
    case wire::kAcknowledgeExit:
      done_ = exited_;
      return;
    case wire::kEngineLeaves:
      engine_left_ = true;
      return;
    default:
      return;
  }
}

void MonitorLoop::replay(Reader& reader, const wire::AttachMessage& message) {
  history_.begin();
  readers_lost_ = 0;
  OutputHistory::Piece piece;
  OutputHistory::Walk walk(history_, message.position);
  while (walk.next(piece)) readers_.deliver_to(reader, piece.stream, piece.bytes, piece.size, piece.missed);
}

void MonitorLoop::attach(const wire::AttachMessage& message) {
  bool resumes = (message.flags & wire::kAttachResume) != 0;
  if (exited_ && !resumes) return refuse(message.header.token, "the container is not running");
  Reader* reader = nullptr;
  long stream = readers_.attach(message.flags, reader);
  if (stream < 0) return refuse(message.header.token, "too many attached readers");
  if (resumes) replay(*reader, message);
  if (exited_ && reader->fd >= 0) readers_.close(*reader);
  wire::PlainMessage answer;
  answer.header.type = wire::kAttached;
  answer.header.token = message.header.token;
  int fd = static_cast<int>(stream);
  send_message(state_.control, &answer, sizeof(answer), &fd, 1);
  sys::close(fd);
}

int MonitorLoop::held_index(const char* name) {
  for (int i = 0; i < state_.held_count; ++i) {
    if (same_text(state_.held[i].name, name)) return i;
  }
  return -1;
}

void MonitorLoop::hold(const char* names, size_t size, const Received& received) {
  size_t at = 0;
  for (int i = 0; i < received.fd_count; ++i) {
    char name[wire::kNameSize];
    TextWriter out(name, sizeof(name));
    while (at < size && names[at] != '\0') out.add(names[at++]);
    ++at;
    out.done();
    int index = held_index(name);
    if (index >= 0) {
      sys::close(state_.held[index].fd);
    } else if (state_.held_count < wire::kMaxHeld && name[0] != '\0') {
      index = state_.held_count++;
      __builtin_memcpy(state_.held[index].name, name, sizeof(name));
    } else {
      sys::close(received.fds[i]);
      refuse(0, "too many held descriptors");
      continue;
    }
    state_.held[index].fd = received.fds[i];
  }
}

void MonitorLoop::drop_held(const char* name, size_t size) {
  if (size == 0 || name[size - 1] != '\0') return;
  int index = held_index(name);
  if (index < 0) return;
  sys::close(state_.held[index].fd);
  state_.held[index] = state_.held[--state_.held_count];
}

void MonitorLoop::change_log(const wire::LogMessage& message, const Received& received) {
  log_.close();
  close_fd(state_.log_dir);
  state_.log = message.log;
  state_.log.name[sizeof(state_.log.name) - 1] = '\0';
  if (state_.log.fields_size > sizeof(state_.log.fields)) state_.log.fields_size = 0;
  for (int i = 0; i < received.fd_count; ++i) {
    if (i == 0) {
      state_.log_dir = received.fds[0];
    } else {
      sys::close(received.fds[i]);
    }
  }
  log_.open(state_.log_dir, state_.log);
}

}  // namespace stack::runtime
