// The wire format of DNS for a stub resolver's server and forwarder (RFC 1035, 2181, 6891). Pure; accepts any input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/address.h"

namespace stack::dns {

// Record types by number; others are forwarded unchanged.
inline constexpr uint16_t kTypeA = 1;
inline constexpr uint16_t kTypeSoa = 6;
inline constexpr uint16_t kTypePtr = 12;
inline constexpr uint16_t kTypeAaaa = 28;
inline constexpr uint16_t kTypeOpt = 41;
inline constexpr uint16_t kTypeAny = 255;
inline constexpr uint16_t kClassIn = 1;
inline constexpr uint16_t kClassAny = 255;

enum class Rcode : uint8_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  BadVers = 16
};

inline constexpr uint16_t kFlagQr = 0x8000;
inline constexpr uint16_t kFlagAa = 0x0400;
inline constexpr uint16_t kFlagTc = 0x0200;
inline constexpr uint16_t kFlagRd = 0x0100;
inline constexpr uint16_t kFlagRa = 0x0080;
inline constexpr uint16_t kFlagAd = 0x0020;
inline constexpr uint16_t kFlagCd = 0x0010;

inline constexpr size_t kHeaderSize = 12;
inline constexpr size_t kMaxName = 255;  // on the wire, with the root
inline constexpr size_t kMaxMessage = 65535;
// The UDP size that we advertise (DNS flag day 2020), and the minimum that everyone must accept.
inline constexpr uint16_t kOurUdpSize = 1232;
inline constexpr uint16_t kLeastUdpSize = 512;

struct Question {
  std::string wire_name;  // as in the query: original case, uncompressed, with the root's zero
  // Lowercase, dotted, no final dot; "" for the root. Bytes that are invalid in host names are kept, except '.' and
  // NUL inside a label, which make the name `odd`.
  std::string name;
  bool odd = false;  // cannot match a local name
  uint16_t type = 0;
  uint16_t klass = 0;
};

struct Edns {
  uint16_t udp_size = kLeastUdpSize;
  uint8_t version = 0;
  bool dnssec_ok = false;
};

struct Query {
  uint16_t id = 0;
  uint16_t flags = 0;
  Question question;
  std::optional<Edns> edns;

  bool recursion_desired() const { return (flags & kFlagRd) != 0; }
  // Maximum size of an answer over UDP.
  size_t udp_limit() const;
};

// The result of parsing a client's message.
struct ParsedQuery {
  enum class Kind {
    Good,    // `query` is valid
    Refuse,  // reply with header_reply(bytes, rcode)
    Drop,    // not a query: no answer
  };
  Kind kind = Kind::Drop;
  Rcode rcode = Rcode::NoError;
  Query query;
};

// Short messages and answers (QR=1) are dropped. Opcodes other than QUERY get NOTIMP. A question count other than one,
// malformed names or records, and two OPT records get FORMERR. An EDNS version above 0 is Good with edns->version set (the
// answer is BADVERS).
ParsedQuery parse_query(std::string_view bytes);

// The twelve bytes of a refusal, with ID, opcode, and RD of the query.
std::string header_reply(std::string_view query, Rcode rcode);

// Builds an answer to a query.
class ReplyBuilder {
 public:
  // `limit`: maximum size of the answer; reserves space for the OPT record if the query has one.
  ReplyBuilder(const Query& query, size_t limit);

  // Adds a complete record, or returns false and sets TC if it does not fit. The owner is the question's name.
  bool add_address(const IpAddress& address, uint32_t ttl);
  bool add_ptr(std::string_view dotted_name, uint32_t ttl);
  // For negative answers: adds a synthetic SOA to the authority section with this TTL and minimum (RFC 2308), owned by the
  // question's name without its first `skipped_labels` labels.
  bool add_soa(uint32_t ttl, unsigned skipped_labels);
  void set_authoritative() { flags_ |= kFlagAa; }

  std::string finish(Rcode rcode);

 private:
  bool put_record(std::string_view owner, uint16_t type, uint32_t ttl, std::string_view content,
                  uint16_t& count);

  const Query& query_;
  size_t limit_;
  uint16_t flags_ = 0;
  uint16_t answers_ = 0;
  uint16_t authorities_ = 0;
  std::string bytes_;
};

// An answer without records.
std::string empty_reply(const Query& query, Rcode rcode);

// "a.b" -> 1 a 1 b 0; nullopt if it is not a valid name.
std::optional<std::string> wire_name_of(std::string_view dotted);

// The address of "4.3.2.1.in-addr.arpa" or a full "...ip6.arpa" name in lowercase.
std::optional<IpAddress> reverse_address(std::string_view name);

// --- answers of upstream servers ---

struct UpstreamReply {
  uint16_t id = 0;
  uint16_t flags = 0;
  Rcode rcode = Rcode::NoError;  // the low four bits
  std::string wire_name;         // from the answer's question
  uint16_t type = 0;
  uint16_t klass = 0;
  bool truncated = false;
  bool has_edns = false;
  // Time to live of the message: the minimum TTL of all records; for negative answers from the SOA; 0 if it must not be
  // cached.
  uint32_t ttl = 0;
  // For each record in `bytes`: the offset of its TTL, and its end.
  std::vector<uint16_t> ttl_offsets;
  std::vector<uint16_t> record_ends;
  // The message without its OPT record and the bytes after it.
  std::string bytes;
};

// nullopt: malformed, not an answer, or not exactly one question. A truncated message may end inside a record; the
// complete records before it are kept.
std::optional<UpstreamReply> parse_reply(std::string_view bytes);

// A query for an upstream server: RD set, CD and AD as in the client's query, OPT with our size (unless !edns) and the
// client's DO bit.
std::string forward_query(const Query& query, uint16_t id, std::string_view wire_name, bool edns);

// An upstream answer adapted to one client: the client's ID and letter case, RA set, each TTL reduced by `age` seconds,
// OPT if the query has one. If it exceeds `limit`, contains the complete records that fit, with TC unless only additional
// records are missing (RFC 2181 section 9). SERVFAIL if it answers a question of another length.
std::string reply_for(const Query& query, const UpstreamReply& upstream, uint32_t age, size_t limit);

uint16_t read_u16(std::string_view bytes, size_t at);
uint32_t read_u32(std::string_view bytes, size_t at);
void put_u16(std::string& out, uint16_t value);
void put_u32(std::string& out, uint32_t value);
void set_u16(std::string& out, size_t at, uint16_t value);

}  // namespace stack::dns
