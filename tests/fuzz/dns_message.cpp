// The bytes of a client's query, and of an upstream server's answer to it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/dns/message.h"

using namespace stack::dns;

namespace {

void check_reply(const Query& query, const std::string& reply, size_t limit) {
  if (reply.size() < kHeaderSize || reply.size() > limit) std::abort();
  if (read_u16(reply, 0) != query.id || (read_u16(reply, 2) & kFlagQr) == 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  std::string_view first = text;
  std::string_view second;
  if (size >= 2) {
    size_t length = std::min(size_t{read_u16(text, 0)}, size - 2);
    first = text.substr(2, length);
    second = text.substr(2 + length);
  }
  ParsedQuery parsed = parse_query(first);
  if (parsed.kind == ParsedQuery::Kind::Refuse) (void)header_reply(first, parsed.rcode);
  if (parsed.kind != ParsedQuery::Kind::Good) {
    (void)parse_reply(second);
    return 0;
  }
  const Query& query = parsed.query;
  size_t limit = query.udp_limit();
  check_reply(query, empty_reply(query, Rcode::NoError), limit);
  (void)reverse_address(query.question.name);
  ReplyBuilder builder(query, limit);
  for (int i = 0; i < 40; ++i) (void)builder.add_address(*stack::parse_ip("10.0.0.1"), 5);
  (void)builder.add_ptr(query.question.name, 5);
  (void)builder.add_soa(5, 1);
  check_reply(query, builder.finish(Rcode::NoError), limit);
  // The forwarded query is itself a query of the same name.
  std::string question = forward_query(query, 7, query.question.wire_name, true);
  ParsedQuery again = parse_query(question);
  if (again.kind != ParsedQuery::Kind::Good || again.query.question.name != query.question.name) std::abort();
  if (auto reply = parse_reply(second)) check_reply(query, reply_for(query, *reply, 3, limit), limit);
  return 0;
}
