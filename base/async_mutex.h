// Mutual exclusion between coroutines of the engine thread, first come first served.
#pragma once

#include <deque>
#include <memory>

#include "base/async.h"

namespace stack {

class AsyncMutex {
 public:
  explicit AsyncMutex(asio::io_context& io) : io_(io) {}
  AsyncMutex(const AsyncMutex&) = delete;
  AsyncMutex& operator=(const AsyncMutex&) = delete;

  class Lock {
   public:
    explicit Lock(AsyncMutex* mutex) : mutex_(mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  Task<Lock> lock() {
    if (!held_) {
      held_ = true;
      co_return Lock(this);
    }
    auto turn = std::make_shared<asio::steady_timer>(io_, asio::steady_timer::time_point::max());
    waiting_.push_back(turn);
    asio::error_code code;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, code));
    co_return Lock(this);  // unlock() handed the mutex over, so it stayed held
  }

  bool held() const { return held_; }

 private:
  void unlock() {
    if (waiting_.empty()) {
      held_ = false;
      return;
    }
    auto next = waiting_.front();
    waiting_.pop_front();
    next->cancel();
  }

  asio::io_context& io_;
  bool held_ = false;
  std::deque<std::shared_ptr<asio::steady_timer>> waiting_;
};

}  // namespace stack
