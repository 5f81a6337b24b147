#include "net/dns/cache.h"

namespace stack::dns {

Cache::Hit Cache::find(const std::string& key, Clock::time_point now) {
  auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  Entries::iterator entry = found->second;
  if (now >= entry->expires) {
    by_key_.erase(found);
    entries_.erase(entry);
    return {};
  }
  entries_.splice(entries_.begin(), entries_, entry);
  auto age = std::chrono::duration_cast<std::chrono::seconds>(now - entry->came).count();
  return {entry->reply, static_cast<uint32_t>(age)};
}

void Cache::keep(const std::string& key, std::shared_ptr<const UpstreamReply> reply, uint32_t ttl,
                 Clock::time_point now) {
  if (ttl == 0 || limit_ == 0) return;
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    Entries::iterator old = found->second;
    by_key_.erase(found);
    entries_.erase(old);
  }
  while (entries_.size() >= limit_) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  entries_.push_front({key, std::move(reply), now, now + std::chrono::seconds(ttl)});
  by_key_[entries_.front().key] = entries_.begin();
}

}  // namespace stack::dns
