// Cache of upstream answers for their time to live; evicts the least recently used.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/dns/message.h"

namespace stack::dns {

class Cache {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Cache(size_t limit) : limit_(limit) {}

  struct Hit {
    std::shared_ptr<const UpstreamReply> reply;  // null: not cached
    uint32_t age = 0;                            // whole seconds since it was stored
  };
  Hit find(const std::string& key, Clock::time_point now);
  // No-op for a `ttl` of 0.
  void keep(const std::string& key, std::shared_ptr<const UpstreamReply> reply, uint32_t ttl,
            Clock::time_point now);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const UpstreamReply> reply;
    Clock::time_point came;
    Clock::time_point expires;
  };
  using Entries = std::list<Entry>;

  size_t limit_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
};

}  // namespace stack::dns
