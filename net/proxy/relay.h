// One proxied TCP connection. Private to this library.
#pragma once

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "net/proxy/core.h"

namespace stack::proxy {

using TcpSocket = asio::ip::tcp::socket;

// Moves bytes in both directions with splice(2) through a pipe, without copying them to user space. Passes on half-closes
// and resets.
class Relay : public std::enable_shared_from_this<Relay> {
 public:
  Relay(std::shared_ptr<Core> core, TcpSocket client, std::function<void(Relay*)> on_end);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void start(const Target& target);
  // Resets both sides.
  void abort();

 private:
  struct Direction {
    TcpSocket* from;
    TcpSocket* to;
    std::optional<Pipe> pipe;
    size_t in_pipe = 0;
    bool ended = false;     // end of file from `from`
    bool finished = false;  // and passed on to `to`
  };
  enum class Step { Moved, WaitRead, WaitWrite, Ended, Broken };

  void pump(Direction& direction);
  Step step(Direction& direction);
  Step fill(Direction& direction);
  Step drain(Direction& direction);
  void wait(Direction& direction, TcpSocket& socket, TcpSocket::wait_type what);
  void finish(Direction& direction);
  void arm_half_closed();
  void end();

  std::shared_ptr<Core> core_;
  TcpSocket client_;
  TcpSocket server_;
  Direction up_{&client_, &server_, std::nullopt};
  Direction down_{&server_, &client_, std::nullopt};
  asio::steady_timer timer_;
  std::function<void(Relay*)> on_end_;
  bool over_ = false;
  uint64_t moved_ = 0;
  uint64_t moved_at_check_ = 0;
};

}  // namespace stack::proxy
