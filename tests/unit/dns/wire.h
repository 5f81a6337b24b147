// Queries and answers as text, for tests.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "net/dns/answer.h"
#include "net/dns/message.h"

namespace stack::dns {

struct Asked {
  std::string name;
  uint16_t type = kTypeA;
  uint16_t klass = kClassIn;
  uint16_t id = 0x1234;
  uint16_t flags = kFlagRd;
  int edns_size = 0;  // 0: no OPT
  uint8_t edns_version = 0;
};

inline std::string opt_record(int size, uint8_t version) {
  std::string out(1, '\0');
  put_u16(out, kTypeOpt);
  put_u16(out, static_cast<uint16_t>(size));
  put_u32(out, static_cast<uint32_t>(version) << 16);
  put_u16(out, 0);
  return out;
}

inline std::string query(const Asked& asked) {
  std::string out;
  put_u16(out, asked.id);
  put_u16(out, asked.flags);
  for (int count : {1, 0, 0, asked.edns_size > 0 ? 1 : 0}) put_u16(out, static_cast<uint16_t>(count));
  out += wire_name_of(asked.name).value_or(std::string(1, '\0'));
  put_u16(out, asked.type);
  put_u16(out, asked.klass);
  if (asked.edns_size > 0) out += opt_record(asked.edns_size, asked.edns_version);
  return out;
}

// The dotted text of a possibly compressed name; moves `at` after it.
inline std::string name_at(const std::string& bytes, size_t& at) {
  std::string out;
  size_t here = at;
  bool jumped = false;
  for (int guard = 0; guard < 128 && here < bytes.size(); ++guard) {
    auto length = static_cast<uint8_t>(bytes[here]);
    if (length >= 0xC0) {
      if (!jumped) at = here + 2;
      jumped = true;
      here = read_u16(bytes, here) & 0x3FFFU;
      continue;
    }
    ++here;
    if (length == 0) break;
    out += bytes.substr(here, length) + ".";
    here += length;
  }
  if (!jumped) at = here;
  return out.empty() ? "." : out;
}

inline std::string record_at(const std::string& bytes, size_t& at) {
  std::string owner = name_at(bytes, at);
  uint16_t type = read_u16(bytes, at);
  uint16_t klass = read_u16(bytes, at + 2);
  uint32_t ttl = read_u32(bytes, at + 4);
  uint16_t length = read_u16(bytes, at + 8);
  at += 10;
  std::string content = bytes.substr(at, length);
  size_t inside = at;
  at += length;
  if (type == kTypeOpt) return "OPT size=" + std::to_string(klass) + " ext=" + std::to_string(ttl >> 24);
  std::string text = owner + " " + std::to_string(ttl) + " ";
  std::vector<uint8_t> raw(content.begin(), content.end());
  if (type == kTypeA || type == kTypeAaaa)
    return text + (type == kTypeA ? "A " : "AAAA ") + address_from(raw)->text();
  if (type == kTypePtr) return text + "PTR " + name_at(bytes, inside);
  if (type == kTypeSoa) return text + "SOA";
  return text + "TYPE" + std::to_string(type);
}

// "NOERROR aa: web. 5 A 10.0.0.2" with sorted answers; the following sections are separated by " | ".
inline std::string text_of(const std::string& bytes) {
  if (bytes.size() < kHeaderSize) return "short";
  static const std::vector<std::string> kCodes{"NOERROR",  "FORMERR", "SERVFAIL",
                                               "NXDOMAIN", "NOTIMP",  "REFUSED"};
  uint16_t flags = read_u16(bytes, 2);
  std::string out = kCodes[flags & 0xFU];
  if ((flags & kFlagAa) != 0) out += " aa";
  if ((flags & kFlagTc) != 0) out += " tc";
  size_t at = kHeaderSize;
  if (read_u16(bytes, 4) == 1) {
    name_at(bytes, at);
    at += 4;
  }
  for (size_t section : {6U, 8U, 10U}) {
    std::vector<std::string> records;
    for (unsigned i = read_u16(bytes, section); i > 0; --i) records.push_back(record_at(bytes, at));
    std::sort(records.begin(), records.end());
    out += section == 6 ? ":" : records.empty() ? "" : " |";
    for (const std::string& record : records) out += " " + record;
  }
  return out;
}

}  // namespace stack::dns
