#include "runtime/oci/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/process.h"
#include "runtime/oci/console.h"

namespace stack::runtime::oci {

namespace {

// Puts our terminal into raw mode until destruction, so that the container receives all keys.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

void copy_window_size(int terminal) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) (void)::ioctl(terminal, TIOCSWINSZ, &size);
}

// False: the source has ended.
bool copy_some(int from, int to) {
  std::array<char, 16384> buffer{};
  ssize_t size = ::read(from, buffer.data(), buffer.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  if (size == 0) return false;
  return write_all(to, std::string_view(buffer.data(), static_cast<size_t>(size))).has_value();
}

// True if the message reports that the service is ready.
bool pass_on_notification(int notify) {
  std::array<char, 4096> buffer{};
  ssize_t size = ::recv(notify, buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  std::string_view text(buffer.data(), static_cast<size_t>(size));
  const char* manager = std::getenv("NOTIFY_SOCKET");
  Result<Fd> socket = manager != nullptr ? connect_unix_socket(manager, SOCK_DGRAM) : Result<Fd>(Fd());
  // The manager knows our own process.
  if (socket && *socket) (void)write_all(socket->get(), text);
  return text.find("READY=1") != std::string_view::npos;
}

class Loop {
 public:
  explicit Loop(Attended& process) : process_(process) {}

  Result<int> run() {
    TRY(block_signals());
    std::optional<RawTerminal> raw;
    if (process_.terminal) {
      raw.emplace();
      copy_window_size(process_.terminal.get());
    }
    for (;;) {
      TRY_ASSIGN(bool ended, step());
      if (!ended) continue;
      // The last output of the process may still be in the pty.
      while (process_.terminal && readable(process_.terminal.get()) &&
             copy_some(process_.terminal.get(), 1)) {
      }
      return reap();
    }
  }

 private:
  Result<> block_signals() {
    sigset_t all;
    ::sigfillset(&all);
    if (::sigprocmask(SIG_SETMASK, &all, nullptr) != 0) return Error::last_errno("sigprocmask");
    signals_ = Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return Error::last_errno("signalfd");
    return {};
  }

  static bool readable(int fd) {
    pollfd poll{fd, POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0 && (poll.revents & POLLIN) != 0;
  }

  // True once the process has ended.
  Result<bool> step() {
    int input = process_.terminal && input_open_ ? STDIN_FILENO : -1;
    std::array<pollfd, 5> polls{{{process_.pidfd, POLLIN, 0},
                                 {signals_.get(), POLLIN, 0},
                                 {process_.terminal.get(), POLLIN, 0},
                                 {input, POLLIN, 0},
                                 {process_.notify.get(), POLLIN, 0}}};
    if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) return Error::last_errno("poll");
    if (polls[1].revents != 0) pass_on_signals();
    if (polls[2].revents != 0 && !copy_some(process_.terminal.get(), STDOUT_FILENO))
      process_.terminal.reset();
    if (polls[3].revents != 0) input_open_ = copy_some(STDIN_FILENO, process_.terminal.get());
    if (polls[4].revents != 0) (void)pass_on_notification(process_.notify.get());
    return polls[0].revents != 0;
  }

  void pass_on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      int number = static_cast<int>(info.ssi_signo);
      if (number == SIGCHLD || number == SIGPIPE) continue;
      if (number == SIGWINCH && process_.terminal)
        copy_window_size(process_.terminal.get());
      else
        (void)signal_pidfd(process_.pidfd, number);
    }
  }

  Result<int> reap() {
    int status = 0;
    while (::waitpid(process_.pid, &status, 0) < 0) {
      if (errno != EINTR) return Error::last_errno("waitpid");
    }
    return exit_code_of(status);
  }

  Attended& process_;
  Fd signals_;
  bool input_open_ = true;
};

}  // namespace

Result<int> attend(Attended process) { return Loop(process).run(); }

Result<> wait_until_ready(int notify, int pidfd) {
  for (;;) {
    std::array<pollfd, 2> polls{{{pidfd, POLLIN, 0}, {notify, POLLIN, 0}}};
    if (::poll(polls.data(), polls.size(), -1) < 0 && errno != EINTR) return Error::last_errno("poll");
    if (polls[1].revents != 0 && pass_on_notification(notify)) return {};
    if (polls[0].revents != 0 && polls[1].revents == 0) return {};
  }
}

}  // namespace stack::runtime::oci
