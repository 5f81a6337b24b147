#include "http/wire/websocket.h"

#include <openssl/sha.h>

#include <algorithm>

#include "base/base64.h"

namespace stack::http {

namespace {

constexpr size_t kLongestControl = 125;
constexpr unsigned kFinal = 0x80;
constexpr unsigned kMasked = 0x80;
constexpr unsigned kReserved = 0x70;

bool is_control(WebSocketOpcode opcode) { return opcode >= WebSocketOpcode::Close; }

bool is_known(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::string digest(SHA_DIGEST_LENGTH, '\0');
  ::SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return encode_base64(digest);
}

std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload) {
  std::string out(1, static_cast<char>(kFinal | static_cast<unsigned>(opcode)));
  int length_bytes = payload.size() < 126 ? 0 : payload.size() <= 0xffff ? 2 : 8;
  out += static_cast<char>(length_bytes == 0 ? payload.size() : length_bytes == 2 ? 126U : 127U);
  for (int i = length_bytes; i-- > 0;) out += static_cast<char>(payload.size() >> (8 * i));
  out.append(payload);
  return out;
}

// true: removed a complete frame header from pending_.
Result<bool> WebSocketReader::read_head() {
  if (pending_.size() < 2) return false;
  auto first = static_cast<unsigned char>(pending_[0]);
  auto second = static_cast<unsigned char>(pending_[1]);
  unsigned opcode = first & 0x0fU;
  if ((first & kReserved) != 0 || !is_known(opcode)) return invalid("websocket: unknown kind of frame");
  if ((second & kMasked) == 0) return invalid("websocket: a client's frame must be masked");
  unsigned length = second & 0x7fU;
  size_t length_bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (pending_.size() < 2 + length_bytes + sizeof(mask_)) return false;
  opcode_ = static_cast<WebSocketOpcode>(opcode);
  if (is_control(opcode_) && ((first & kFinal) == 0 || length > kLongestControl))
    return invalid("websocket: control frame too long or in pieces");
  left_ = length_bytes == 0 ? length : big_endian(std::string_view(pending_).substr(2, length_bytes));
  std::copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(2 + length_bytes), sizeof(mask_), mask_);
  pending_.erase(0, 2 + length_bytes + sizeof(mask_));
  mask_at_ = 0;
  control_.clear();
  return true;
}

void WebSocketReader::finish_control(Received& out) const {
  if (opcode_ == WebSocketOpcode::Ping) out.answer += websocket_frame(WebSocketOpcode::Pong, control_);
  if (opcode_ == WebSocketOpcode::Close) {
    out.answer += websocket_frame(WebSocketOpcode::Close, control_.substr(0, 2));
    out.closed = true;
  }
}

Result<WebSocketReader::Received> WebSocketReader::take(std::string_view bytes) {
  Received out;
  pending_.append(bytes);
  while (!out.closed) {
    if (!in_payload_) {
      TRY_ASSIGN(in_payload_, read_head());
      if (!in_payload_) break;
    }
    auto size = static_cast<size_t>(std::min<uint64_t>(left_, pending_.size()));
    for (size_t i = 0; i < size; ++i) pending_[i] ^= mask_[mask_at_++ % sizeof(mask_)];
    (is_control(opcode_) ? control_ : out.data).append(pending_, 0, size);
    pending_.erase(0, size);
    left_ -= size;
    if (left_ > 0) break;
    in_payload_ = false;
    if (is_control(opcode_)) finish_control(out);
  }
  return out;
}

}  // namespace stack::http
