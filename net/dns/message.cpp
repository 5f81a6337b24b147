#include "net/dns/message.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace stack::dns {

namespace {

// Limits caching of positive answers, so that changed addresses become visible.
constexpr uint32_t kMaxTtl = 3600;
constexpr uint32_t kMaxNegativeTtl = 300;
constexpr size_t kOptSize = 11;
constexpr uint16_t kPointerToQuestion = 0xC00C;

uint8_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Reads records without copying; every step checks bounds.
class Reader {
 public:
  explicit Reader(std::string_view bytes, size_t at) : bytes_(bytes), at_(at) {}

  size_t at() const { return at_; }
  bool failed() const { return failed_; }

  uint16_t u16() {
    if (!need(2)) return 0;
    at_ += 2;
    return read_u16(bytes_, at_ - 2);
  }
  uint32_t u32() {
    if (!need(4)) return 0;
    at_ += 4;
    return read_u32(bytes_, at_ - 4);
  }
  void skip(size_t n) {
    if (need(n)) at_ += n;
  }

  // Skips a name; a compression pointer must point backward, but is not followed.
  void skip_name() {
    size_t length = 0;
    while (need(1)) {
      uint8_t label = byte_at(bytes_, at_);
      if (label >= 0xC0) {
        size_t target = need(2) ? read_u16(bytes_, at_) & 0x3FFFU : at_;
        if (target >= at_ || target < kHeaderSize) failed_ = true;
        at_ += 2;
        return;
      }
      if (label > 63) break;
      length += label + 1U;
      if (length > kMaxName) break;
      skip(label + 1U);
      if (label == 0 || failed_) return;
    }
    failed_ = true;
  }

 private:
  bool need(size_t n) {
    if (failed_ || bytes_.size() - at_ < n) failed_ = true;
    return !failed_;
  }

  std::string_view bytes_;
  size_t at_;
  bool failed_ = false;
};

struct Record {
  bool root_owner = false;
  uint16_t type = 0;
  uint16_t klass = 0;
  uint32_t ttl = 0;
  size_t begin = 0;
  size_t ttl_offset = 0;
  size_t content = 0;  // offset of the rdata
  uint16_t length = 0;
};

Record read_record(Reader& reader) {
  Record record;
  record.begin = reader.at();
  reader.skip_name();
  record.root_owner = !reader.failed() && reader.at() == record.begin + 1;
  record.type = reader.u16();
  record.klass = reader.u16();
  record.ttl_offset = reader.at();
  record.ttl = reader.u32();
  record.length = reader.u16();
  record.content = reader.at();
  reader.skip(record.length);
  return record;
}

// The name of a question. Compression is invalid here, because no name precedes it.
bool read_question_name(std::string_view bytes, size_t& at, Question& question) {
  size_t begin = at;
  while (at < bytes.size()) {
    uint8_t length = byte_at(bytes, at);
    if (length > 63 || at + 1 + length > bytes.size() || at + 1 + length - begin > kMaxName) return false;
    ++at;
    if (length == 0) {
      question.wire_name = bytes.substr(begin, at - begin);
      return true;
    }
    if (!question.name.empty()) question.name += '.';
    for (size_t end = at + length; at < end; ++at) {
      char c = bytes[at];
      if (c == '.' || c == '\0') question.odd = true;
      question.name += lowered(c);
    }
  }
  return false;
}

// Returns false for FORMERR.
bool read_additional(Reader& reader, unsigned authorities, unsigned additionals, Query& query) {
  for (unsigned i = 0; i < authorities + additionals; ++i) {
    Record record = read_record(reader);
    if (reader.failed()) return false;
    if (record.type != kTypeOpt || i < authorities) continue;
    if (query.edns || !record.root_owner) return false;
    query.edns = Edns{std::max(record.klass, kLeastUdpSize), static_cast<uint8_t>(record.ttl >> 16 & 0xFF),
                      (record.ttl & 0x8000U) != 0};
  }
  return true;
}

void put_opt(std::string& out, bool dnssec_ok, uint8_t extended_rcode) {
  out += '\0';
  put_u16(out, kTypeOpt);
  put_u16(out, kOurUdpSize);
  put_u32(out, static_cast<uint32_t>(extended_rcode) << 24 | (dnssec_ok ? 0x8000U : 0U));
  put_u16(out, 0);
}

void put_question(std::string& out, std::string_view wire_name, uint16_t type, uint16_t klass) {
  out += wire_name;
  put_u16(out, type);
  put_u16(out, klass);
}

}  // namespace

uint16_t read_u16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

uint32_t read_u32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(read_u16(bytes, at)) << 16 | read_u16(bytes, at + 2);
}

void put_u16(std::string& out, uint16_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

void put_u32(std::string& out, uint32_t value) {
  put_u16(out, static_cast<uint16_t>(value >> 16));
  put_u16(out, static_cast<uint16_t>(value & 0xFFFF));
}

void set_u16(std::string& out, size_t at, uint16_t value) {
  out[at] = static_cast<char>(value >> 8);
  out[at + 1] = static_cast<char>(value & 0xFF);
}

size_t Query::udp_limit() const { return edns ? edns->udp_size : kLeastUdpSize; }

ParsedQuery parse_query(std::string_view bytes) {
  ParsedQuery out;
  if (bytes.size() < kHeaderSize || bytes.size() > kMaxMessage) return out;
  Query& query = out.query;
  query.id = read_u16(bytes, 0);
  query.flags = read_u16(bytes, 2);
  if ((query.flags & kFlagQr) != 0) return out;
  out.kind = ParsedQuery::Kind::Refuse;
  out.rcode = Rcode::NotImp;
  if ((query.flags >> 11 & 0xF) != 0) return out;
  out.rcode = Rcode::FormErr;
  uint16_t answers = read_u16(bytes, 6);
  uint16_t authorities = read_u16(bytes, 8);
  uint16_t additionals = read_u16(bytes, 10);
  if (read_u16(bytes, 4) != 1 || answers != 0 || authorities > 1 || additionals > 4) return out;
  size_t at = kHeaderSize;
  if (!read_question_name(bytes, at, query.question)) return out;
  Reader reader(bytes, at);
  query.question.type = reader.u16();
  query.question.klass = reader.u16();
  if (reader.failed() || !read_additional(reader, authorities, additionals, query)) return out;
  out.kind = ParsedQuery::Kind::Good;
  return out;
}

std::string header_reply(std::string_view query, Rcode rcode) {
  std::string out(query.substr(0, 2));
  uint16_t asked = read_u16(query, 2);
  put_u16(out, static_cast<uint16_t>(kFlagQr | (asked & (0x7800 | kFlagRd)) | kFlagRa |
                                     static_cast<uint16_t>(rcode)));
  out.append(8, '\0');
  return out;
}

ReplyBuilder::ReplyBuilder(const Query& query, size_t limit) : query_(query), limit_(limit) {
  if (query.edns) limit_ -= kOptSize;
  bytes_.reserve(kHeaderSize + query.question.wire_name.size() + 4 + 128);
  bytes_.append(kHeaderSize, '\0');
  put_question(bytes_, query.question.wire_name, query.question.type, query.question.klass);
}

bool ReplyBuilder::put_record(std::string_view owner, uint16_t type, uint32_t ttl, std::string_view content,
                              uint16_t& count) {
  if (bytes_.size() + owner.size() + 10 + content.size() > limit_) {
    flags_ |= kFlagTc;
    return false;
  }
  bytes_ += owner;
  put_u16(bytes_, type);
  put_u16(bytes_, kClassIn);
  put_u32(bytes_, ttl);
  put_u16(bytes_, static_cast<uint16_t>(content.size()));
  bytes_ += content;
  ++count;
  return true;
}

namespace {
constexpr std::array<char, 2> kQuestionPointer{static_cast<char>(kPointerToQuestion >> 8),
                                               static_cast<char>(kPointerToQuestion & 0xFF)};
std::string_view question_pointer() { return {kQuestionPointer.data(), kQuestionPointer.size()}; }
}  // namespace

bool ReplyBuilder::add_address(const IpAddress& address, uint32_t ttl) {
  auto raw = address.bytes();
  std::string_view content(reinterpret_cast<const char*>(raw.data()), raw.size());
  return put_record(question_pointer(), address.is_v4() ? kTypeA : kTypeAaaa, ttl, content, answers_);
}

bool ReplyBuilder::add_ptr(std::string_view dotted_name, uint32_t ttl) {
  std::optional<std::string> name = wire_name_of(dotted_name);
  return name && put_record(question_pointer(), kTypePtr, ttl, *name, answers_);
}

bool ReplyBuilder::add_soa(uint32_t ttl, unsigned skipped_labels) {
  std::string_view owner = query_.question.wire_name;
  for (unsigned i = 0; i < skipped_labels && owner.size() > 1; ++i)
    owner.remove_prefix(byte_at(owner, 0) + 1U);
  using namespace std::string_view_literals;
  // Names below "internal.", which is reserved for private use.
  std::string content("\5stack\10internal\0\12hostmaster\5stack\10internal\0"sv);
  put_u32(content, 1);
  for (uint32_t seconds : {60U, 60U, 60U, ttl}) put_u32(content, seconds);
  return put_record(owner, kTypeSoa, ttl, content, authorities_);
}

std::string ReplyBuilder::finish(Rcode rcode) {
  auto code = static_cast<uint8_t>(rcode);
  set_u16(bytes_, 0, query_.id);
  uint16_t echoed = query_.flags & (kFlagRd | kFlagCd);
  set_u16(bytes_, 2, static_cast<uint16_t>(kFlagQr | flags_ | echoed | kFlagRa | (code & 0xF)));
  set_u16(bytes_, 4, 1);
  set_u16(bytes_, 6, answers_);
  set_u16(bytes_, 8, authorities_);
  set_u16(bytes_, 10, query_.edns ? 1 : 0);
  if (query_.edns) put_opt(bytes_, query_.edns->dnssec_ok, code >> 4);
  return std::move(bytes_);
}

std::string empty_reply(const Query& query, Rcode rcode) {
  return ReplyBuilder(query, kMaxMessage).finish(rcode);
}

std::optional<std::string> wire_name_of(std::string_view dotted) {
  std::string out;
  while (!dotted.empty()) {
    size_t length = std::min(dotted.find('.'), dotted.size());
    if (length == 0 || length > 63) return std::nullopt;
    out += static_cast<char>(length);
    out += dotted.substr(0, length);
    dotted.remove_prefix(std::min(length + 1, dotted.size()));
  }
  out += '\0';
  if (out.size() > kMaxName) return std::nullopt;
  return out;
}

namespace {

// Removes the last label from "a.b.c"; "" when none is left.
std::string_view take_last_label(std::string_view& name) {
  size_t dot = name.rfind('.');
  std::string_view label = dot == std::string_view::npos ? name : name.substr(dot + 1);
  name = dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
  return label;
}

template <size_t N>
std::optional<IpAddress> reverse_labels(std::string_view name, int base) {
  constexpr size_t kPerByte = N == 4 ? 1 : 2;
  std::array<uint8_t, N> bytes{};
  for (size_t i = 0; i < N * kPerByte; ++i) {
    std::string_view label = take_last_label(name);
    unsigned value = 0;
    auto [stop, problem] = std::from_chars(label.data(), label.data() + label.size(), value, base);
    bool too_long = label.size() > (N == 4 ? 3U : 1U);
    if (problem != std::errc() || stop != label.data() + label.size() || too_long || value > 255)
      return std::nullopt;
    bytes[i / kPerByte] = static_cast<uint8_t>(N == 4 ? value : unsigned{bytes[i / kPerByte]} << 4 | value);
  }
  if (!name.empty()) return std::nullopt;
  return address_from(bytes);
}

}  // namespace

std::optional<IpAddress> reverse_address(std::string_view name) {
  constexpr std::string_view kV4 = ".in-addr.arpa";
  constexpr std::string_view kV6 = ".ip6.arpa";
  if (name.ends_with(kV4)) return reverse_labels<4>(name.substr(0, name.size() - kV4.size()), 10);
  if (name.ends_with(kV6)) return reverse_labels<16>(name.substr(0, name.size() - kV6.size()), 16);
  return std::nullopt;
}

namespace {

// The time to live of an answer: the minimum TTL of a positive answer, the SOA of a negative one (RFC 2308 section 5).
struct Lifetime {
  uint32_t least = kMaxTtl;
  std::optional<uint32_t> negative;

  void take(const Record& record, std::string_view bytes) {
    // RFC 2181 section 8: a TTL with the top bit set counts as 0.
    uint32_t ttl = (record.ttl & 0x80000000U) != 0 ? 0 : record.ttl;
    least = std::min(least, ttl);
    if (record.type != kTypeSoa || record.length < 4) return;
    negative = std::min({ttl, read_u32(bytes, record.content + record.length - 4), kMaxNegativeTtl});
  }

  uint32_t of(Rcode rcode, unsigned answers) const {
    if (rcode == Rcode::NoError && answers > 0) return least;
    if (rcode == Rcode::NoError || rcode == Rcode::NxDomain) return std::min(negative.value_or(0), least);
    return 0;
  }
};

}  // namespace

namespace {

// Sets the header's counts to the first `records` records.
void set_counts(std::string& bytes, unsigned records) {
  for (size_t section : {6U, 8U, 10U}) {
    unsigned count = std::min<unsigned>(read_u16(bytes, section), records);
    set_u16(bytes, section, static_cast<uint16_t>(count));
    records -= count;
  }
}

// Drops records that do not fit into `room` bytes. Returns false if at most additional records were dropped.
bool cut_records(std::string& bytes, const UpstreamReply& upstream, size_t question_end, size_t room) {
  unsigned required = read_u16(bytes, 6) + unsigned{read_u16(bytes, 8)};
  const std::vector<uint16_t>& ends = upstream.record_ends;
  auto kept = static_cast<size_t>(
      std::find_if(ends.begin(), ends.end(), [&](uint16_t end) { return end > room; }) - ends.begin());
  bytes.resize(kept == 0 ? question_end : ends[kept - 1]);
  set_counts(bytes, static_cast<unsigned>(kept));
  return kept < required;
}

void take_age_off(std::string& bytes, const UpstreamReply& upstream, uint32_t age) {
  for (uint16_t at : upstream.ttl_offsets) {
    if (at + size_t{4} > bytes.size()) break;
    uint32_t left = read_u32(bytes, at);
    left = left > age ? left - age : 0;
    set_u16(bytes, at, static_cast<uint16_t>(left >> 16));
    set_u16(bytes, at + 2U, static_cast<uint16_t>(left & 0xFFFF));
  }
}

}  // namespace

std::optional<UpstreamReply> parse_reply(std::string_view bytes) {
  if (bytes.size() < kHeaderSize || bytes.size() > kMaxMessage) return std::nullopt;
  UpstreamReply reply;
  reply.id = read_u16(bytes, 0);
  reply.flags = read_u16(bytes, 2);
  reply.rcode = static_cast<Rcode>(reply.flags & 0xF);
  reply.truncated = (reply.flags & kFlagTc) != 0;
  if ((reply.flags & kFlagQr) == 0 || read_u16(bytes, 4) != 1) return std::nullopt;
  size_t at = kHeaderSize;
  Question question;
  if (!read_question_name(bytes, at, question)) return std::nullopt;
  reply.wire_name = std::move(question.wire_name);
  Reader reader(bytes, at);
  reply.type = reader.u16();
  reply.klass = reader.u16();
  unsigned answers = read_u16(bytes, 6);
  unsigned before_additional = answers + read_u16(bytes, 8);
  unsigned total = before_additional + read_u16(bytes, 10);
  Lifetime life;
  size_t end = reader.at();
  unsigned kept = 0;
  for (unsigned i = 0; i < total; ++i) {
    Record record = read_record(reader);
    if (reader.failed() && reply.truncated) break;
    if (reader.failed()) return std::nullopt;
    if (record.type == kTypeOpt && i >= before_additional) {
      reply.has_edns = true;
      break;
    }
    life.take(record, bytes);
    reply.ttl_offsets.push_back(static_cast<uint16_t>(record.ttl_offset));
    end = reader.at();
    reply.record_ends.push_back(static_cast<uint16_t>(end));
    ++kept;
  }
  reply.ttl = life.of(reply.rcode, answers);
  reply.bytes = bytes.substr(0, end);
  set_counts(reply.bytes, kept);
  return reply;
}

std::string forward_query(const Query& query, uint16_t id, std::string_view wire_name, bool edns) {
  std::string out;
  out.reserve(kHeaderSize + wire_name.size() + 4 + kOptSize);
  put_u16(out, id);
  put_u16(out, static_cast<uint16_t>(kFlagRd | (query.flags & (kFlagAd | kFlagCd))));
  put_u16(out, 1);
  put_u16(out, 0);
  put_u16(out, 0);
  put_u16(out, edns ? 1 : 0);
  put_question(out, wire_name, query.question.type, query.question.klass);
  if (edns) put_opt(out, query.edns && query.edns->dnssec_ok, 0);
  return out;
}

std::string reply_for(const Query& query, const UpstreamReply& upstream, uint32_t age, size_t limit) {
  // The names have been compared; this check prevents writing over an answer to another question in any case.
  if (upstream.wire_name.size() != query.question.wire_name.size())
    return empty_reply(query, Rcode::ServFail);
  std::string out = upstream.bytes;
  size_t question_end = kHeaderSize + query.question.wire_name.size() + 4;
  uint16_t flags = upstream.flags & static_cast<uint16_t>(~(kFlagRd | kFlagTc | kFlagAa));
  flags =
      static_cast<uint16_t>(flags | kFlagRa | (query.flags & kFlagRd) | (upstream.truncated ? kFlagTc : 0));
  size_t opt = query.edns ? kOptSize : 0;
  if (out.size() + opt > limit && cut_records(out, upstream, question_end, limit - opt)) flags |= kFlagTc;
  if (age > 0) take_age_off(out, upstream, age);
  set_u16(out, 0, query.id);
  set_u16(out, 2, flags);
  std::copy(query.question.wire_name.begin(), query.question.wire_name.end(), out.begin() + kHeaderSize);
  if (query.edns) {
    set_u16(out, 10, static_cast<uint16_t>(read_u16(out, 10) + 1));
    put_opt(out, query.edns->dnssec_ok, 0);
  }
  return out;
}

}  // namespace stack::dns
