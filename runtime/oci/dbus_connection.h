// A connection to systemd's manager, or to a bus that leads there. D-Bus specification, "Authentication
// Protocol"; systemd's own socket speaks the same language without a bus in between: no names, no
// subscription.
#pragma once

#include <chrono>
#include <deque>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/oci/dbus_message.h"

namespace stack::runtime::oci {

class DbusConnection {
 public:
  // Authenticates as the user we are (EXTERNAL) over a connected stream socket. `is_bus`: says hello as well.
  static Result<DbusConnection> open(Fd socket, bool is_bus, std::chrono::milliseconds limit);

  bool is_bus() const { return is_bus_; }

  // Sends a call and waits for its answer. An error answer is an Error whose text begins with the error's
  // name
  // ("org.freedesktop.systemd1.NoSuchUnit: ..."); signals that come first are kept for next_signal().
  Result<DbusMessage> call(DbusMessage message);
  // The next signal, whichever it is. Timeout where none comes.
  Result<DbusMessage> next_signal();

 private:
  DbusConnection(Fd socket, bool is_bus, std::chrono::milliseconds limit)
      : socket_(std::move(socket)), is_bus_(is_bus), limit_(limit) {}

  Result<> authenticate();
  Result<> read_more();
  Result<DbusMessage> read_message();

  Fd socket_;
  bool is_bus_ = false;
  std::chrono::milliseconds limit_;  // for the wait for the peer's next bytes
  uint32_t last_serial_ = 0;
  std::string unread_;
  std::deque<DbusMessage> signals_;
};

}  // namespace stack::runtime::oci
