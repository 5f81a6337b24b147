// Requests on one connection: the results must be the same for whole requests and byte by byte.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "docker/filters.h"
#include "http/wire/request_parser.h"
#include "http/wire/query.h"

using namespace stack::http;

namespace {

struct Read {
  std::string method, target, body;
  bool complete = false;
  int failure = 0;

  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string_view text, size_t piece) {
  RequestParser parser(16384);
  while (!text.empty() && parser.failure() == 0 && !parser.message_complete()) {
    std::string_view now = text.substr(0, piece);
    size_t used = parser.feed(now);
    if (used > now.size()) std::abort();
    if (used == 0 && parser.failure() == 0 && !parser.message_complete()) break;
    text.remove_prefix(used);
  }
  return {parser.header_complete() ? parser.method() : "", parser.target, parser.body,
          parser.message_complete(), parser.failure()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  Read whole = read_in_pieces(text, size == 0 ? 1 : size);
  Read slow = read_in_pieces(text, 1);
  if (whole.complete && whole.failure == 0 && !(whole == slow)) std::abort();
  TargetParts parts = split_target(whole.target);
  (void)percent_decode(parts.path);
  if (auto query = Query::parse(parts.query)) {
    (void)parse_filters(query->get("filters"));
    (void)query->integer("t", 0);
  }
  return 0;
}
