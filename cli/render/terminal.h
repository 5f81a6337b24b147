// Properties of a terminal, and raw mode.
#pragma once

#include <termios.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace stack::cli {

enum class Ansi { Auto, Never, Always };

struct Terminal {
  bool is_terminal = false;
  bool color = false;  // whether escape sequences may be written
};

using Environment = std::map<std::string, std::string>;
// This process's environment.
Environment caller_environment();
// The value, or "".
std::string setting(const Environment& environment, const std::string& name);

// --ansi always|never decides; otherwise escape sequences are used on a terminal that is not "dumb", unless NO_COLOR
// is set (https://no-color.org).
Terminal decide_terminal(bool is_terminal, Ansi ansi, const Environment& environment);
Terminal find_terminal(int fd, Ansi ansi, const Environment& environment);

struct TerminalSize {
  uint16_t columns = 80;
  uint16_t rows = 24;
  bool operator==(const TerminalSize&) const = default;
};
// ioctl_tty(2) TIOCGWINSZ; 80x24 if `fd` is not a terminal or its size is unknown.
TerminalSize terminal_size(int fd);

// Puts the terminal into raw mode until destruction: no echo, no signals, no line editing. termios(3), cfmakeraw.
class RawMode {
 public:
  static Result<RawMode> enter(int fd);
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();
  void leave();

 private:
  RawMode(int fd, const termios& before) : fd_(fd), before_(before) {}
  int fd_ = -1;
  termios before_{};
};

}  // namespace stack::cli
