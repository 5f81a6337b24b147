#include "cli/session/attachment.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "cli/render/frames.h"

namespace stack::cli {

namespace {

constexpr size_t kPendingLimit = 256 * 1024;
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Makes signals readable from a descriptor until destruction.
class SignalDescriptor {
 public:
  SignalDescriptor(bool window, bool forwarded) {
    sigset_t set;
    sigemptyset(&set);
    if (window) sigaddset(&set, SIGWINCH);
    if (forwarded) {
      for (int signal : kForwarded) sigaddset(&set, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~SignalDescriptor() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalDescriptor(const SignalDescriptor&) = delete;
  SignalDescriptor& operator=(const SignalDescriptor&) = delete;
  int get() const { return fd_.get(); }
  // 0 if none is pending.
  int next() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t before_{};
  Fd fd_;
};

class Joint {
 public:
  Joint(http::HijackedConnection connection, Attachment attachment)
      : connection_(std::move(connection)),
        attachment_(std::move(attachment)),
        signals_(attachment_.tty, attachment_.on_signal != nullptr),
        stdin_open_(attachment_.forward_stdin) {}

  Result<AttachmentEnd> run() {
    std::optional<RawMode> raw;
    if (attachment_.tty && isatty(STDIN_FILENO) == 1) {
      TRY_ASSIGN(RawMode entered, RawMode::enter(STDIN_FILENO));
      raw.emplace(std::move(entered));
    }
    TRY(show(connection_.buffered));
    while (!closed_ && !detached_) TRY(turn());
    return detached_ ? AttachmentEnd::Detached : AttachmentEnd::Closed;
  }

 private:
  Result<> turn() {
    bool may_read_stdin = stdin_open_ && pending_.size() < kPendingLimit;
    short socket_events = POLLIN;
    if (!pending_.empty()) socket_events |= POLLOUT;
    std::array<pollfd, 3> watched{{{connection_.socket.get(), socket_events, 0},
                                   {signals_.get(), POLLIN, 0},
                                   {may_read_stdin ? STDIN_FILENO : -1, POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) return {};
      return Error::last_errno("poll");
    }
    if (watched[1].revents != 0) take_signals();
    if (watched[2].revents != 0) take_input();
    if (!pending_.empty()) TRY(send_pending());
    if (watched[0].revents & (POLLIN | POLLHUP | POLLERR)) TRY(take_output());
    return {};
  }

  void take_signals() {
    for (int signal = signals_.next(); signal != 0; signal = signals_.next()) {
      if (signal == SIGWINCH) {
        if (attachment_.on_resize) attachment_.on_resize(terminal_size(STDIN_FILENO));
      } else if (attachment_.on_signal) {
        attachment_.on_signal(signal);
      }
    }
  }

  void take_input() {
    std::array<char, 32768> buffer;
    ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (n <= 0) {
      stdin_open_ = false;
      if (pending_.empty()) ::shutdown(connection_.socket.get(), SHUT_WR);
      return;
    }
    std::string_view typed(buffer.data(), static_cast<size_t>(n));
    if (attachment_.tty) {
      pending_ += attachment_.detach_keys.filter(typed, detached_);
    } else {
      pending_ += typed;
    }
  }

  Result<> send_pending() {
    ssize_t n =
        ::send(connection_.socket.get(), pending_.data(), pending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EAGAIN || errno == EINTR) return {};
      // The process exited or closed its stdin; output may still arrive.
      pending_.clear();
      stdin_open_ = false;
      return {};
    }
    pending_.erase(0, static_cast<size_t>(n));
    if (pending_.empty() && attachment_.forward_stdin && !stdin_open_)
      ::shutdown(connection_.socket.get(), SHUT_WR);
    return {};
  }

  Result<> take_output() {
    std::array<char, 65536> buffer;
    ssize_t n = ::recv(connection_.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (n <= 0) {
      closed_ = true;
      return {};
    }
    return show(std::string_view(buffer.data(), static_cast<size_t>(n)));
  }

  Result<> show(std::string_view bytes) {
    if (attachment_.tty && attachment_.exit_code == nullptr) {
      bytes = unseen(1, bytes);
      count(1, bytes.size());
      return write_all(STDOUT_FILENO, bytes);
    }
    Result<> written;
    TRY(frames_.feed(bytes, [&](int stream, std::string_view content) {
      if (stream == kExitStream) return take_exit(content);
      content = unseen(stream, content);
      count(stream, content.size());
      if (written) written = write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, content);
    }));
    return written;
  }

  // The frame's payload: the exit code as big-endian u32.
  void take_exit(std::string_view content) {
    exit_ += content;
    if (exit_.size() < 4 || attachment_.exit_code == nullptr) return;
    uint32_t code = 0;
    for (char byte : exit_) code = code << 8 | static_cast<unsigned char>(byte);
    *attachment_.exit_code = static_cast<int>(code);
    closed_ = true;
  }

  std::string_view unseen(int stream, std::string_view bytes) {
    uint64_t& left = stream == 2 ? attachment_.skip.err : attachment_.skip.out;
    size_t skipped = static_cast<size_t>(std::min<uint64_t>(left, bytes.size()));
    left -= skipped;
    return bytes.substr(skipped);
  }

  void count(int stream, size_t bytes) {
    if (attachment_.shown != nullptr)
      (stream == 2 ? attachment_.shown->err : attachment_.shown->out) += bytes;
  }

  http::HijackedConnection connection_;
  Attachment attachment_;
  SignalDescriptor signals_;
  FrameReader frames_;
  std::string exit_;
  std::string pending_;  // bytes for the process's stdin
  bool stdin_open_;
  bool closed_ = false;
  bool detached_ = false;
};

}  // namespace

Result<AttachmentEnd> join_streams(http::HijackedConnection connection, Attachment attachment) {
  return Joint(std::move(connection), std::move(attachment)).run();
}

int start_failure_code(const Error& error, int otherwise) {
  std::string text = lower(error.text());
  auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (error.kind() == ErrorKind::NotExecutable || says("permission denied") || says("exec format error") ||
      says("is a directory"))
    return 126;
  if (error.kind() == ErrorKind::NoCommand) return 127;
  if (says("executable file not found") || says("no such file or directory") || says("command not found"))
    return 127;
  return otherwise;
}

}  // namespace stack::cli
