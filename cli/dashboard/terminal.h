// A shell in a container, connected to a WebSocket. The shell ends with the connection.
#pragma once

#include <string>
#include <string_view>

#include "cli/dashboard/server.h"
#include "http/wire/websocket.h"

namespace stack::cli {

inline constexpr std::string_view kTerminalProtocol = "stack-terminal";

// The first message to the browser is a text: the ID of the exec session, for resizing. All others are bytes of the terminal.
class Terminal {
 public:
  // `stop` becomes readable when the server stops.
  Terminal(int browser, int stop, const DashboardBackend& backend, std::string container)
      : browser_(browser), stop_(stop), backend_(backend), container_(std::move(container)) {}

  // `early`: bytes of the WebSocket that have already arrived. Returns when one side has ended.
  void run(std::string early);

 private:
  Result<http::HijackedConnection> start_shell();
  void bridge(http::HijackedConnection& shell, std::string early);
  bool from_browser(int shell, std::string_view bytes);
  bool from_shell(std::string bytes);
  void hang_up();
  bool send(http::WebSocketOpcode opcode, std::string_view payload);

  int browser_;
  int stop_;
  const DashboardBackend& backend_;
  std::string container_;
  http::WebSocketReader reader_;
  std::string greeting_;    // the shell's output until pid_ is known
  std::string pid_;         // of the shell, as seen in the container
  bool pid_known_ = false;  // or known to be absent
  bool shell_ended_ = false;
};

}  // namespace stack::cli
