#include "relay.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace stack::beyond {

namespace {

constexpr int kRelayPauseMs = 20;

sockaddr_in loopback(int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  out.sin_port = htons(static_cast<uint16_t>(port));
  return out;
}

// False at the end of the stream.
bool copy_once(int from, int to) {
  char buffer[16384];
  ssize_t size = ::read(from, buffer, sizeof buffer);
  if (size <= 0) return false;
  for (ssize_t done = 0; done < size;) {
    ssize_t written = ::write(to, buffer + done, static_cast<size_t>(size - done));
    if (written <= 0) return false;
    done += written;
  }
  return true;
}

}  // namespace

Relay::Relay(int target_port) : target_port_(target_port) {
  listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
  ::listen(listener_.get(), 64);
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

Relay::~Relay() {
  ended_ = true;
  acceptor_.join();
  for (std::thread& connection : connections_) connection.join();
}

void Relay::accept_all() {
  while (!ended_) {
    pollfd waiting{listener_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, kRelayPauseMs) <= 0) continue;
    int client = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, fd = Fd(client)]() mutable { pass(std::move(fd)); });
  }
}

void Relay::pass(Fd client) {
  Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(target_port_);
  if (!lost_ && ::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  while (!ended_ && !reset_) {
    if (lost_) {
      ::poll(nullptr, 0, kRelayPauseMs);
      continue;
    }
    std::array<pollfd, 2> ends{{{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), kRelayPauseMs) <= 0 || lost_) continue;
    if (ends[0].revents != 0 && !copy_once(client.get(), server.get())) return;
    if (ends[1].revents != 0 && !copy_once(server.get(), client.get())) return;
  }
}

}  // namespace stack::beyond
