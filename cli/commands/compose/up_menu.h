// The keys of `stack up --menu`.
#pragma once

#include <termios.h>

namespace stack::cli {

// Puts the terminal on stdin into unbuffered mode without echo until destruction; Ctrl-C still sends SIGINT.
class MenuKeys {
 public:
  enum class Key { None, Detach, Watch, Dashboard, Quit };

  MenuKeys();
  ~MenuKeys();
  MenuKeys(const MenuKeys&) = delete;
  MenuKeys& operator=(const MenuKeys&) = delete;

  // Whether stdin is a terminal.
  static bool is_possible();
  // The next key pressed; None if it is not a menu key. Does not block.
  Key take();

 private:
  termios before_{};
};

}  // namespace stack::cli
