// The keys of `stack up --menu`.
#pragma once

#include <termios.h>

namespace stack::cli {

// While it lives, the terminal on standard input gives keys at once and does not echo them; Ctrl-C keeps its
// meaning.
class MenuKeys {
 public:
  enum class Key { None, Detach, Watch };

  MenuKeys();
  ~MenuKeys();
  MenuKeys(const MenuKeys&) = delete;
  MenuKeys& operator=(const MenuKeys&) = delete;

  // Whether standard input is a terminal.
  static bool is_possible();
  // The next key that has been pressed; None: no key of the menu. Does not block.
  Key take();

 private:
  termios before_{};
};

}  // namespace stack::cli
