#include "net/dns/answer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace stack::dns {

namespace {

// Larger UDP answers do not pass every path; on loopback this suffices for 250 addresses.
constexpr size_t kMostUdp = 4096;

bool is_or_below(std::string_view name, std::string_view top) {
  if (!name.ends_with(top)) return false;
  return name.size() == top.size() || name[name.size() - top.size() - 1] == '.';
}

class Answerer {
 public:
  Answerer(const Query& query, const View& view, const Zone& zone, Transport transport, uint64_t& random)
      : query_(query),
        question_(query.question),
        view_(view),
        zone_(zone),
        limit_(transport == Transport::Tcp ? kMaxMessage : std::min(query.udp_limit(), kMostUdp)),
        random_(random) {}

  // "" means forward.
  std::string decide() {
    if (query_.edns && query_.edns->version != 0) return empty_reply(query_, Rcode::BadVers);
    if (question_.klass != kClassIn && question_.klass != kClassAny)
      return empty_reply(query_, Rcode::Refused);
    if (!question_.odd) {
      std::string local = decide_local();
      if (!local.empty()) return local;
    }
    if (!zone_.has_way_out(view_)) return no_such_name();
    return {};
  }

 private:
  std::string decide_local() {
    const std::string& name = question_.name;
    if (is_or_below(name, "localhost")) return addresses({IpAddress::v4(0x7F000001), loopback_v6()});
    if (is_or_below(name, "invalid")) return no_such_name();
    Zone::Found found = zone_.find(view_, name);
    if (!found.addresses.empty()) return addresses(std::move(found.addresses));
    if (found.known) return no_such_name();
    if (std::optional<IpAddress> address = reverse_address(name)) return reverse(*address);
    if (zone_.is_internal_name(view_, name)) return no_such_name();
    return {};
  }

  static IpAddress loopback_v6() {
    std::array<uint8_t, 16> bytes{};
    bytes[15] = 1;
    return IpAddress::v6(bytes);
  }

  std::string addresses(std::vector<IpAddress> all) {
    bool v4 = question_.type == kTypeA;
    bool v6 = question_.type == kTypeAaaa;
    // RFC 8482: ANY may be answered with any one RRset.
    if (question_.type == kTypeAny) (all.front().is_v4() ? v4 : v6) = true;
    std::erase_if(all, [&](const IpAddress& a) { return a.is_v4() ? !v4 : !v6; });
    if (all.empty()) return no_data();
    shuffle(all);
    ReplyBuilder reply(query_, limit_);
    reply.set_authoritative();
    for (const IpAddress& address : all)
      if (!reply.add_address(address, kLocalTtl)) break;
    return reply.finish(Rcode::NoError);
  }

  void shuffle(std::vector<IpAddress>& all) {
    for (size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[next_random(random_) % i]);
  }

  std::string reverse(const IpAddress& address) {
    std::optional<std::string> name = zone_.find_name(view_, address);
    if (!name && address.is_loopback()) name = "localhost";
    if (!name) return zone_.owns_address(view_, address) ? no_such_name() : std::string();
    if (question_.type != kTypePtr && question_.type != kTypeAny) return no_data();
    ReplyBuilder reply(query_, limit_);
    reply.set_authoritative();
    reply.add_ptr(*name, kLocalTtl);
    return reply.finish(Rcode::NoError);
  }

  std::string no_data() { return negative(Rcode::NoError, 0); }
  std::string no_such_name() { return negative(Rcode::NxDomain, 1); }

  std::string negative(Rcode rcode, unsigned skipped_labels) {
    ReplyBuilder reply(query_, limit_);
    reply.set_authoritative();
    reply.add_soa(kNegativeTtl, skipped_labels);
    return reply.finish(rcode);
  }

  const Query& query_;
  const Question& question_;
  const View& view_;
  const Zone& zone_;
  size_t limit_;
  uint64_t& random_;
};

}  // namespace

uint64_t next_random(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

Decision answer(std::string_view bytes, const View& view, const Zone& zone, Transport transport,
                uint64_t& random) {
  ParsedQuery parsed = parse_query(bytes);
  if (parsed.kind == ParsedQuery::Kind::Drop) return {};
  if (parsed.kind == ParsedQuery::Kind::Refuse)
    return {Decision::Kind::Reply, header_reply(bytes, parsed.rcode), {}};
  std::string reply = Answerer(parsed.query, view, zone, transport, random).decide();
  if (!reply.empty()) return {Decision::Kind::Reply, std::move(reply), {}};
  return {Decision::Kind::Forward, {}, std::move(parsed.query)};
}

}  // namespace stack::dns
