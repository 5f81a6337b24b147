#include "runtime/monitor/monitor.h"

#include "runtime/monitor/clock.h"

namespace stack::runtime {

namespace {

constexpr unsigned long kGetPtyPeer = 0x5441;  // TIOCGPTPEER
// Maximum time that the monitor of an exited exec session waits for an engine to fetch its output and exit code.
// The exit code remains in exit.json.
constexpr int64_t kSessionLingerMs = 60000;
// Maximum unread output of an exited command: the largest pipe of fs.pipe-max-size.
constexpr size_t kLargestPipe = 1 << 20;

int64_t earlier(int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

bool has(const sys::PollFd& poll, short events) { return (poll.revents & events) != 0; }

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
  int64_t left = draining_ && !hold_output ? 0 : next_timer(held_for);
  sys::TimeSpec wait = {left / 1000, left % 1000 * 1000000};
  sys::TimeSpec* timeout = left >= 0 ? &wait : nullptr;
  long ready = sys::poll(polled.fds, sizeof(polled.fds) / sizeof(polled.fds[0]), timeout);
  if (ready >= 0) handle(polled);
  if (draining_ && !hold_output) drain_session();
  consider_input_end();
  consider_engine_start();
  end_session();
}

// Milliseconds until the next time limit; -1 = none.
int64_t MonitorLoop::next_timer(int64_t held_for) {
  int64_t now = milliseconds();
  int64_t left = held_for > 0 ? held_for : -1;
  auto limit = [&](int64_t at) { left = earlier(left, at > now ? at - now : 0); };
  if (next_engine_start_ != 0) limit(next_engine_start_);
  if (input_cut_ != 0) limit(input_cut_ + kSameDeathMs);
  if (is_orphaned()) {
    if (orphaned_since_ == 0) orphaned_since_ = now;
    limit(orphaned_since_ + kSessionLingerMs);
  }
  return left;
}

// Ends an exec session that no engine has asked for or whose output nobody wants.
void MonitorLoop::end_session() {
  if (released_ && exited_) done_ = true;
  if (!is_orphaned()) {
    orphaned_since_ = 0;
  } else if (orphaned_since_ != 0 && milliseconds() >= orphaned_since_ + kSessionLingerMs) {
    done_ = true;
  }
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
      read_input(reader, has(poll, sys::kPollHup));
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
  if (draining_) drained_ += static_cast<size_t>(n);
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

// After the exit of a session's command: ends it once everything that the command wrote has been delivered, however slowly
// the reader reads. Does not wait for later output of its children.
void MonitorLoop::drain_session() {
  int* streams[] = {&state_.stdout_read, &state_.stderr_read, &state_.terminal};
  for (int* stream : streams) {
    sys::PollFd poll = {*stream, sys::kPollIn, 0};
    sys::TimeSpec none = {0, 0};
    bool more = *stream >= 0 && sys::poll(&poll, 1, &none) == 1;
    if (more && drained_ < 2 * kLargestPipe) return;
  }
  for (int* stream : streams) close_fd(*stream);
  close_fd(terminal_peer_);
  draining_ = false;
  close_input();
  readers_.close_all();
  report(kExit);
}

// ---- stdin ----

void MonitorLoop::close_input() {
  if (state_.stdin_write < 0) return;
  close_fd(state_.stdin_write);
  report(kStdinEnd);
}

// `cut`: the connection is broken, as opposed to its sending half closed.
void MonitorLoop::read_input(Reader& reader, bool cut) {
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
  bool resumes = (reader.flags & wire::kAttachResume) != 0;
  if (n < 0 || cut) readers_.close(reader);
  bool once = (state_.flags & wire::kWatchStdinOnce) != 0 && (state_.flags & wire::kWatchTerminal) == 0;
  if (!wanted || !once) return;
  if (resumes && cut) {
    input_cut_ = milliseconds();
  } else {
    end_input();
  }
}

void MonitorLoop::end_input() {
  input_ends_ = true;
  write_input();
}

// A reader that can resume may have lost its connection because its engine died: it will return and send the rest of its
// input. If the engine is still alive, the reader has left.
void MonitorLoop::consider_input_end() {
  if (input_cut_ == 0 || milliseconds() < input_cut_ + kSameDeathMs) return;
  input_cut_ = 0;
  if (state_.control >= 0) end_input();
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

}  // namespace stack::runtime
