#include "net/dns/forward.h"

#include <sys/random.h>

#include "net/dns/answer.h"
#include "net/dns/exchange.h"

namespace stack::dns {

namespace {

uint64_t seed() {
  uint64_t value = 0;
  if (::getrandom(&value, sizeof(value), 0) != sizeof(value) || value == 0) value = 0x9E3779B97F4A7C15U;
  return value;
}

// The cache key: everything that determines the answer.
std::string key_of(const Query& query, const ServerSet& servers) {
  const Question& question = query.question;
  std::string key;
  key.reserve(question.name.size() + 16);
  key += question.name;
  // A label may contain a dot; the wire form distinguishes such names.
  if (question.odd) key += question.wire_name;
  key += '\0';
  put_u16(key, question.type);
  put_u16(key, question.klass);
  bool dnssec_ok = query.edns && query.edns->dnssec_ok;
  put_u16(key, static_cast<uint16_t>((query.flags & (kFlagAd | kFlagCd)) | (dnssec_ok ? 1 : 0)));
  put_u32(key, static_cast<uint32_t>(servers.number));
  return key;
}

}  // namespace

Forwarder::Forwarder(asio::io_context& context, ForwarderOptions options)
    : context_(context), options_(options), cache_(options.cache_entries), random_(seed()) {}

Forwarder::~Forwarder() {
  for (auto& [key, exchange] : flights_) exchange->abandon();
}

uint64_t Forwarder::random() {
  // Ports, IDs, and letter case must not be predictable from earlier ones, so the state is reseeded from the kernel
  // regularly.
  if (++drawn_ % 64 == 0) random_ ^= seed();
  if (random_ == 0) random_ = seed();
  return next_random(random_) * 0x2545F4914F6CDD1DU;
}

std::shared_ptr<ServerSet> Forwarder::servers(const std::vector<UpstreamAddress>& addresses) {
  std::erase_if(sets_, [](const auto& entry) { return entry.second.expired(); });
  if (auto found = sets_.find(addresses); found != sets_.end()) return found->second.lock();
  auto set = std::make_shared<ServerSet>();
  set->number = next_set_++;
  for (const UpstreamAddress& address : addresses)
    set->servers.push_back(std::make_shared<Upstream>(context_, address));
  sets_[addresses] = set;
  return set;
}

Cache::Hit Forwarder::cached(const Query& query, const ServerSet& servers) {
  return cache_.find(key_of(query, servers), Cache::Clock::now());
}

void Forwarder::ask(const Query& query, std::shared_ptr<ServerSet> servers, Deliver deliver) {
  std::string key = key_of(query, *servers);
  if (auto found = flights_.find(key); found != flights_.end()) {
    ++merged_;
    found->second->add_waiter(std::move(deliver));
    return;
  }
  if (flights_.size() >= options_.in_flight_limit || servers->servers.empty()) return deliver(nullptr);
  ++forwarded_;
  auto exchange = std::make_shared<Exchange>(*this, key, query, std::move(servers));
  exchange->add_waiter(std::move(deliver));
  flights_[key] = exchange;
  exchange->start();
}

void Forwarder::finished(const std::string& key) { flights_.erase(key); }

void Forwarder::note_failure(const std::string& key, const Query& query) {
  auto failure = std::make_shared<UpstreamReply>();
  failure->rcode = Rcode::ServFail;
  failure->flags = static_cast<uint16_t>(kFlagQr | kFlagRa | static_cast<uint16_t>(Rcode::ServFail));
  Query plain = query;
  plain.edns.reset();
  failure->bytes = empty_reply(plain, Rcode::ServFail);
  // RFC 9520: caches failures, so that clients that retry immediately do not overload the servers.
  constexpr uint32_t kFailureTtl = 1;
  cache_.keep(key, std::move(failure), kFailureTtl, Cache::Clock::now());
}

}  // namespace stack::dns
