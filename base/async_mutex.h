// A fair mutex for coroutines on the engine thread.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <stop_token>

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
    std::optional<Lock> taken = co_await lock(std::stop_token());
    co_return std::move(*taken);
  }

  // Returns nullopt if `stop` is requested, on the engine thread, before the lock is available. If Asio cancels the wait,
  // the coroutine ends with an exception, like every canceled coroutine, and the lock stays with its holder.
  Task<std::optional<Lock>> lock(std::stop_token stop) {
    if (stop.stop_requested()) co_return std::nullopt;
    if (!held_) {
      held_ = true;
      co_return Lock(this);
    }
    Turn turn(*this);
    std::stop_callback on_stop(stop, [&turn] { turn.timer.cancel(); });
    while (!turn.granted && !stop.stop_requested()) {
      asio::error_code code;
      co_await turn.timer.async_wait(asio::redirect_error(asio::use_awaitable, code));
    }
    if (!turn.granted) co_return std::nullopt;
    turn.granted = false;  // the Lock owns it now
    co_return Lock(this);
  }

  bool held() const { return held_; }

 private:
  // A place in the queue. If it is destroyed after it was granted the mutex, it passes the mutex on.
  struct Turn {
    explicit Turn(AsyncMutex& owner)
        : mutex(owner),
          timer(owner.io_, asio::steady_timer::time_point::max()),
          place(owner.waiting_.insert(owner.waiting_.end(), this)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (queued) mutex.waiting_.erase(place);
      if (granted) mutex.unlock();
    }

    AsyncMutex& mutex;
    asio::steady_timer timer;
    std::list<Turn*>::iterator place;
    bool queued = true;
    bool granted = false;
  };

  void unlock() {
    if (waiting_.empty()) {
      held_ = false;
      return;
    }
    Turn& next = *waiting_.front();
    waiting_.pop_front();
    next.queued = false;
    next.granted = true;
    next.timer.cancel();
  }

  asio::io_context& io_;
  bool held_ = false;
  std::list<Turn*> waiting_;
};

}  // namespace stack
