#include "cli/commands/compose/up_menu.h"

#include <poll.h>
#include <unistd.h>

namespace stack::cli {

MenuKeys::MenuKeys() {
  tcgetattr(STDIN_FILENO, &before_);
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

MenuKeys::~MenuKeys() { tcsetattr(STDIN_FILENO, TCSANOW, &before_); }

bool MenuKeys::is_possible() { return isatty(STDIN_FILENO) == 1; }

MenuKeys::Key MenuKeys::take() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char key = 0;
  if (::poll(&input, 1, 0) != 1 || ::read(STDIN_FILENO, &key, 1) != 1) return Key::None;
  if (key == 'd') return Key::Detach;
  if (key == 'w') return Key::Watch;
  if (key == 'o') return Key::Dashboard;
  if (key == 'q') return Key::Quit;
  return Key::None;
}

}  // namespace stack::cli
