// A blob that is requested twice is fetched once: callers take turns, and the later one finds the result of the
// earlier one.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/result.h"

namespace stack::images::registry {

class BlobTurns {
 public:
  // While it exists, only this caller works on the blob.
  class Turn {
   public:
    Turn(Turn&& other) noexcept
        : turns_(std::exchange(other.turns_, nullptr)), digest_(std::move(other.digest_)) {}
    Turn(const Turn&) = delete;
    ~Turn();

   private:
    friend class BlobTurns;
    Turn(BlobTurns* turns, std::string digest) : turns_(turns), digest_(std::move(digest)) {}
    BlobTurns* turns_;
    std::string digest_;
  };

  // Waits for the turn; Canceled if `stop` comes first. `on_wait` is called once if the caller has to wait.
  Result<Turn> take(const std::string& digest, std::stop_token stop, const std::function<void()>& on_wait);

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> busy_;
};

}  // namespace stack::images::registry
