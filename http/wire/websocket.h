// The server's side of the WebSocket protocol (RFC 6455): the handshake's key, frames out, and what the client's frames say.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::http {

// Sec-WebSocket-Accept for a client's Sec-WebSocket-Key (section 4.2.2).
std::string websocket_accept(std::string_view key);

enum class WebSocketOpcode : uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10
};

// One whole message, unmasked as servers send it.
std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload);

class WebSocketReader {
 public:
  struct Received {
    std::string data;     // of text and binary messages, one after the other, as it comes
    std::string answer;   // frames that are due to the client: pongs, the answer to its close
    bool closed = false;  // the client has said that nothing more comes
  };
  // The next bytes, wherever they are cut. Invalid for what no client may send: unmasked frames, control frames that
  // are fragmented or longer than 125 bytes, unknown opcodes.
  Result<Received> take(std::string_view bytes);

 private:
  Result<bool> read_head();
  void finish_control(Received& out) const;

  std::string pending_;  // of a head that is not complete yet
  bool in_payload_ = false;
  WebSocketOpcode opcode_ = WebSocketOpcode::Continuation;
  uint64_t left_ = 0;  // of the payload
  char mask_[4]{};
  size_t mask_at_ = 0;
  std::string control_;  // payload of a control frame
};

}  // namespace stack::http
