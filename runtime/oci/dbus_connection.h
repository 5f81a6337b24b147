// A connection to systemd's manager, directly or through a bus. D-Bus specification, "Authentication Protocol";
// systemd's own socket uses the same protocol without names and subscriptions.
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
  // Authenticates as our user (EXTERNAL) over a connected stream socket. `is_bus`: also sends Hello.
  static Result<DbusConnection> open(Fd socket, bool is_bus, std::chrono::milliseconds limit);

  bool is_bus() const { return is_bus_; }

  // Sends a call and waits for the reply. An error reply becomes an Error whose text begins with the error's name
  // ("org.freedesktop.systemd1.NoSuchUnit: ..."); signals that arrive first are kept for next_signal().
  Result<DbusMessage> call(DbusMessage message);
  // The next signal of any kind. Timeout if none arrives.
  Result<DbusMessage> next_signal();

 private:
  DbusConnection(Fd socket, bool is_bus, std::chrono::milliseconds limit)
      : socket_(std::move(socket)), is_bus_(is_bus), limit_(limit) {}

  Result<> authenticate();
  Result<> read_more();
  Result<DbusMessage> read_message();

  Fd socket_;
  bool is_bus_ = false;
  std::chrono::milliseconds limit_;  // time limit for the peer's next bytes
  uint32_t last_serial_ = 0;
  std::string unread_;
  std::deque<DbusMessage> signals_;
};

}  // namespace stack::runtime::oci
