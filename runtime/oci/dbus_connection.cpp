#include "runtime/oci/dbus_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace stack::runtime::oci {

namespace {

std::string hexadecimal(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (char c : text) {
    auto value = static_cast<uint8_t>(c);
    out += kDigits[value >> 4];
    out += kDigits[value & 15];
  }
  return out;
}

Result<> send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Error::last_errno("D-Bus: send");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

}  // namespace

Result<DbusConnection> DbusConnection::open(Fd socket, bool is_bus, std::chrono::milliseconds limit) {
  DbusConnection out(std::move(socket), is_bus, limit);
  TRY(out.authenticate());
  if (!is_bus) return out;
  DbusMessage hello;
  hello.path = "/org/freedesktop/DBus";
  hello.interface = "org.freedesktop.DBus";
  hello.destination = hello.interface;
  hello.member = "Hello";
  TRY(out.call(std::move(hello)));
  return out;
}

Result<> DbusConnection::authenticate() {
  std::string uid = hexadecimal(std::to_string(::geteuid()));
  // All in one write: systemd 252 does not process a first message that it reads together with BEGIN until another
  // one arrives. This way it has already read BEGIN when it answers.
  TRY(send_all(socket_.get(), std::string("\0AUTH EXTERNAL ", 15) + uid + "\r\nBEGIN\r\n"));
  size_t end = std::string::npos;
  while ((end = unread_.find("\r\n")) == std::string::npos) TRY(read_more());
  std::string answer = unread_.substr(0, end);
  unread_.erase(0, end + 2);
  if (!answer.starts_with("OK ")) return Error("D-Bus: authentication failed: " + answer);
  return {};
}

Result<> DbusConnection::read_more() {
  pollfd poll{socket_.get(), POLLIN, 0};
  int ready = ::poll(&poll, 1, static_cast<int>(limit_.count()));
  if (ready < 0 && errno == EINTR) return {};
  if (ready < 0) return Error::last_errno("D-Bus: poll");
  if (ready == 0) return Error(ErrorKind::Timeout, "D-Bus: no answer");
  std::array<char, 8192> bytes{};
  ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (count < 0 && errno == EINTR) return {};
  if (count < 0) return Error::last_errno("D-Bus: receive");
  if (count == 0) return Error("D-Bus: connection closed");
  unread_.append(bytes.data(), static_cast<size_t>(count));
  return {};
}

Result<DbusMessage> DbusConnection::read_message() {
  for (;;) {
    TRY_ASSIGN(std::optional<size_t> size, message_size(unread_));
    if (size && unread_.size() >= *size) {
      Result<DbusMessage> message = decode(std::string_view(unread_).substr(0, *size));
      unread_.erase(0, *size);
      return message;
    }
    TRY(read_more());
  }
}

Result<DbusMessage> DbusConnection::call(DbusMessage message) {
  message.kind = DbusKind::Call;
  message.serial = ++last_serial_;
  TRY(send_all(socket_.get(), encode(message)));
  for (;;) {
    TRY_ASSIGN(DbusMessage answer, read_message());
    if (answer.kind == DbusKind::Signal) signals_.push_back(std::move(answer));
    if (answer.reply_to != message.serial) continue;
    if (answer.kind != DbusKind::Error) return answer;
    std::string text = answer.error_name;
    if (answer.signature.starts_with('s')) text += ": " + DbusReader(answer.body).text();
    return Error(std::move(text));
  }
}

Result<DbusMessage> DbusConnection::next_signal() {
  while (signals_.empty()) {
    TRY_ASSIGN(DbusMessage message, read_message());
    if (message.kind == DbusKind::Signal) signals_.push_back(std::move(message));
  }
  DbusMessage out = std::move(signals_.front());
  signals_.pop_front();
  return out;
}

}  // namespace stack::runtime::oci
