#include "cli/render/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace stack::cli {

Environment caller_environment() {
  Environment environment;
  for (char** entry = environ; entry && *entry; ++entry) {
    const char* equals = std::strchr(*entry, '=');
    if (equals)
      environment.emplace(std::string_view(*entry, static_cast<size_t>(equals - *entry)), equals + 1);
  }
  return environment;
}

std::string setting(const Environment& environment, const std::string& name) {
  auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

Terminal decide_terminal(bool is_terminal, Ansi ansi, const Environment& environment) {
  Terminal terminal{is_terminal, false};
  if (ansi == Ansi::Always) {
    terminal.color = true;
  } else if (ansi == Ansi::Auto) {
    terminal.color =
        is_terminal && setting(environment, "NO_COLOR").empty() && setting(environment, "TERM") != "dumb";
  }
  return terminal;
}

Terminal find_terminal(int fd, Ansi ansi, const Environment& environment) {
  return decide_terminal(isatty(fd) == 1, ansi, environment);
}

TerminalSize terminal_size(int fd) {
  winsize size{};
  TerminalSize result;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    result.columns = size.ws_col;
    result.rows = size.ws_row;
  }
  return result;
}

Result<RawMode> RawMode::enter(int fd) {
  termios before{};
  if (tcgetattr(fd, &before) != 0) return Error::last_errno("read terminal settings");
  termios raw = before;
  cfmakeraw(&raw);
  if (tcsetattr(fd, TCSADRAIN, &raw) != 0) return Error::last_errno("set terminal to raw mode");
  return RawMode(fd, before);
}

RawMode::RawMode(RawMode&& other) noexcept : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

RawMode::~RawMode() { leave(); }

void RawMode::leave() {
  if (fd_ >= 0) tcsetattr(fd_, TCSADRAIN, &before_);
  fd_ = -1;
}

}  // namespace stack::cli
