#include "runtime/pod/resolve.h"

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"

namespace stack::runtime::pod {

namespace {

constexpr int kInet = 2, kInet6 = 10, kDatagram = 2;
constexpr int kDnsPort = 53, kAnswerSeconds = 2;
constexpr int kTypeA = 1, kTypeAaaa = 28, kClassIn = 1;

struct Address {
  unsigned char bytes[28] = {};  // sockaddr_in or sockaddr_in6
  int family = 0;
  int size() const { return family == kInet ? 16 : 28; }
};

struct Resolver {
  Address server;
  char domain[256] = {};
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// "10.96.0.10".
bool parse_ipv4(const char* text, const char* end, unsigned char* out) {
  for (int part = 0; part < 4; ++part) {
    unsigned value = 0;
    int digits = 0;
    for (; text < end && *text >= '0' && *text <= '9'; ++text, ++digits)
      value = value * 10 + static_cast<unsigned>(*text - '0');
    if (digits == 0 || digits > 3 || value > 255) return false;
    out[part] = static_cast<unsigned char>(value);
    if (part < 3 && (text >= end || *text++ != '.')) return false;
  }
  return text == end;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// "fd00::a", without a zone.
bool parse_ipv6(const char* text, const char* end, unsigned char* out) {
  unsigned groups[8] = {};
  int count = 0, gap = -1;
  if (end - text >= 2 && text[0] == ':' && text[1] == ':') {
    gap = 0;
    text += 2;
  }
  while (text < end && count < 8) {
    unsigned value = 0;
    int digits = 0;
    for (; text < end && hex_digit(*text) >= 0 && digits < 5; ++text, ++digits)
      value = value * 16 + static_cast<unsigned>(hex_digit(*text));
    if (digits == 0 || digits > 4) return false;
    groups[count++] = value;
    if (text == end) break;
    if (*text++ != ':') return false;
    if (text < end && *text == ':') {
      if (gap >= 0) return false;
      gap = count;
      ++text;
    }
  }
  if (text != end || (gap < 0 && count != 8)) return false;
  for (int i = 0; i < 16; ++i) out[i] = 0;
  for (int i = 0; i < count; ++i) {
    int place = gap >= 0 && i >= gap ? 8 - count + i : i;
    out[place * 2] = static_cast<unsigned char>(groups[i] >> 8);
    out[place * 2 + 1] = static_cast<unsigned char>(groups[i] & 0xff);
  }
  return true;
}

bool parse_server(const char* text, const char* end, Address& out) {
  out = {};
  out.bytes[2] = kDnsPort >> 8;
  out.bytes[3] = kDnsPort & 0xff;
  if (parse_ipv4(text, end, out.bytes + 4)) {
    out.family = kInet;
  } else if (parse_ipv6(text, end, out.bytes + 8)) {
    out.family = kInet6;
  } else {
    return false;
  }
  uint16_t family = static_cast<uint16_t>(out.family);
  __builtin_memcpy(out.bytes, &family, sizeof(family));
  return true;
}

// The first word after `keyword` at the beginning of the line, or null.
const char* value_of(const char* line, const char* end, const char* keyword, const char*& value_end) {
  size_t length = length_of(keyword);
  if (static_cast<size_t>(end - line) <= length) return nullptr;
  for (size_t i = 0; i < length; ++i)
    if (line[i] != keyword[i]) return nullptr;
  const char* at = line + length;
  if (!is_blank(*at)) return nullptr;
  while (at < end && is_blank(*at)) ++at;
  value_end = at;
  while (value_end < end && !is_blank(*value_end)) ++value_end;
  return at < value_end ? at : nullptr;
}

void read_line(const char* line, const char* end, Resolver& out) {
  const char* value_end = nullptr;
  const char* value = value_of(line, end, "nameserver", value_end);
  if (value != nullptr && out.server.family == 0) parse_server(value, value_end, out.server);
  value = value_of(line, end, "search", value_end);
  if (value == nullptr || value_end - value >= static_cast<long>(sizeof(out.domain))) return;
  for (long i = 0; i < value_end - value; ++i) out.domain[i] = value[i];
  out.domain[value_end - value] = '\0';
}

bool read_resolver(Resolver& out) {
  char text[4096];
  long file = sys::openat(sys::kAtFdcwd, "/etc/resolv.conf", sys::kCloexec, 0);
  if (file < 0) return false;
  long size = sys::read(static_cast<int>(file), text, sizeof(text));
  sys::close(static_cast<int>(file));
  if (size <= 0) return false;
  const char* end = text + size;
  for (const char* line = text; line < end;) {
    const char* stop = line;
    while (stop < end && *stop != '\n') ++stop;
    read_line(line, stop, out);
    line = stop + 1;
  }
  return out.server.family != 0;
}

// RFC 1035, section 4.1: one question.
class Query {
 public:
  Query(uint16_t id, int type) : type_(type) {
    put(id);
    put(0x0100);  // recursion desired
    put(1);
    put(0);
    put(0);
    put(0);
  }
  bool add_name(const char* name) {
    while (*name != '\0') {
      size_t length = 0;
      while (name[length] != '\0' && name[length] != '.') ++length;
      if (length == 0 || length > 63 || used_ + length + 6 > sizeof(bytes_)) return false;
      bytes_[used_++] = static_cast<unsigned char>(length);
      for (size_t i = 0; i < length; ++i) bytes_[used_++] = static_cast<unsigned char>(name[i]);
      name += length;
      if (*name == '.') ++name;
    }
    return true;
  }
  void finish() {
    bytes_[used_++] = 0;
    put(type_);
    put(kClassIn);
  }
  const unsigned char* bytes() const { return bytes_; }
  size_t size() const { return used_; }

 private:
  void put(int value) {
    bytes_[used_++] = static_cast<unsigned char>(value >> 8);
    bytes_[used_++] = static_cast<unsigned char>(value & 0xff);
  }
  unsigned char bytes_[512] = {};
  size_t used_ = 0;
  int type_;
};

uint16_t query_id() {
  uint16_t id = 0;
  sys::call(__NR_getrandom, sys::pointer(&id), sizeof(id), 0);
  return id;
}

// Whether the answer to `query` has records. Answers of other queries are skipped.
bool ask(const Address& server, const Query& query) {
  long made = sys::call(__NR_socket, server.family, kDatagram | sys::kCloexec, 0);
  if (made < 0) return false;
  int socket = static_cast<int>(made);
  bool found = false;
  if (sys::call(__NR_connect, socket, sys::pointer(server.bytes), server.size()) == 0 &&
      sys::write(socket, query.bytes(), query.size()) == static_cast<long>(query.size())) {
    unsigned char answer[1500];
    for (int tries = 0; tries < 8; ++tries) {
      sys::PollFd ready = {socket, sys::kPollIn, 0};
      sys::TimeSpec limit = {kAnswerSeconds, 0};
      if (sys::poll(&ready, 1, &limit) <= 0) break;
      long size = sys::read(socket, answer, sizeof(answer));
      if (size < 12) break;
      if (answer[0] != query.bytes()[0] || answer[1] != query.bytes()[1]) continue;
      found = (answer[3] & 0x0f) == 0 && (answer[6] != 0 || answer[7] != 0);
      break;
    }
  }
  sys::close(socket);
  return found;
}

}  // namespace

bool name_exists(const char* name) {
  Resolver resolver;
  if (!read_resolver(resolver)) return false;
  constexpr int kTypes[] = {kTypeA, kTypeAaaa};
  for (int type : kTypes) {
    Query query(query_id(), type);
    if (!query.add_name(name) || !query.add_name(resolver.domain)) return false;
    query.finish();
    if (ask(resolver.server, query)) return true;
  }
  return false;
}

}  // namespace stack::runtime::pod
