#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/fd.h"

namespace stack::e2e {

namespace {

using Clock = std::chrono::steady_clock;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Address address_of(const std::string& text, int port) {
  Address address;
  if (text.find(':') != std::string::npos) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<uint16_t>(port));
    ::inet_pton(AF_INET, text.c_str(), &v4.sin_addr);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
  }
  return address;
}

bool wait_for_event(int fd, short events, Clock::time_point deadline) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd watched{fd, events, 0};
  return left > 0 && ::poll(&watched, 1, static_cast<int>(left)) == 1;
}

// A connected socket, or none.
Fd connect_to(const sockaddr_storage& storage, socklen_t length, Clock::time_point deadline) {
  Fd socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int rc = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length);
  if (rc != 0 && errno != EINPROGRESS) return Fd();
  if (rc != 0 && !wait_for_event(socket.get(), POLLOUT, deadline)) return Fd();
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Fd();
  return socket;
}

std::string exchange_bytes(const Fd& socket, const std::string& request, Clock::time_point deadline) {
  if (!write_all(socket.get(), request)) return {};
  std::string answer;
  std::array<char, 65536> buffer{};
  while (wait_for_event(socket.get(), POLLIN, deadline)) {
    ssize_t n = ::read(socket.get(), buffer.data(), buffer.size());
    if (n <= 0) break;
    answer.append(buffer.data(), static_cast<size_t>(n));
  }
  return answer;
}

std::string without_chunks(std::string_view body) {
  std::string whole;
  while (!body.empty()) {
    size_t end = body.find("\r\n");
    if (end == std::string_view::npos) break;
    size_t size = std::strtoul(std::string(body.substr(0, end)).c_str(), nullptr, 16);
    if (size == 0 || end + 2 + size > body.size()) break;
    whole.append(body.substr(end + 2, size));
    body.remove_prefix(std::min(body.size(), end + 2 + size + 2));
  }
  return whole;
}

HttpAnswer parse_answer(const std::string& bytes) {
  HttpAnswer answer;
  size_t head = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || head == std::string::npos) return answer;
  answer.status = std::atoi(bytes.c_str() + 9);
  answer.body = bytes.substr(head + 4);
  std::string headers = bytes.substr(0, head);
  for (char& c : headers) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (headers.find("transfer-encoding: chunked") != std::string::npos)
    answer.body = without_chunks(answer.body);
  return answer;
}

}  // namespace

HttpAnswer http_get(const std::string& address, int port, const std::string& path,
                    std::chrono::milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  Address to = address_of(address, port);
  Fd socket = connect_to(to.storage, to.length, deadline);
  if (!socket) return {};
  return parse_answer(exchange_bytes(
      socket, "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", deadline));
}

ApiAnswer api_call(const std::string& socket_path, const std::string& method, const std::string& path,
                   const Json& body) {
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(30);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, socket_path.c_str(), sizeof name.sun_path - 1);
  sockaddr_storage storage{};
  std::memcpy(&storage, &name, sizeof name);
  Fd socket = connect_to(storage, sizeof name, deadline);
  if (!socket) return {};
  std::string text = body.is_null() ? "" : to_text(body);
  std::string request =
      method + " " + path +
      " HTTP/1.1\r\nHost: stack\r\nConnection: close\r\nContent-Type: application/json\r\n" +
      "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  HttpAnswer answer = parse_answer(exchange_bytes(socket, request, deadline));
  return {answer.status, parse_json(answer.body).value_or(Json())};
}

bool tcp_connects(const std::string& address, int port, std::chrono::milliseconds timeout) {
  Address to = address_of(address, port);
  return static_cast<bool>(connect_to(to.storage, to.length, Clock::now() + timeout));
}

std::optional<std::string> udp_ask(const std::string& address, int port, const std::string& text,
                                   std::chrono::milliseconds timeout) {
  Address to = address_of(address, port);
  Fd socket(::socket(to.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) != 0)
    return std::nullopt;
  if (::send(socket.get(), text.data(), text.size(), 0) < 0) return std::nullopt;
  if (!wait_for_event(socket.get(), POLLIN, Clock::now() + timeout)) return std::nullopt;
  std::array<char, 65536> buffer{};
  ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  if (n < 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<size_t>(n));
}

}  // namespace stack::e2e
