// MonitorLoop: the connection to the engine.
#include "runtime/monitor/clock.h"
#include "runtime/monitor/monitor.h"
#include "runtime/monitor/text.h"

namespace stack::runtime {

namespace {

constexpr unsigned long kSetWindowSize = 0x5414;  // TIOCSWINSZ
// Maximum time that output waits for readers whose engine died.
constexpr int64_t kReturnMs = 10000;
constexpr int64_t kSessionReturnMs = 60000;

struct WindowSize {
  uint16_t rows, columns, x, y;
};

}  // namespace

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
  bool light = is_session() && !outlives_engine();
  if (light && exited_ && (state_.control < 0 || (unreported_ & kExit) == 0)) done_ = true;
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
  // A session's reader is requested with its start.
  bool expected = is_session() && state_.requests_first > 0;
  if (readers_.any_resumable() || just_left || expected) readers_lost_ = now;
}

// Remaining milliseconds that output waits for disconnected readers; 0 = none.
int64_t MonitorLoop::awaiting_readers() const {
  int64_t limit = is_session() ? kSessionReturnMs : kReturnMs;
  int64_t left = readers_lost_ == 0 ? 0 : readers_lost_ + limit - milliseconds();
  return left > 0 ? left : 0;
}

void MonitorLoop::lose_engine() {
  close_fd(state_.control);
  input_cut_ = 0;
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
      if (is_session() && !outlives_engine()) {
        close_fd(state_.control);  // the command continues without us
        send_untold();
      } else {
        lose_engine();
      }
      state_.requests_first = 0;
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
      released_ = is_session();
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
  input_cut_ = 0;
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
  if (exited_ && !draining_ && reader->fd >= 0) readers_.close(*reader);
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
