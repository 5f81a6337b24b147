#include "runtime/oci/dbus_message.h"

#include <bit>
#include <cstring>

namespace stack::runtime::oci {

namespace {

constexpr char kOrder = std::endian::native == std::endian::little ? 'l' : 'B';
constexpr uint8_t kVersion = 1;
constexpr size_t kFixedHeader = 16;  // up to and including the length of the array of fields
constexpr size_t kMostBytes = size_t{128} << 20;

enum Field : uint8_t {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplyTo = 5,
  kDestination = 6,
  kSignature = 8,
};

template <typename Number>
void append_number(std::string& out, Number value) {
  std::array<char, sizeof value> raw{};
  std::memcpy(raw.data(), &value, sizeof value);
  out.append(raw.data(), raw.size());
}

size_t padded(size_t size) { return (size + 7) / 8 * 8; }

void write_text_field(DbusWriter& out, Field field, const char* type, const std::string& value) {
  if (value.empty()) return;
  out.structure();
  out.byte(field);
  out.signature(type);
  if (field == kSignature) {
    out.signature(value);
  } else {
    out.text(value);
  }
}

void read_field(DbusReader& reader, DbusMessage& out) {
  uint8_t field = reader.byte();
  std::string type = reader.signature();
  if (type == "u") {
    uint32_t number = reader.u32();
    if (field == kReplyTo) out.reply_to = number;
    return;
  }
  std::string value = type == "g" ? reader.signature() : reader.text();
  if (field == kPath) out.path = value;
  if (field == kInterface) out.interface = value;
  if (field == kMember) out.member = value;
  if (field == kErrorName) out.error_name = value;
  if (field == kDestination) out.destination = value;
  if (field == kSignature) out.signature = value;
}

}  // namespace

void DbusWriter::u32(uint32_t value) {
  align(4);
  append_number(bytes_, value);
}

void DbusWriter::u64(uint64_t value) {
  align(8);
  append_number(bytes_, value);
}

void DbusWriter::text(std::string_view value) {
  u32(static_cast<uint32_t>(value.size()));
  bytes_ += value;
  bytes_ += '\0';
}

void DbusWriter::signature(std::string_view value) {
  byte(static_cast<uint8_t>(value.size()));
  bytes_ += value;
  bytes_ += '\0';
}

void DbusWriter::array(size_t alignment, const std::function<void(DbusWriter&)>& elements) {
  u32(0);
  size_t length_at = bytes_.size() - 4;
  // The padding before the first element does not count.
  align(alignment);
  size_t begin = bytes_.size();
  elements(*this);
  auto length = static_cast<uint32_t>(bytes_.size() - begin);
  std::memcpy(bytes_.data() + length_at, &length, sizeof length);
}

std::string encode(const DbusMessage& message) {
  DbusWriter out;
  out.byte(static_cast<uint8_t>(kOrder));
  out.byte(static_cast<uint8_t>(message.kind));
  out.byte(0);
  out.byte(kVersion);
  out.u32(static_cast<uint32_t>(message.body.size()));
  out.u32(message.serial);
  out.array(8, [&](DbusWriter& fields) {
    write_text_field(fields, kPath, "o", message.path);
    write_text_field(fields, kInterface, "s", message.interface);
    write_text_field(fields, kMember, "s", message.member);
    write_text_field(fields, kErrorName, "s", message.error_name);
    if (message.reply_to != 0) {
      fields.structure();
      fields.byte(kReplyTo);
      fields.signature("u");
      fields.u32(message.reply_to);
    }
    write_text_field(fields, kDestination, "s", message.destination);
    write_text_field(fields, kSignature, "g", message.signature);
  });
  out.align(8);
  return out.bytes() + message.body;
}

Result<std::optional<size_t>> message_size(std::string_view bytes) {
  if (bytes.size() < kFixedHeader) return std::optional<size_t>();
  if (bytes[0] != kOrder || static_cast<uint8_t>(bytes[3]) != kVersion)
    return invalid("not a D-Bus message of this machine's byte order");
  DbusReader reader(bytes.substr(4, kFixedHeader - 4));
  size_t body = reader.u32();
  reader.u32();
  size_t size = padded(kFixedHeader + reader.u32()) + body;
  if (size > kMostBytes) return invalid("a D-Bus message of " + std::to_string(size) + " bytes");
  return std::optional<size_t>(size);
}

Result<DbusMessage> decode(std::string_view bytes) {
  TRY_ASSIGN(std::optional<size_t> size, message_size(bytes));
  if (!size || *size != bytes.size()) return invalid("not a whole D-Bus message");
  DbusReader reader(bytes);
  reader.u32();
  size_t body = reader.u32();
  DbusMessage out;
  out.kind = static_cast<DbusKind>(bytes[1]);
  out.serial = reader.u32();
  size_t end = kFixedHeader + reader.u32();
  while (reader.ok() && reader.offset() < end) {
    reader.align(8);
    read_field(reader, out);
  }
  if (!reader.ok() || reader.offset() != end) return invalid("a D-Bus message with a damaged header");
  out.body = bytes.substr(bytes.size() - body);
  return out;
}

std::string_view DbusReader::take(size_t count) {
  if (!ok_ || bytes_.size() - offset_ < count) {
    ok_ = false;
    return {};
  }
  std::string_view out = bytes_.substr(offset_, count);
  offset_ += count;
  return out;
}

uint8_t DbusReader::byte() {
  std::string_view raw = take(1);
  return raw.empty() ? 0 : static_cast<uint8_t>(raw[0]);
}

uint32_t DbusReader::u32() {
  align(4);
  std::string_view raw = take(4);
  uint32_t value = 0;
  if (!raw.empty()) std::memcpy(&value, raw.data(), sizeof value);
  return value;
}

std::string DbusReader::text() {
  std::string out(take(u32()));
  take(1);
  return out;
}

std::string DbusReader::signature() {
  std::string out(take(byte()));
  take(1);
  return out;
}

}  // namespace stack::runtime::oci
