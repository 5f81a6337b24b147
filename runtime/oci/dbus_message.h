// D-Bus messages as bytes: the part of the format that systemd requires. D-Bus specification 0.43,
// "Marshaling" and "Message Format". Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stack::runtime::oci {

// Writes consecutive values in this machine's byte order. The caller must follow the signature that it announces.
// Offsets count from the beginning, so the result must be placed at a multiple of eight.
class DbusWriter {
 public:
  void byte(uint8_t value) { bytes_ += static_cast<char>(value); }
  void boolean(bool value) { u32(value ? 1 : 0); }
  void u32(uint32_t value);
  void i32(int32_t value) { u32(static_cast<uint32_t>(value)); }
  void u64(uint64_t value);
  void text(std::string_view value);       // s, o
  void signature(std::string_view value);  // g
  void structure() { align(8); }           // its members follow
  // `alignment` of the element type: 8 for structures and 64-bit numbers, 1 for bytes, else 4.
  void array(size_t alignment, const std::function<void(DbusWriter&)>& elements);
  void align(size_t alignment) { bytes_.append((alignment - bytes_.size() % alignment) % alignment, '\0'); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

enum class DbusKind : uint8_t { Call = 1, Return = 2, Error = 3, Signal = 4 };

struct DbusMessage {
  DbusKind kind = DbusKind::Call;
  uint32_t serial = 0;
  uint32_t reply_to = 0;  // the serial of the call that a Return or Error answers
  std::string path;
  std::string interface;
  std::string member;
  std::string error_name;
  std::string destination;
  std::string signature;  // of the body
  std::string body;
};

std::string encode(const DbusMessage& message);

// The size of the message that begins with these bytes; nullopt if there are too few bytes (16 are enough). Invalid
// for anything but a message, for the other byte order, and above the specification's 128 MiB.
Result<std::optional<size_t>> message_size(std::string_view bytes);
// Decodes a complete message. Skips unknown header fields.
Result<DbusMessage> decode(std::string_view bytes);

// Reads values from a body. After the first mismatch, all values are empty and ok() is false.
class DbusReader {
 public:
  explicit DbusReader(std::string_view bytes) : bytes_(bytes) {}

  uint8_t byte();
  uint32_t u32();
  std::string text();
  std::string signature();
  void align(size_t alignment) { take((alignment - offset_ % alignment) % alignment); }

  bool ok() const { return ok_; }
  size_t offset() const { return offset_; }

 private:
  std::string_view take(size_t count);

  std::string_view bytes_;
  size_t offset_ = 0;
  bool ok_ = true;
};

}  // namespace stack::runtime::oci
