// `stack __dial`: connects standard input and output to the engine, for clients on other machines.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"
#include "cli/flags/commands.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

// Copies what is there; false at the end of the input or if the output is closed.
bool copy_some(int from, int to) {
  std::array<char, 65536> buffer{};
  ssize_t n = ::read(from, buffer.data(), buffer.size());
  if (n < 0 && errno == EINTR) return true;
  return n > 0 && write_all(to, std::string_view(buffer.data(), static_cast<size_t>(n))).has_value();
}

Result<int> run_dial(Session& session, const Arguments&) {
  // Of this machine, even if STACK_HOST came along.
  EnginePlace place = session.place();
  place.foreign_socket.clear();
  TRY_ASSIGN(http::Client client, connect_or_start(place));
  int engine = client.fd();
  bool input_open = true;
  for (;;) {
    pollfd watched[2] = {{engine, POLLIN, 0}, {input_open ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return Error::last_errno("poll");
    if (watched[0].revents != 0 && !copy_some(engine, STDOUT_FILENO)) return 0;
    if (input_open && watched[1].revents != 0 && !copy_some(STDIN_FILENO, engine)) {
      input_open = false;
      ::shutdown(engine, SHUT_WR);
    }
  }
}

}  // namespace

const Command kDial{
    .name = "__dial",
    .aliases = {},
    .group = Group::Other,
    .usage = "",
    .summary = "Connect standard input and output to the engine",
    .details = "",
    .examples = {},
    .flags = {},
    .most_words = 0,
    .hidden = true,
    .run = run_dial,
};

}  // namespace stack::cli
