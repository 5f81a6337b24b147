// The client's side of the WebSocket protocol (RFC 6455) over libcurl, for exec.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/targets/kubernetes/api/connection.h"

namespace stack::targets::kubernetes {

// One frame as clients send it: masked with these four bytes.
std::string client_frame(uint8_t opcode, std::string_view payload, std::string_view mask);

// Splits the server's bytes into messages. Fragments are joined.
class FrameReader {
 public:
  struct Message {
    uint8_t opcode = 0;  // 1 text, 2 binary, 8 close, 9 ping
    std::string payload;
  };
  void add(std::string_view bytes) { pending_ += bytes; }
  // The next complete message; an error if the server violates the protocol.
  Result<std::optional<Message>> next();

 private:
  std::string pending_;
  std::string fragments_;
  uint8_t fragments_opcode_ = 0;
};

class WebSocket {
 public:
  // `path` begins with '/'. An answer other than 101 is a failure with the server's message.
  static ApiResult<WebSocket> connect(const Access& access, const std::string& path,
                                      const std::vector<std::string>& protocols);
  WebSocket(WebSocket&&) noexcept;
  ~WebSocket();

  Result<> send(std::string_view payload);  // binary
  // The next message without waiting; nullopt if none has arrived. `closed()` reports the end.
  Result<std::optional<std::string>> receive();
  bool closed() const;
  int fd() const;  // for poll(2)
  const std::string& protocol() const;

 private:
  struct State;
  explicit WebSocket(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace stack::targets::kubernetes
