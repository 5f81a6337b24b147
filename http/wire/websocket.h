// The server's side of the WebSocket protocol (RFC 6455): the handshake's key, encoding of frames, and decoding of
// the client's frames.
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

// Encodes a complete message, unmasked like all server messages.
std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload);

class WebSocketReader {
 public:
  struct Received {
    std::string data;     // payload of text and binary messages, concatenated as received
    std::string answer;   // frames to send to the client: pongs, the reply to its close frame
    bool closed = false;  // the client has sent a close frame
  };
  // Takes the next bytes, split anywhere. Invalid for frames that a client must not send: unmasked frames, control
  // frames that are fragmented or longer than 125 bytes, unknown opcodes.
  Result<Received> take(std::string_view bytes);

 private:
  Result<bool> read_head();
  void finish_control(Received& out) const;

  std::string pending_;  // bytes of an incomplete frame header
  bool in_payload_ = false;
  WebSocketOpcode opcode_ = WebSocketOpcode::Continuation;
  uint64_t left_ = 0;  // remaining bytes of the payload
  char mask_[4]{};
  size_t mask_at_ = 0;
  std::string control_;  // payload of a control frame
};

}  // namespace stack::http
