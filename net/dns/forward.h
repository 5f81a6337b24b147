// Forwards queries to upstream servers: merges identical ones, caches answers, enforces timeouts.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/dns/cache.h"
#include "net/dns/message.h"
#include "net/dns/upstream.h"

namespace stack::dns {

struct ForwarderOptions {
  size_t cache_entries = 4096;
  size_t in_flight_limit = 4096;
  std::chrono::milliseconds attempt_timeout{800};
  std::chrono::milliseconds total_timeout{4500};
};

class Exchange;

class Forwarder {
 public:
  // Called exactly once, possibly before ask() returns, with an answer for reply_for(), or null if all servers
  // failed.
  using Deliver = std::function<void(const UpstreamReply* reply)>;

  Forwarder(asio::io_context& context, ForwarderOptions options);
  // Drops queries in flight without an answer.
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // The set for this list; returns the same object while it is in use.
  std::shared_ptr<ServerSet> servers(const std::vector<UpstreamAddress>& addresses);

  // The cached answer, if it is still valid.
  Cache::Hit cached(const Query& query, const ServerSet& servers);
  // Joins an identical query in flight, or sends a new one.
  void ask(const Query& query, std::shared_ptr<ServerSet> servers, Deliver deliver);

  uint64_t merged() const { return merged_; }
  uint64_t forwarded() const { return forwarded_; }
  size_t in_flight() const { return flights_.size(); }

 private:
  friend class Exchange;
  void finished(const std::string& key);
  void note_failure(const std::string& key, const Query& query);
  uint64_t random();

  asio::io_context& context_;
  ForwarderOptions options_;
  Cache cache_;
  std::map<std::string, std::shared_ptr<Exchange>, std::less<>> flights_;
  std::map<std::vector<UpstreamAddress>, std::weak_ptr<ServerSet>> sets_;
  uint64_t next_set_ = 1;
  size_t tcp_questions_ = 0;
  uint64_t random_;
  uint64_t drawn_ = 0;
  uint64_t merged_ = 0;
  uint64_t forwarded_ = 0;
};

}  // namespace stack::dns
